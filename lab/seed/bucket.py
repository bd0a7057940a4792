"""The sample company's bucket: a web site and invoices, with a history of two months.

It is configured as a careful company has it. Of its objects some were overwritten, some deleted,
some deleted and made again; one was uploaded in parts; some have keys that few programs get right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from lab import aws

if TYPE_CHECKING:
    from lab.emulator import Emulator

MIB = 1024**2
NONCURRENT_DAYS = 90
"""For how long the company keeps what was overwritten or deleted."""

BIGGEST = "site/media/tour.mp4"
"""The object that was uploaded in parts."""

AWKWARD = (
    "documents/Relatório anual 2025.txt",
    "documents/a+b=c & d.txt",
    "documents/100%41.txt",
    "documents/what?versionId=null#top.txt",
    "documents/<quoted> \"and\" 'so'.txt",
    "documents/line\nbreak.txt",
    "documents//twice.txt",
    "documents/../up.txt",
    "documents/caf\u00e9.txt",
    "documents/cafe\u0301.txt",
    "documents/\U0001f4c4.txt",
    "documents/trailing ",
    "documents/" + "long" * 200,
)

_OLDEST_DAYS = 60
_BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_PART_SIZES = (5 * MIB, 4 * MIB)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """An object as it is put: `facts` are parameters of PutObject. Without a body it is deleted."""

    key: str
    days_ago: float
    body: bytes | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def make(emulator: Emulator, bucket: str, *, kms_key: str = "") -> None:
    """Make the bucket, configure it, and write its history.

    `kms_key` is the ARN of the key that encrypts it, empty for keys of S3's own. S3's clock is put
    back while this goes on. Raises ClientError where S3 refuses.
    """
    s3 = emulator.client("s3")
    configure(s3, bucket, kms_key=kms_key)
    clock = emulator.s3.clock
    now = clock()
    try:
        for one in history():
            emulator.s3.clock = partial(_at, now - timedelta(days=one.days_ago))
            _write(s3, bucket, one)
    finally:
        emulator.s3.clock = clock


def configure(s3: Any, bucket: str, *, kms_key: str = "") -> None:
    """Make the bucket: versioned, encrypted, closed to the public, and with a lifecycle."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    default = {"SSEAlgorithm": "AES256"}
    if kms_key:
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        },
    )
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(_BLOCKED, True)
    )
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old versions and uploads given up",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": NONCURRENT_DAYS},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
    )


def history() -> list[Written]:
    """What happened to the bucket, in the order in which it did; the same in every lab."""
    random = Random(4)  # noqa: S311  # it only has to be varied
    first = list(_first(random))
    later = list(_later(random, first))
    return sorted([*first, *later], key=lambda one: -one.days_ago)


def _first(random: Random) -> Iterator[Written]:
    """Each object as it was put first."""
    for key, body, facts in (*_site(random), *_invoices(random), *_documents(random)):
        yield Written(key=key, days_ago=_OLDEST_DAYS - random.random() * 20, body=body, facts=facts)


def _site(random: Random) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    page = {"ContentType": "text/html; charset=utf-8", "CacheControl": "max-age=300"}
    yield "site/index.html", _page("Fibonacci", random), page
    for number in range(40):
        facts = {**page, "Metadata": {"author": random.choice(["ana", "bruno", "carla"])}}
        yield f"site/pages/{number:02}.html", _page(f"Page {number}", random), facts
    for name, kind in (("style.css", "text/css"), ("app.js", "text/javascript")):
        facts = {"ContentType": kind, "CacheControl": "max-age=31536000, immutable"}
        yield f"site/assets/{name}", random.randbytes(20_000).hex().encode(), facts
    for number in range(25):
        facts = {"ContentType": "image/png", "Tagging": "kind=image&public=yes"}
        yield f"site/images/{number:02}.png", random.randbytes(2000 + number * 2000), facts
    yield "site/drafts/", b"", {"ContentType": "application/x-directory"}
    facts = {"ContentType": "video/mp4", "Metadata": {"title": "tour"}, "Tagging": "kind=video"}
    yield BIGGEST, random.randbytes(sum(_PART_SIZES)), facts


def _invoices(random: Random) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for number in range(60):
        invoice = {"number": number, "total": random.randrange(10_000) / 100}
        yield (
            f"invoices/2026/{number % 12 + 1:02}/{number:05}.json",
            json.dumps(invoice).encode() + b" " * random.randrange(4000),
            {
                "ContentType": "application/json",
                "ContentDisposition": f'attachment; filename="{number:05}.json"',
                "Metadata": {"customer": str(random.randrange(1, 100)), "checked": "yes"},
                "Tagging": f"year=2026&paid={random.choice(['yes', 'no'])}",
                "StorageClass": "STANDARD_IA" if number % 10 == 0 else "STANDARD",
            },
        )


def _documents(random: Random) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    for key in AWKWARD:
        yield key, random.randbytes(random.randrange(1, 5000)), {"ContentType": "text/plain"}
    yield "documents/empty.txt", b"", {"ContentType": "text/plain"}


def _later(random: Random, first: list[Written]) -> Iterator[Written]:
    """What became of some of them since."""
    small = [one for one in first if one.key != BIGGEST]
    for one in random.sample(small, 40):
        for _ in range(random.randrange(1, 4)):
            body = (one.body or b"") + random.randbytes(20)
            days_ago = random.uniform(1, 35)
            yield Written(key=one.key, days_ago=days_ago, body=body, facts=one.facts)
    gone = random.sample(small, 24)
    for one in gone:
        yield Written(key=one.key, days_ago=random.uniform(0.4, 0.9))
    for one in gone[:6]:
        days_ago = random.uniform(0.1, 0.3)
        yield Written(key=one.key, days_ago=days_ago, body=b"made again", facts=one.facts)


def _page(title: str, random: Random) -> bytes:
    text = " ".join(random.choices(["fibonacci", "phi", "nigredo", "albedo", "rubedo"], k=300))
    return f"<!doctype html><title>{title}</title><p>{text}</p>".encode()


def _at(moment: datetime) -> datetime:
    """A clock that stands still."""
    return moment


def _write(s3: Any, bucket: str, one: Written) -> None:
    if one.body is None:
        s3.delete_object(Bucket=bucket, Key=one.key)
    elif one.key == BIGGEST:
        _upload(s3, bucket, one.key, one.body, one.facts)
    else:
        s3.put_object(Bucket=bucket, Key=one.key, Body=one.body, **one.facts)


def _upload(s3: Any, bucket: str, key: str, body: bytes, facts: dict[str, Any]) -> None:
    """Put an object in parts."""
    named = {"Bucket": bucket, "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named, **facts)["UploadId"]
    parts, at = [], 0
    for number, size in enumerate(_PART_SIZES, start=1):
        part = s3.upload_part(**named, PartNumber=number, Body=body[at : at + size])
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
        at += size
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
