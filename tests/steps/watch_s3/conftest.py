"""What a look at buckets stands on: one emulator, and a bucket in order for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from functions.s3_versions import objects
from lab.emulator import Emulator
from tests.steps.surroundings import surroundings
from tests.steps.watch_s3.bucket import Bucket


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
def here(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """The emulator, as the environment of a function names it."""
    for name, value in surroundings(emulator).items():
        monkeypatch.setenv(name, value)
    objects.client.cache_clear()
    yield emulator
    emulator.before_call.clear()
    objects.client.cache_clear()


@pytest.fixture
def new_bucket(here: Emulator) -> Callable[[], Bucket]:
    """Makes a bucket that is in order, of a new name."""
    return lambda: Bucket(here)


@pytest.fixture
def bucket(new_bucket: Callable[[], Bucket]) -> Bucket:
    """One of them."""
    return new_bucket()
