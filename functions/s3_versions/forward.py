"""One version copied forward: it becomes the newest, if what is current is what the listing saw."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import md5
from typing import Final
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape, unescape

from functions.s3_versions import sameness
from functions.s3_versions.documents import UnreadableAnswer
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.sameness import Facts
from functions.s3_versions.values import LARGEST_COPY, NULL, Action
from functions.s3_versions.watch import Watch
from functions.s3_versions.wire import Bucket, RequestFailed, RequestRefused

MOST_PARTS: Final = 10_000
PART_SIZE: Final = 256 * 1024 * 1024
"""Bytes of a part, where the source's own parts tell no size that can be used again."""

_PARTS_AT_ONCE: Final = 8
_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_ARCHIVED: Final = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
_REDIRECT: Final = "x-amz-website-redirect-location"
_NO_DAYS: Final = "INTELLIGENT_TIERING"
"""The one archived class whose objects come back for good (S3 API, RestoreObject)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """Copies versions of one bucket onto the same keys of another, or of itself.

    `largest_copy` is in bytes: what is larger is copied in parts. So is `most_read`: what is larger
    is not read to be compared. `thaw_days` is how long an archived version stays readable,
    `thaw_tier` how fast it is asked back. `encryption`, `verify_current` and `began_upload` are
    those of Copier. Once `watch` knows that versioning is lost VersioningLost is raised.
    """

    source: Bucket
    target: Bucket
    largest_copy: int = LARGEST_COPY
    most_read: int = sameness.MOST_READ
    thaw_days: int = 7
    thaw_tier: str = "Standard"
    encryption: bool = False
    verify_current: bool = False
    watch: Watch = field(default_factory=Watch)
    began_upload: Callable[[str, str], object] = lambda _key, _upload: None

    def copy(self, action: Action) -> Outcome:
        """Copy; an archived version is asked back. A refusal is an outcome."""
        began = time.perf_counter()
        return self._told(action, self._copy, began, thaws=True)

    def thaw(self, action: Action) -> Outcome:
        """Ask an archived version back; copy it, if it is there already."""
        began = time.perf_counter()
        return self._told(action, self._thaw, began, thaws=False)

    def changed(self, action: Action) -> Outcome | None:
        """What comes of an action because another version is current than the listing saw.

        None where that is not so, is not to be verified, or nothing is current: S3 will tell.
        Raises RequestRefused, NoAnswer and VersioningLost.
        """
        if not (self.verify_current and action.current):
            return None
        current = sameness.look(self.target, action.key)
        if current is None or (current.version or NULL) == action.current:
            return None
        if action.version:
            wanted = sameness.look(self.source, action.key, action.version)
            if wanted and (same := self._already(action, wanted, current)):
                return same
        return Outcome(
            action,
            Result.CONFLICT,
            detail=f"HeadObject {f'{self.target.name}/{action.key}'!r}: current is version"
            f" {current.version or NULL}, expected {action.current}",
        )

    def headers(self, action: Action) -> dict[str, str]:
        """Those of the CopyObject of an action: all is carried over, and the guard."""
        headers = {
            **self._from(action),
            **_guard(action),
            "x-amz-metadata-directive": "COPY",
            "x-amz-tagging-directive": "COPY",
        }
        if action.storage_class:
            headers["x-amz-storage-class"] = action.storage_class
        return headers

    def _told(
        self, action: Action, act: Callable[[Action], Outcome], began: float, *, thaws: bool
    ) -> Outcome:
        try:
            self.watch.check()
            outcome = self._guarded(action, act, thaws=thaws)
        except RequestFailed as failed:
            outcome = Outcome(action, Result.FAILED, detail=str(failed))
        return outcome._replace(seconds=time.perf_counter() - began)

    def _guarded(self, action: Action, act: Callable[[Action], Outcome], *, thaws: bool) -> Outcome:
        try:
            return act(action)
        except RequestFailed as failed:
            if failed.code in _ARCHIVED:
                if thaws:
                    return self._guarded(action, self._thaw, thaws=False)
                return Outcome(action, Result.THAWING, detail=str(failed))
            if failed.status in (404, 409, 412):
                return self._met(action, failed)
            raise

    def _met(self, action: Action, refused: RequestFailed) -> Outcome:
        """Something else is current than was expected: perhaps our own copy, its answer lost."""
        wanted = sameness.look(self.source, action.key, action.version)
        if wanted is None:
            raise refused
        current = sameness.look(self.target, action.key)
        if current and (same := self._already(action, wanted, current)):
            return same
        found = current.etag if current else ""
        if found == action.expects and refused.status != 412:
            raise refused
        return Outcome(
            action,
            Result.CONFLICT,
            detail=f"{refused}: current is {found or 'nothing'}, expected"
            f" {action.expects or 'nothing'}",
        )

    def _already(self, action: Action, wanted: Facts, current: Facts) -> Outcome | None:
        """That nothing is to be done, where what is current is the same as what is wanted."""
        if not sameness.is_same(
            self.source,
            wanted,
            self.target,
            current,
            most_read=self.most_read,
            encryption=self.encryption,
        ):
            return None
        if current.version in ("", NULL):
            self.watch.look()  # our own copy perhaps, its answer lost
        return Outcome(action, Result.ALREADY, current.version)

    def _copy(self, action: Action) -> Outcome:
        if changed := self.changed(action):
            return changed
        if action.size > self.largest_copy:
            return self._copy_in_parts(action)
        headers = self.headers(action)
        # A copy does not carry a redirection over. What redirects is empty, as a rule.
        facts = self._look(action) if self.encryption or not action.size else None
        if facts and (there := facts.headers.get(_REDIRECT)):
            headers[_REDIRECT] = there
        if facts and self.encryption:
            headers |= facts.encrypting
        answer = self.target.request("CopyObject", "PUT", action.key, headers=headers)
        return self._written("CopyObject", action, answer.headers.get("x-amz-version-id", ""))

    def _written(self, operation: str, action: Action, version: str) -> Outcome:
        if lost := self.watch.wrote(operation, action.key, version):
            return Outcome(action, Result.FAILED, version, detail=lost)
        return Outcome(action, Result.DONE, version, bytes=action.size)

    def _look(self, action: Action) -> Facts | None:
        """The facts of the version; what is refused is told in S3's words."""
        try:
            return sameness.look(self.source, action.key, action.version)
        except RequestRefused as refused:
            if refused.status == 400:  # a customer's key; the answer to a HEAD has no words
                query, headers = {"versionId": action.version}, {"range": "bytes=0-0"}
                self.source.request("GetObject", "GET", action.key, query=query, headers=headers)
            raise

    def _thaw(self, action: Action) -> Outcome:
        tier = f"<Tier>{escape(self.thaw_tier)}</Tier>"
        days = "" if action.storage_class == _NO_DAYS else f"<Days>{self.thaw_days}</Days>"
        body = (
            f'<RestoreRequest xmlns="{_NAMESPACE}">{days}<GlacierJobParameters>{tier}'
            "</GlacierJobParameters></RestoreRequest>"
        ).encode()
        try:
            answer = self.source.request(
                "RestoreObject",
                "POST",
                action.key,
                query={"restore": "", "versionId": action.version},
                headers={"content-type": "application/xml"},
                body=body,
            )
        except RequestRefused as refused:
            if refused.code != "RestoreAlreadyInProgress":
                raise
            return Outcome(action, Result.THAWING, detail=str(refused))
        if answer.status == 200:
            return self._copy(action)
        told = f"asked back for {self.thaw_days} days, tier {self.thaw_tier}"
        return Outcome(action, Result.THAWING, detail=told)

    def _copy_in_parts(self, action: Action) -> Outcome:
        facts = self._look(action)
        if facts is None:
            raise RequestRefused(
                "HeadObject",
                self.source.name,
                action.key,
                status=404,
                code="NoSuchVersion",
                words=f"version {action.version} does not exist",
            )
        headers = self._stored(action, facts)
        answer = self.target.request(
            "CreateMultipartUpload", "POST", action.key, query={"uploads": ""}, headers=headers
        )
        upload = _field(answer.body, "UploadId")
        try:
            self.began_upload(action.key, upload)
            etags = self._parts(action, upload, self._part_size(action, facts))
            if changed := self.changed(action):
                self._abort(action, upload)
                return changed
            self.watch.look(since=0)
            return self._complete(action, upload, etags)
        except BaseException:
            self._abort(action, upload)
            raise

    def _stored(self, action: Action, facts: Facts) -> dict[str, str]:
        """The headers by which an upload in parts gets all that a copy would carry over."""
        if facts.headers.get("x-amz-missing-meta", "0") != "0":
            raise RequestRefused(
                "HeadObject",
                self.source.name,
                action.key,
                status=200,
                code="x-amz-missing-meta",
                words="some of its metadata cannot be told in headers, so not be copied in parts",
            )
        headers = dict(facts.headers)
        if self.encryption:
            headers |= facts.encrypting
        if action.storage_class:
            headers["x-amz-storage-class"] = action.storage_class
        if found := sameness.tags(self.source, facts):
            headers["x-amz-tagging"] = urlencode(found)
        return headers

    def _part_size(self, action: Action, facts: Facts) -> int:
        """That of the source, so that the ETag becomes the same, where S3 tells it."""
        smallest = -(-action.size // MOST_PARTS)
        if facts.parts:
            query = {"versionId": action.version, "partNumber": "1"}
            told = self.source.request("HeadObject", "HEAD", action.key, query=query).headers
            size = int(told.get("content-length", 0)) if "x-amz-mp-parts-count" in told else 0
            if smallest <= size <= self.largest_copy and -(-action.size // size) == facts.parts:
                return size
        return max(smallest, min(PART_SIZE, self.largest_copy))

    def _parts(self, action: Action, upload: str, size: int) -> list[str]:
        """The ETags of all parts, copied several at once."""

        def part(number: int) -> str:
            first = (number - 1) * size
            last = min(first + size, action.size) - 1
            answer = self.target.request(
                "UploadPartCopy",
                "PUT",
                action.key,
                query={"partNumber": str(number), "uploadId": upload},
                headers={
                    **self._from(action),
                    "x-amz-copy-source-range": f"bytes={first}-{last}",
                },
            )
            return _field(answer.body, "ETag").strip('"')

        numbers = range(1, -(-action.size // size) + 1)
        with ThreadPoolExecutor(min(_PARTS_AT_ONCE, len(numbers))) as pool:
            return list(pool.map(part, numbers))

    def _complete(self, action: Action, upload: str, etags: list[str]) -> Outcome:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag></Part>"
            for number, etag in enumerate(etags, 1)
        )
        try:
            answer = self.target.request(
                "CompleteMultipartUpload",
                "POST",
                action.key,
                query={"uploadId": upload},
                headers={"content-type": "application/xml", **_guard(action)},
                body=f'<CompleteMultipartUpload xmlns="{_NAMESPACE}">{parts}'
                "</CompleteMultipartUpload>".encode(),
            )
        except RequestRefused as refused:
            current = sameness.look(self.target, action.key)
            if refused.code not in ("NoSuchUpload", "PreconditionFailed") or current is None:
                raise
            if current.etag != _etag_of(etags):
                raise
            # It was completed, and the answer lost: S3 makes this ETag of these parts alone.
            return self._written("CompleteMultipartUpload", action, current.version)
        version = answer.headers.get("x-amz-version-id", "")
        return self._written("CompleteMultipartUpload", action, version)

    def _abort(self, action: Action, upload: str) -> None:
        try:
            self.target.request(
                "AbortMultipartUpload", "DELETE", action.key, query={"uploadId": upload}
            )
        except RequestFailed as failed:
            # The upload's own error is on its way and tells more; a lifecycle rule ends the rest.
            failed.add_note("an upload in parts may be left behind")

    def _from(self, action: Action) -> dict[str, str]:
        source = f"/{self.source.name}/{quote(action.key, safe='/~')}"
        headers = {"x-amz-copy-source": f"{source}?versionId={quote(action.version, safe='~')}"}
        if self.source.owner:
            headers["x-amz-source-expected-bucket-owner"] = self.source.owner
        return headers


def _guard(action: Action) -> dict[str, str]:
    """What must be current for a write to happen."""
    return {"if-match": f'"{action.expects}"'} if action.expects else {"if-none-match": "*"}


def _etag_of(etags: list[str]) -> str:
    """The ETag of an object that is made of parts with these; empty where theirs are no digests."""
    try:
        joined = b"".join(bytes.fromhex(etag) for etag in etags)
    except ValueError:
        return ""
    return f"{md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _field(body: bytes, name: str) -> str:
    """A text of an answer, which need not be good XML: S3 tells the key in it, whatever it holds.

    >>> _field(b"<Key>&#x1;</Key><ETag>&quot;x&quot;</ETag>", "ETag")
    '"x"'
    """
    found = re.search(rb"<(?:\w+:)?%s>([^<]+)<" % name.encode(), body)
    if not found:
        raise UnreadableAnswer(f"{name}: missing: expected a text")
    return unescape(found[1].decode(), {"&quot;": '"', "&#34;": '"'})
