"""The only file that reads and writes the evidence bucket."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions import owner
from functions.aws import code_of
from functions.errors import EvidenceMissing
from functions.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import PutObjectRequestTypeDef


SHORT_LIVED = ("/witness/", "/parts/")
"""Folders of a run that hold digests and counts of personal data: the bucket lets them expire."""

COMPRESSED_FROM = 16 * 1024
"""Bytes from which on an object of those folders is stored compressed."""

WATCH = "_watch/"
"""What is true between drills. It expires likewise: every hour leaves a version behind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The evidence bucket. Objects put with `locked` cannot be deleted for `lock_days` days."""

    bucket: str
    lock_mode: str
    lock_days: int

    @classmethod
    def of(cls, settings: Settings) -> Evidence:
        """The bucket of this deployment."""
        return cls(
            bucket=settings.evidence_bucket,
            lock_mode=settings.lock_mode,
            lock_days=settings.lock_days,
        )

    def put_json(self, key: str, value: Any, *, locked: bool = False) -> None:
        """Store a value as JSON."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        self.put_bytes(key, body, content_type="application/json", locked=locked)

    def put_bytes(self, key: str, body: bytes, *, content_type: str, locked: bool = False) -> None:
        """Store bytes, encrypted as the bucket's default says; many short-lived ones compressed."""
        request: PutObjectRequestTypeDef = {
            "Bucket": self.bucket,
            "Key": key,
            "Body": body,
            "ContentType": content_type,
        }
        if len(body) > COMPRESSED_FROM and any(folder in key for folder in SHORT_LIVED):
            request["Body"] = gzip.compress(body, compresslevel=5, mtime=0)
            request["ContentEncoding"] = "gzip"
        if key.startswith(WATCH) or any(folder in key for folder in SHORT_LIVED):
            request["Tagging"] = "retention=manifest"
        if locked and self.lock_mode != "NONE":
            request["ObjectLockMode"] = (
                "COMPLIANCE" if self.lock_mode == "COMPLIANCE" else "GOVERNANCE"
            )
            request["ObjectLockRetainUntilDate"] = datetime.now(UTC) + timedelta(
                days=self.lock_days
            )
        _s3().put_object(**request)

    def get_json(self, key: str) -> Any:
        """The value stored at a key. Raises EvidenceMissing where there is none."""
        return json.loads(self.get_bytes(key))

    def get_bytes(self, key: str) -> bytes:
        """The bytes stored at a key. Raises EvidenceMissing where there are none."""
        try:
            answer = _s3().get_object(Bucket=self.bucket, Key=key)
            body = answer["Body"].read()
            return gzip.decompress(body) if answer.get("ContentEncoding") == "gzip" else body
        except ClientError as error:
            if code_of(error) in ("NoSuchKey", "404"):
                raise EvidenceMissing(f"s3://{self.bucket}/{key} does not exist") from error
            raise

    def list_keys(self, prefix: str) -> list[str]:
        """The keys below a prefix, in order; deleted objects are not among them."""
        pages = _s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def expect_owner(account: str) -> None:
    """Have S3 refuse the evidence bucket, from now on, where it is not this account's."""
    owner.expect(_s3(), account)


@cache
def _s3() -> S3Client:
    return boto3.client("s3")
