"""Uploads in parts that a run left behind when it was killed: S3 keeps, and bills, their parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from functions.s3_versions import documents
from functions.s3_versions.wire import Bucket, RequestRefused

_PAGE: Final = 1000


class Upload(NamedTuple):
    """An upload in parts that was begun."""

    key: str
    id: str


def abort_left(target: Bucket, prefix: str, own: Collection[str]) -> list[Upload]:
    """Abort those below a prefix whose ids are among our own; what comes out was aborted.

    Those of others are left alone; one that ended meanwhile is no error. Without ids of our own
    there is no request. Raises RequestRefused, NoAnswer and UnreadableAnswer.
    """
    if not own:
        return []
    left = [upload for upload in _begun(target, prefix) if upload.id in own]
    return [upload for upload in left if _abort(target, upload)]


def _begun(bucket: Bucket, prefix: str) -> Iterator[Upload]:
    """All uploads under way below a prefix, in the listing's order."""
    query = {
        "uploads": "",
        "encoding-type": "url",
        "max-uploads": str(_PAGE),
        "prefix": prefix,
    }
    while True:
        answer = bucket.request("ListMultipartUploads", "GET", query=query)
        page = documents.root(answer.body)
        for element in page:
            if documents.name(element) == "Upload":
                told = documents.texts(element)
                yield Upload(unquote_plus(told["Key"]), told["UploadId"])
        told = documents.texts(page)
        if told.get("IsTruncated") != "true":
            return
        following = {
            "key-marker": unquote_plus(told.get("NextKeyMarker", "")),
            "upload-id-marker": told.get("NextUploadIdMarker", ""),
        }
        if following.items() <= query.items():
            raise documents.UnreadableAnswer(
                f"the uploads of {bucket.name}: they go on at {following['key-marker']!r}, where"
                " they have been: expected a later key or upload"
            )
        query |= following


def _abort(bucket: Bucket, upload: Upload) -> bool:
    """Whether it was there to be aborted."""
    try:
        bucket.request("AbortMultipartUpload", "DELETE", upload.key, query={"uploadId": upload.id})
    except RequestRefused as refused:
        if refused.status != 404:
            raise
        return False
    return True
