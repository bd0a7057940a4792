"""A copy is encrypted as its version was, unless the bucket's default is asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cli.conftest import AFTER, BEFORE, Past, Terminal

KEY = "arn:aws:kms:sa-east-1:123456789012:key/0a"
WITH_KEY = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}


def encryption(bucket: Past, key: str) -> tuple[str, str]:
    """The algorithm and the key of what is current."""
    head = bucket.head(key)
    return head["ServerSideEncryption"], head.get("SSEKMSKeyId", "")


@pytest.fixture
def secrets(bucket: Past) -> Past:
    """Under a key of their own, in a bucket that encrypts with none: overwritten since, deleted,
    and the same again but for the key. One more never had a key.
    """
    bucket.then(BEFORE)
    for key in ("overwritten", "deleted", "same"):
        bucket.put(key, b"secret then", **WITH_KEY)
    bucket.put("plain", b"then")
    bucket.then(AFTER)
    bucket.put("overwritten", b"later later")
    bucket.delete("deleted")
    bucket.put("same", b"secret then")
    bucket.put("plain", b"now!")
    bucket.then(timedelta(0))
    return bucket


def test_a_copy_has_the_key_that_its_version_had_and_is_not_copied_again(
    secrets: Past, terminal: Terminal, at: str
) -> None:
    ran = terminal.restore(secrets, at, "--report", "report.json")
    assert ran.status == 0, ran.out
    for key in ("overwritten", "deleted", "same"):
        assert encryption(secrets, key) == ("aws:kms", KEY)
        assert secrets.read(key) == b"secret then"
    assert encryption(secrets, "plain") == ("AES256", "")
    assert terminal.report()["arguments"]["keep_encryption"] is True
    before = secrets.versions()
    ran = terminal.restore(secrets, at)
    assert (ran.status, secrets.versions()) == (0, before)
    assert "nothing to do" in ran.out
    other_time = terminal.run(secrets.name, "--at", "55min ago", "--yes")
    assert (other_time.status, secrets.versions()) == (0, before), "known from nowhere but S3"


def test_of_other_buckets_the_default_does_not_matter(
    secrets: Past, terminal: Terminal, at: str
) -> None:
    other = Past(emulator=secrets.emulator)
    other.s3.put_bucket_encryption(
        Bucket=other.name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    ran = terminal.restore(secrets, at, "--to", other.name)
    assert ran.status == 0, ran.out
    assert "copies are encrypted as their versions were; the bucket's default is the key" in ran.out
    assert encryption(other, "deleted") == ("aws:kms", KEY)
    assert encryption(other, "plain") == ("AES256", "")


def test_a_key_that_may_not_be_used_any_more_is_told(
    secrets: Past, terminal: Terminal, at: str
) -> None:
    secrets.emulator.s3.faults.refuse(
        "CopyObject",
        code="KMS.DisabledException",
        status=400,
        times=9,
        when=lambda call: call.parameters.get("SSEKMSKeyId") == KEY,
    )
    ran = terminal.restore(secrets, at, "--report", "report.json")
    assert ran.status == 1
    failed = terminal.report()["failures"]
    assert {one["key"] for one in failed} == {"overwritten", "deleted", "same"}
    assert all("KMS.DisabledException" in one["detail"] for one in failed)
    assert secrets.read("plain") == b"then"


def test_the_default_of_the_bucket_where_it_is_asked_for(
    secrets: Past, terminal: Terminal, at: str
) -> None:
    ran = terminal.restore(secrets, at, "--no-keep-encryption", "--report", "report.json")
    assert "copies are encrypted by the bucket's default (AES256), whatever a version" in ran.out
    for key in ("overwritten", "deleted", "same", "plain"):
        assert encryption(secrets, key) == ("AES256", "")
    assert ran.status == 0, ran.out
    before = secrets.versions()
    ran = terminal.restore(secrets, at, "--no-keep-encryption")
    assert (ran.status, secrets.versions()) == (0, before)
