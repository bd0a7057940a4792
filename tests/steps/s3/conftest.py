"""The lab's S3 for these tests: no database, one emulator, a bucket for each test that asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from functions import evidence
from functions.s3_versions import objects
from functions.settings import Settings
from lab import aws
from lab.emulator import Emulator
from tests.steps.s3.machine import Restore
from tests.steps.surroundings import surroundings


@pytest.fixture(scope="module", autouse=True)
def _backed_up() -> None:
    """There is no database to back up."""


@pytest.fixture(autouse=True)
def _tidy() -> None:
    """There are no copies of one to forget."""


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS, as nobody in particular."""
    emulator = Emulator(folder=tmp_path_factory.mktemp("aws"))
    emulator.start()
    yield emulator
    emulator.stop()


@pytest.fixture
def s3(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulator, as the environment of a function names it."""
    for name, value in surroundings(emulator).items():
        monkeypatch.setenv(name, value)
    objects.client.cache_clear()
    yield emulator
    emulator.s3.faults.clear()
    objects.client.cache_clear()


@pytest.fixture
def new_bucket(s3: Emulator) -> Callable[..., str]:
    """Makes a bucket of a new name; versioned unless told otherwise."""

    def make(*, versioning: str = "Enabled") -> str:
        client = s3.client("s3")
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.REGION}
        )
        if versioning:
            client.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": versioning}
            )
        return name

    return make


@pytest.fixture
def restore(
    s3: Emulator, new_bucket: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Restore]]:
    """Makes a restore of a bucket that has lived, in place or into another one."""
    before = s3.s3.clock
    evidence_bucket = new_bucket()
    settings = Settings(
        evidence_bucket=evidence_bucket,
        ledger_table="",
        topic_arn="",
        subnet_group="",
        security_group="",
        lock_mode="NONE",
    )
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    evidence._s3.cache_clear()

    def make(*, elsewhere: bool = False) -> Restore:
        source = new_bucket()
        target = new_bucket() if elsewhere else source
        return Restore(s3, source, target, evidence_bucket).lived()

    yield make
    s3.s3.clock = before
    evidence._s3.cache_clear()
