"""Markers removed and added, up to 1,000 a request."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5
from typing import Final
from xml.sax.saxutils import escape

from functions.s3_versions import documents
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.values import Action, How
from functions.s3_versions.watch import Watch
from functions.s3_versions.wire import AGAIN, Bucket, NoAnswer, RequestFailed, RequestRefused

MOST: Final = 1000
"""Versions or keys that one DeleteObjects names (S3 API)."""

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_CANNOT_BE_WRITTEN: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
"""What a document of XML 1.0 cannot hold, or not as it is (CR may be read as LF), and a key can."""


class Batch:
    """The actions of one DeleteObjects: all of the markers of a key are in one request."""

    def __init__(self) -> None:
        """None yet."""
        self._actions: list[Action] = []
        self._objects = 0

    def __bool__(self) -> bool:
        return bool(self._actions)

    def takes(self, action: Action) -> bool:
        """Whether there is room for an action."""
        return self._objects + _objects(action) <= MOST

    def add(self, action: Action) -> None:
        """Another action."""
        self._actions.append(action)
        self._objects += _objects(action)

    def send(self, bucket: Bucket, watch: Watch) -> Iterator[Outcome]:
        """Do it, again for the keys of which S3 asks that; an outcome for each action, in order.

        What somebody wrote above markers is not seen, and not touched. Versioning is looked at
        before markers are added, since a request may add many; it raises what Watch.look does.
        """
        marks = any(action.how is How.MARKER for action in self._actions)
        if marks:
            watch.look()
        watch.check()
        began = time.perf_counter()
        errors: dict[str, tuple[str, str]] = {}
        left = self._actions
        for number in range(1, bucket.tries + 1):
            found = _deleted(bucket, left, watch)
            errors |= found
            left = [action for action in left if found.get(action.key, ("", ""))[0] in AGAIN]
            if not left or watch.lost or number == bucket.tries:
                break
            for action in left:
                del errors[action.key]
            bucket.pause(number)
        seconds = time.perf_counter() - began
        outcomes = [_outcome(action, errors.get(action.key), seconds) for action in self._actions]
        yield from outcomes
        if marks and any(outcome.result is Result.ALREADY for outcome in outcomes):
            watch.look()  # our own markers perhaps, their answer lost


def _deleted(bucket: Bucket, actions: list[Action], watch: Watch) -> dict[str, tuple[str, str]]:
    """Code and words of each key that could not be deleted, by one request.

    An error that S3 tells of a key that was not asked for is that of all that it does not name.
    """
    body = "".join(map(_element, actions)).encode()
    body = b'<Delete xmlns="%s">%s</Delete>' % (_NAMESPACE.encode(), body)
    headers = {
        "content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode(),
        "content-type": "application/xml",
    }
    try:
        answer = bucket.request(
            "DeleteObjects", "POST", query={"delete": ""}, headers=headers, body=body
        )
    except RequestRefused as refused:
        return {action.key: (refused.code, str(refused)) for action in actions}
    except NoAnswer as failed:
        return {action.key: ("NoAnswer", str(failed)) for action in actions}
    named: dict[str, tuple[str, str]] = {}
    made: dict[str, str] = {}
    for element in documents.root(answer.body):
        told = documents.texts(element)
        key, code = told.get("Key", ""), told.get("Code", "")
        if documents.name(element) == "Error":
            words = f"DeleteObjects {f'{bucket.name}/{key}'!r}: {code} {told.get('Message', '')}"
            named.setdefault(key, (code, words))
        else:
            made[key] = told.get("DeleteMarkerVersionId", "")
    keys = {action.key for action in actions}
    stray = next((error for key, error in named.items() if key not in keys), None)
    errors = {}
    for action in actions:
        key, where = action.key, f"DeleteObjects {f'{bucket.name}/{action.key}'!r}"
        if key in named:
            errors[key] = named[key]
        elif key not in made:
            errors[key] = stray or ("", f"{where}: the answer does not name it")
        elif action.how is How.MARKER and (lost := watch.wrote("DeleteObjects", key, made[key])):
            errors[key] = ("", lost)
    return errors


def fits(action: Action) -> bool:
    """Whether a DeleteObjects can name the key, and all of its markers."""
    return _objects(action) <= MOST and not _CANNOT_BE_WRITTEN.search(action.key)


def delete_alone(bucket: Bucket, action: Action, watch: Watch) -> Outcome:
    """The same by DeleteObject, marker by marker, for a key that no DeleteObjects can name.

    Raises VersioningLost, where that was known before.
    """
    watch.check()
    began = time.perf_counter()
    error = None
    try:
        if action.how is How.MARKER:
            answer = bucket.request(
                "DeleteObject", "DELETE", action.key, headers=_condition(action)
            )
            made = answer.headers.get("x-amz-version-id", "")
            if lost := watch.wrote("DeleteObject", action.key, made):
                error = ("", lost)
        for marker in action.markers if action.how is How.UNDELETE else ():
            bucket.request("DeleteObject", "DELETE", action.key, query={"versionId": marker})
    except RequestFailed as failed:
        code = failed.code or {404: "NoSuchKey", 412: "PreconditionFailed"}.get(failed.status, "")
        error = (code, str(failed))
    return _outcome(action, error, time.perf_counter() - began)


def _outcome(action: Action, error: tuple[str, str] | None, seconds: float) -> Outcome:
    if error is None:
        return Outcome(action, Result.DONE, action.version, seconds)
    code, told = error
    if action.how is How.MARKER and code == "NoSuchKey":
        return Outcome(action, Result.ALREADY, "", seconds, detail=told)
    result = Result.CONFLICT if code == "PreconditionFailed" else Result.FAILED
    return Outcome(action, result, "", seconds, 0, told)


def _objects(action: Action) -> int:
    return len(action.markers) if action.how is How.UNDELETE else 1


def _condition(action: Action) -> dict[str, str]:
    return {"if-match": f'"{action.expects}"'}


def _element(action: Action) -> str:
    key = f"<Object><Key>{escape(action.key, {chr(13): '&#13;'})}</Key>"
    if action.how is How.MARKER:
        return f"{key}<ETag>{escape(action.expects)}</ETag></Object>"
    return "".join(
        f"{key}<VersionId>{escape(marker)}</VersionId></Object>" for marker in action.markers
    )
