"""What a look at secrets stands on: a database, its rotation function, and a secret in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.secret_rotation import lambdas, rotations
from tests.steps import rotation
from tests.steps.rotation import Premises
from tests.steps.watch_rotation.secret import Trail, Watched


@pytest.fixture(autouse=True)
def _tidy() -> None:
    """In place of the company's: nothing of it is needed here."""


@pytest.fixture(scope="module", autouse=True)
def _backed_up() -> None:
    """Likewise."""


@pytest.fixture(scope="package")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with rotation.premises(tmp_path_factory.mktemp("premises")) as made:
        for client in (lambdas._client, rotations._client):
            client.cache_clear()
        yield made
        for client in (lambdas._client, rotations._client):
            client.cache_clear()


@pytest.fixture
def secret(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """A secret that was rotated just now, and a function that can do it again."""
    emulator = premises.emulator
    monkeypatch.setattr(emulator, "describe_function", emulator.describe_function)
    policies = {name: list(statements) for name, statements in emulator._policies.items()}
    yield Watched(premises)
    emulator._policies.clear()
    emulator._policies.update(policies)
    emulator.before_call.clear()


@pytest.fixture
def trail(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> Trail:
    """A CloudTrail whose history and refusals are the test's own."""
    made = Trail(premises.emulator.own_answer)
    monkeypatch.setattr(premises.emulator, "own_answer", made.answer)
    return made
