"""The sample company's bucket, and the thread that keeps writing to it."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.calls import Call
from lab.emulator import Emulator
from lab.seed import bucket as sample
from lab.seed.bucket_writer import LIVE, BucketWriter

KEY = "arn:aws:kms:sa-east-1:123456789012:key/company"


@pytest.fixture(scope="module")
def bucket(emulator: Emulator) -> str:
    name = f"company-{uuid.uuid4().hex[:8]}"
    sample.make(emulator, name)
    return name


def entries(emulator: Emulator, bucket: str) -> list[dict[str, Any]]:
    """All versions and markers; the markers have no Size."""
    pages = emulator.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return [
        entry
        for page in pages
        for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]


def test_its_bucket_is_a_careful_companys(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(blocked) == 4
    assert all(blocked.values())
    (owner,) = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner == {"ObjectOwnership": "BucketOwnerEnforced"}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": sample.NONCURRENT_DAYS}
    assert "AbortIncompleteMultipartUpload" in rule
    assert emulator.s3.key_of(bucket) is None


def test_its_key_is_the_one_that_is_named(emulator: Emulator) -> None:
    name = f"company-{uuid.uuid4().hex[:8]}"
    sample.configure(emulator.client("s3"), name, kms_key=KEY)
    assert emulator.s3.key_of(name) == KEY


def test_its_objects_have_a_history(emulator: Emulator, bucket: str) -> None:
    found = entries(emulator, bucket)
    per_key = Counter(entry["Key"] for entry in found)
    current = [entry for entry in found if entry["IsLatest"]]
    live = [entry for entry in current if "Size" in entry]
    assert len(current) == len(per_key) > 140
    assert 15 <= len(current) - len(live) <= 24, "deleted"
    assert sum(count > 1 for count in per_key.values()) > 40, "overwritten or deleted"
    assert any("Size" in entry and not entry["IsLatest"] for entry in found)
    ages = [datetime.now(UTC) - entry["LastModified"] for entry in found]
    assert max(ages) > timedelta(days=30)
    assert max(ages) < timedelta(days=sample.NONCURRENT_DAYS)
    assert emulator.s3.clock() - datetime.now(UTC) < timedelta(seconds=5), "the clock is put right"


def test_its_objects_are_of_every_kind(emulator: Emulator, bucket: str) -> None:
    s3 = emulator.client("s3")
    biggest = s3.head_object(Bucket=bucket, Key=sample.BIGGEST)
    assert biggest["ContentLength"] == 9 * sample.MIB
    assert biggest["ETag"].endswith('-2"')
    assert biggest["Metadata"] == {"title": "tour"}
    found = entries(emulator, bucket)
    assert set(sample.AWKWARD) <= {entry["Key"] for entry in found}
    versions = [entry for entry in found if "Size" in entry]
    assert {entry["StorageClass"] for entry in versions} == {"STANDARD", "STANDARD_IA"}
    assert 0 in {entry["Size"] for entry in versions}


def test_it_is_the_same_in_every_lab() -> None:
    assert sample.history() == sample.history()


class TestWriter:
    @pytest.fixture
    def place(self, emulator: Emulator) -> str:
        name = f"company-{uuid.uuid4().hex[:8]}"
        sample.configure(emulator.client("s3"), name)
        return name

    @pytest.fixture
    def writer(self, emulator: Emulator, place: str) -> Iterator[BucketWriter]:
        running = BucketWriter(emulator.client("s3"), [place], pause_seconds=0.002)
        yield running
        running.stop()
        emulator.s3.faults.clear()

    def until(self, writer: BucketWriter, written: int) -> None:
        deadline = time.monotonic() + 20
        while writer.written < written:
            assert time.monotonic() < deadline, f"{writer.written} of {written} written"
            time.sleep(0.02)

    def test_puts_overwrites_and_deletes(
        self, emulator: Emulator, place: str, writer: BucketWriter
    ) -> None:
        self.until(writer, 120)
        writer.stop()
        found = entries(emulator, place)
        assert len(found) == writer.written
        assert all(entry["Key"].startswith(LIVE) for entry in found)
        assert sum("Size" not in entry for entry in found) > 10
        assert max(Counter(entry["Key"] for entry in found if "Size" in entry).values()) > 1

    def test_goes_on_when_it_is_refused(
        self, emulator: Emulator, place: str, writer: BucketWriter
    ) -> None:
        def mine(call: Call) -> bool:
            return bool(call.parameters.get("Bucket") == place)

        emulator.s3.faults.refuse("PutObject", times=3, when=mine)
        emulator.s3.faults.reset("PutObject", times=2, when=mine)
        deadline = time.monotonic() + 20
        while writer.refused < 5:
            assert time.monotonic() < deadline, f"refused {writer.refused} times"
            time.sleep(0.02)
        self.until(writer, writer.written + 5)
        assert writer.running

    def test_stops(self, writer: BucketWriter) -> None:
        self.until(writer, 1)
        writer.stop()
        assert not writer.running
        before = writer.written
        writer.stop()
        assert writer.written == before
