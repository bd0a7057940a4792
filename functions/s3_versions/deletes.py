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
from functions.s3_versions.wire import AGAIN, Bucket, NoAnswer, RequestFailed, RequestRefused

MOST: Final = 1000
"""Versions or keys that one DeleteObjects names (S3 API)."""

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_CANNOT_BE_WRITTEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What a document of XML 1.0 cannot hold, and a key can."""


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

    def send(self, bucket: Bucket) -> Iterator[Outcome]:
        """Do it, again for the keys of which S3 asks that; an outcome for each action, in order.

        What somebody wrote above markers is not seen, and not touched.
        """
        began = time.perf_counter()
        errors: dict[str, tuple[str, str]] = {}
        left = self._actions
        for number in range(1, bucket.tries + 1):
            found = _deleted(bucket, left)
            errors |= found
            left = [action for action in left if found.get(action.key, ("", ""))[0] in AGAIN]
            if not left or number == bucket.tries:
                break
            for action in left:
                del errors[action.key]
            bucket.pause(number)
        seconds = time.perf_counter() - began
        for action in self._actions:
            yield _outcome(action, errors.get(action.key), seconds)


def _deleted(bucket: Bucket, actions: list[Action]) -> dict[str, tuple[str, str]]:
    """Code and words of each key that could not be deleted, by one request."""
    body = "".join(map(_element, actions)).encode()
    body = b'<Delete xmlns="%s"><Quiet>true</Quiet>%s</Delete>' % (_NAMESPACE.encode(), body)
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
    errors: dict[str, tuple[str, str]] = {}
    for key, code, words in _errors(answer.body):
        told = f"DeleteObjects {f'{bucket.name}/{key}'!r}: {code} {words}"
        errors.setdefault(key, (code, told))
    return errors


def fits(action: Action) -> bool:
    """Whether a DeleteObjects can name the key, and all of its markers."""
    return _objects(action) <= MOST and not _CANNOT_BE_WRITTEN.search(action.key)


def delete_alone(bucket: Bucket, action: Action) -> Outcome:
    """The same by DeleteObject, marker by marker, for a key that no DeleteObjects can name."""
    began = time.perf_counter()
    error = None
    try:
        if action.how is How.MARKER:
            bucket.request("DeleteObject", "DELETE", action.key, headers=_condition(action))
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
    conflict = code in ("PreconditionFailed", "ConditionalRequestConflict")
    return Outcome(action, Result.CONFLICT if conflict else Result.FAILED, "", seconds, 0, told)


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


def _errors(body: bytes) -> Iterator[tuple[str, str, str]]:
    """Key, code and words of each object that was not deleted."""
    for element in documents.root(body):
        if documents.name(element) == "Error":
            told = documents.texts(element)
            yield told.get("Key", ""), told.get("Code", ""), told.get("Message", "")
