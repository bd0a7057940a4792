"""A deployment that is watched, on the emulator: bucket, ledger, topic, schedules."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from lab.emulator import Emulator
from tests.steps.surroundings import surroundings
from tests.steps.watch.deployment import Deployment


def forget_clients() -> None:
    """Have every module make its clients anew: they were made for another endpoint."""
    for name, module in list(sys.modules.items()):
        if name.startswith("functions."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


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
def deployment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A deployment of its own, as the environment of its functions names it."""
    made = Deployment(emulator)
    for name, value in {
        **surroundings(emulator),
        **made.settings.to_environment(),
    }.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield made
    emulator.before_call.clear()
    emulator.s3.faults.clear()
    made.forget()
    forget_clients()
