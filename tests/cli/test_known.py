"""Copies that no listing proves: known for what they are, and not copied again by each run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import known, restore_bucket
from functions.s3_versions import confirmed
from functions.s3_versions.confirmed import Copy
from functions.s3_versions.values import Action, Diff, How
from functions.s3_versions.wire import Bucket
from lab.s3_records import Checksum, Content
from tests.cli.conftest import AFTER, BEFORE, Past, Terminal


def test_what_came_to_be_known_is_kept_in_order_the_newer_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "known.jsonl"
    known.add(path, [Copy("b", "1", "2"), Copy("c\n", "1", "2")])
    known.add(path, [Copy("a", "5", "6"), Copy("b", "3", "4")])
    known.add(path, [])
    assert list(known.read(path)) == [
        Copy("a", "5", "6"),
        Copy("b", "3", "4"),
        Copy("c\n", "1", "2"),
    ]


@pytest.mark.parametrize(
    ("one", "settled"),
    [
        (Copy("k", "1", "2"), True),
        (Copy("k", "0", "2"), False),
        (Copy("k", "1", "3"), False),
        (Copy("j", "1", "2"), False),
        (Copy("l", "1", "2"), False),
    ],
)
def test_only_the_very_copy_is_known(one: Copy, settled: bool) -> None:
    action = Action(key="k", diff=Diff.CHANGE, how=How.COPY, version="1", current="2")
    [found] = known.settle([action], iter([one]))
    assert (found.how is How.NOTHING) == settled


def test_what_was_written_without_versioning_may_be_another_by_now() -> None:
    action = Action(key="k", diff=Diff.CHANGE, how=How.COPY, version="1", current="null")
    assert list(known.settle([action], iter([Copy("k", "1", "null")]))) == [action]


def unproven(bucket: Past, *, changed: Callable[[Content], Content]) -> None:
    """The copies of all keys, as S3 has those of large objects uploaded in parts, long ago."""
    for version in bucket.emulator.s3.bucket(bucket.name).versions():
        if version.content is not None:
            version.content = replace(version.content, checksum=None)
    for key in bucket.state():
        history = [v for v in bucket.emulator.s3.bucket(bucket.name).versions() if v.key == key]
        newest = max(history, key=lambda version: version.sequence)
        assert newest.content is not None
        newest.content = changed(newest.content)


def in_parts(bucket: Past, key: str, body: bytes) -> None:
    upload = bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=key)["UploadId"]
    part = bucket.s3.upload_part(
        Bucket=bucket.name, Key=key, UploadId=upload, PartNumber=1, Body=body
    )
    bucket.s3.complete_multipart_upload(
        Bucket=bucket.name,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )


@pytest.mark.parametrize("metadata", [{}, {"not": "there then"}])
def test_a_large_copy_is_known_and_one_that_differs_is_wrong(
    bucket: Past,
    terminal: Terminal,
    at: str,
    monkeypatch: pytest.MonkeyPatch,
    metadata: dict[str, str],
) -> None:
    monkeypatch.setattr(restore_bucket, "MOST_READ", 0)
    bucket.then(BEFORE)
    in_parts(bucket, "film", b"then")
    bucket.then(AFTER)
    bucket.put("film", b"now")
    bucket.then(timedelta(0))

    def changed(content: Content) -> Content:
        return replace(content, metadata=metadata)

    bucket.emulator.s3.faults.before(
        "ListObjectVersions", lambda _: unproven(bucket, changed=changed), skip=1
    )
    ran = terminal.restore(bucket, at)
    if metadata:
        assert ran.status == 1
        assert "1 key restored, and not what it was" in ran.out
        return
    assert ran.status == 0, ran.out
    before = bucket.versions()
    again = terminal.restore(bucket, at)
    assert (again.status, bucket.versions()) == (0, before)
    assert "nothing to do" in again.out


def test_under_a_kms_key_etags_tell_nothing_and_a_second_run_writes_nothing(
    bucket: Past, terminal: Terminal, at: str
) -> None:
    bucket.s3.put_bucket_encryption(
        Bucket=bucket.name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
    )
    bucket.then(BEFORE)
    for key in ("a", "b"):
        bucket.put(key, b"then")
    bucket.then(AFTER)
    for key in ("a", "b"):
        bucket.put(key, b"now!")
    bucket.then(timedelta(0))

    def changed(content: Content) -> Content:
        return replace(content, etag="f" * 32)

    bucket.emulator.s3.faults.before(
        "ListObjectVersions", lambda _: unproven(bucket, changed=changed), skip=1
    )
    ran = terminal.restore(bucket, at)
    assert ran.status == 0, ran.out
    assert "the bucket's default is the key that AWS manages" in ran.out
    before = bucket.versions()
    assert "nothing to do" in terminal.restore(bucket, at).out
    assert bucket.versions() == before


CRC = Checksum(algorithm="CRC32", value="AAAAAA==")
OTHER_CRC = Checksum(algorithm="CRC32", value="BBBBBB==")
SHA = Checksum(algorithm="SHA1", value="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")


@pytest.mark.parametrize(
    ("wanted", "made", "change", "proven"),
    [
        pytest.param(None, None, {}, True, id="no checksum"),
        pytest.param(CRC, None, {}, True, id="of one alone"),
        pytest.param(CRC, SHA, {}, True, id="none in common"),
        pytest.param(CRC, OTHER_CRC, {}, False, id="they differ"),
        pytest.param(None, None, {"metadata": {"a": "b"}}, False, id="other metadata"),
        pytest.param(None, None, {"tags": {"a": "b"}}, False, id="other tags"),
        pytest.param(None, None, {"body": b"then!"}, False, id="another size"),
        pytest.param(None, None, {"encryption": "aws:kms"}, False, id="encrypted otherwise"),
    ],
)
def test_a_large_copy_is_proven_by_all_that_is_told_of_it(
    bucket: Past,
    wanted: Checksum | None,
    made: Checksum | None,
    change: dict[str, Any],
    proven: bool,
) -> None:
    in_parts(bucket, "film", b"then")
    bucket.put("film", b"then")
    ids = [version for _, version in bucket.versions()]
    told = {ids[1]: {"checksum": wanted}, ids[0]: {"checksum": made, **change}}
    for version in bucket.emulator.s3.bucket(bucket.name).versions():
        assert version.content is not None
        version.content = replace(version.content, **told[version.id])
    with Bucket(bucket.name, client=bucket.s3) as wire:
        assert confirmed.agrees(Copy("film", ids[1], ids[0]), wire, wire) == proven


@pytest.mark.parametrize(("encryption", "proven"), [("AES256", False), ("aws:kms", True)])
def test_digests_that_differ_prove_that_a_large_copy_is_none(
    bucket: Past, encryption: str, proven: bool
) -> None:
    """Where a KMS key encrypts them, ETags are no digests."""
    for body in (b"then", b"now!"):
        bucket.put("film", body)
    versions = bucket.emulator.s3.bucket(bucket.name).versions()
    for version in versions:
        assert version.content is not None
        version.content = replace(version.content, checksum=None, encryption=encryption)
    made, wanted = (version for _, version in bucket.versions())
    with Bucket(bucket.name, client=bucket.s3) as wire:
        assert confirmed.agrees(Copy("film", wanted, made), wire, wire) == proven
