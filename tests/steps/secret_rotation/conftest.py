"""What the rotation's tests stand on: servers and secrets of their own, not the company."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.steps import rotation
from tests.steps.rotation import Premises


@pytest.fixture(autouse=True)
def _tidy() -> None:
    """In place of the company's: nothing of it is needed here."""


@pytest.fixture(scope="module", autouse=True)
def _backed_up() -> None:
    """Likewise."""


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with rotation.premises(tmp_path_factory.mktemp("premises")) as made:
        yield made
