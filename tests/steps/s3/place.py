"""A bucket of the lab for a test: by the SDK, by the wire, and by what was called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

from functions.s3_versions.copier import Copier
from functions.s3_versions.values import Action, Diff, Entry, How
from functions.s3_versions.wire import Bucket
from lab.calls import Call
from lab.emulator import Emulator

T = TypeVar("T")

MIB = 1024 * 1024

ALL = {
    "Metadata": {"a": "b  c", "x": "=?UTF-8?Q?=C3=A9?="},
    "ContentType": "text/x-y",
    "CacheControl": "no-store",
    "ContentLanguage": "de",
    "ContentDisposition": 'attachment; filename="a b"',
    "ContentEncoding": "x-z",
    "Tagging": "k=v&l%20m=%C3%A9+w",
}
TAGS = {"k": "v", "l m": "é w"}
KEYS = ["a b", "a+b%2B", "a\n\tb", "é?versionId=1#", "a/../b//c", "<&\"'>", "\x01", "\r", " "]


def one(found: Iterable[T]) -> T:
    """The only one."""
    [only] = found
    return only


@dataclass(kw_only=True)
class Place:
    """A bucket of the lab, by the SDK and by the wire."""

    emulator: Emulator
    name: str
    stack: ExitStack
    called: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.s3 = self.emulator.client("s3")
        self.emulator.before_call.append(self.called.append)
        self.stack.callback(self.emulator.before_call.remove, self.called.append)
        self.bucket = self.open()

    def open(self, **more: Any) -> Bucket:
        made = Bucket(self.name, client=self.s3, pause_seconds=0.001, tries=3, **more)
        return self.stack.enter_context(made)

    def copier(self, target: Bucket | None = None, **more: Any) -> Copier:
        made = Copier(self.bucket, target or self.bucket, **{"threads": 4, **more})
        return self.stack.enter_context(made)

    def put(self, key: str, body: bytes = b"x", **more: Any) -> str:
        answer = self.s3.put_object(Bucket=self.name, Key=key, Body=body, **more)
        return str(answer["VersionId"])

    def version(self, status: str) -> None:
        self.s3.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def delete(self, key: str) -> str:
        return str(self.s3.delete_object(Bucket=self.name, Key=key)["VersionId"])

    def upload(self, key: str, bodies: Sequence[bytes], **more: Any) -> str:
        named = {"Bucket": self.name, "Key": key}
        upload = named | {"UploadId": self.s3.create_multipart_upload(**named, **more)["UploadId"]}
        parts = [
            {
                "PartNumber": number,
                "ETag": self.s3.upload_part(PartNumber=number, Body=body, **upload)["ETag"],
            }
            for number, body in enumerate(bodies, 1)
        ]
        made = self.s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)
        return str(made["VersionId"])

    def entries(self) -> list[Entry]:
        return [entry for page in self.bucket.versions() for entry in page.entries]

    def head(self, key: str, **more: Any) -> dict[str, Any]:
        return dict(self.s3.head_object(Bucket=self.name, Key=key, **more))

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read())

    def tags(self, key: str) -> dict[str, str]:
        found = self.s3.get_object_tagging(Bucket=self.name, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def back(self, key: str, version: str, **more: Any) -> Action:
        """The action that copies a version forward, of what the listing says now."""
        of_key = [entry for entry in self.entries() if entry.key == key]
        [wanted] = [entry for entry in of_key if entry.version_id == version]
        newest = of_key[0]
        return Action(
            **{
                "key": key,
                "diff": Diff.CHANGE,
                "how": How.COPY,
                "version": version,
                "etag": wanted.etag,
                "size": wanted.size,
                "storage_class": wanted.storage_class,
                "expects": newest.etag,
                **more,
            }
        )

    def uploads(self) -> list[Any]:
        return list(self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", ()))

    def calls(self, operation: str) -> list[Call]:
        return [
            call
            for call in self.called
            if call.operation == operation and call.parameters.get("Bucket") == self.name
        ]
