"""A bucket of the emulator for a test: by the SDK, and by the bytes on the wire."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode, urlsplit
from xml.etree import ElementTree

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab.aws import REGION
from lab.emulator import Emulator

SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class Shown(NamedTuple):
    """An entry of a listing of versions, in the order of the document."""

    key: str
    version: str
    marker: bool
    latest: bool


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def xml(self) -> ElementTree.Element:
        return ElementTree.fromstring(self.body)  # noqa: S314

    @property
    def code(self) -> str:
        return str(self.xml.findtext("Code"))


@dataclass(kw_only=True)
class S3Bucket:
    """A bucket of one test."""

    emulator: Emulator
    versioning: str | None = "Enabled"
    lock: bool = False
    name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.s3 = self.emulator.client("s3")
        self.s3.create_bucket(
            Bucket=self.name,
            ObjectLockEnabledForBucket=self.lock,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        if self.versioning is not None:
            self.version(self.versioning)

    def version(self, status: str) -> None:
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def put(self, key: str, body: bytes = b"x", **more: Any) -> str:
        """The version id of what was put."""
        answer = self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)
        return str(answer.get("VersionId", "null"))

    def delete(self, key: str, **more: Any) -> dict[str, Any]:
        return dict(self.s3.delete_object(Bucket=self.name, Key=key, **more))

    def copy(self, key: str, source: str, version: str | None = None, **more: Any) -> Any:
        given = {"Bucket": self.name, "Key": source}
        if version is not None:
            given["VersionId"] = version
        return self.s3.copy_object(Bucket=self.name, Key=key, CopySource=given, **more)

    def head(self, key: str, **more: Any) -> dict[str, Any]:
        return dict(self.s3.head_object(Bucket=self.name, Key=key, **more))

    def read(self, key: str, **more: Any) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.name, Key=key, **more)["Body"].read())

    def raw(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """A request in path style, signed here and sent by hand."""
        place = urlsplit(self.emulator.endpoint)
        path = f"/{self.name}" + (f"/{quote(key, safe='/~')}" if key else "")
        asked = f"{path}?{urlencode(query, quote_via=quote)}" if query else path
        request = AWSRequest(
            method=method,
            url=f"{self.emulator.endpoint}{asked}",
            headers=dict(headers or {}),
            data=body,
        )
        S3SigV4Auth(Credentials("key", "secret"), "s3", REGION).add_auth(request)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        try:
            connection.request(
                method, asked, body=body, headers={**dict(request.headers), **(headers or {})}
            )
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(status=answer.status, headers=found, body=answer.read())
        finally:
            connection.close()

    def page(self, **query: str) -> ElementTree.Element:
        """One page of versions, as it came over the wire."""
        asked = {name.replace("_", "-"): value for name, value in query.items()}
        reply = self.raw("GET", query={"versions": "", **asked})
        assert reply.status == 200, reply.body
        return reply.xml

    def listed(self, size: int = 1000, **query: str) -> list[Shown]:
        """All versions and markers, page by page, in the order of the documents."""
        found: list[Shown] = []
        markers: dict[str, str] = {}
        while True:
            page = self.page(max_keys=str(size), encoding_type="url", **query, **markers)
            shown = entries(page)
            assert 0 < len(shown) <= size or not found
            found += shown
            if page.findtext(f"{SPACE}IsTruncated") == "false":
                return found
            markers = {"key_marker": unquote_plus(page.findtext(f"{SPACE}NextKeyMarker") or "")}
            if version := page.findtext(f"{SPACE}NextVersionIdMarker"):
                markers["version_id_marker"] = version


def entries(page: ElementTree.Element) -> list[Shown]:
    """The entries of a page that was asked for with encoding-type=url."""
    return [
        Shown(
            unquote_plus(found.findtext(f"{SPACE}Key") or ""),
            found.findtext(f"{SPACE}VersionId") or "",
            found.tag == f"{SPACE}DeleteMarker",
            found.findtext(f"{SPACE}IsLatest") == "true",
        )
        for found in page
        if found.tag in (f"{SPACE}Version", f"{SPACE}DeleteMarker")
    ]


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    """Code and HTTP status of what was refused."""
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
