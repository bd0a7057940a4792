"""One lab for the rotation drills of this folder: rehearsed, live, with users that alternate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.lab import Lab
from tests.lab.conftest import Drills, Ran

DRILLS = Path(__file__).with_name("drills.yaml")
OWN = "drill-rotation-rehearsed"

LONG = {"rotation_seconds": 60}
"""What a healthy rotation may take on a machine that is busy."""


class Rotations(Drills):
    """Starts rotation drills, and knows what the secrets and the database hold."""

    def run(self, given: Any = None, *, drill: str = "rehearsed", **changes: Any) -> Ran:
        """A drill with a long patience, unless told otherwise."""
        timing = LONG | changes.pop("timing", {})
        return super().run(given, drill=drill, timing=timing, **changes)

    @property
    def secrets(self) -> Any:
        return self.lab.emulator.client("secretsmanager")

    def stages(self, secret: str = OWN) -> dict[str, str]:
        """From a label to the version that bears it."""
        found = self.secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
        return {stage: version for version, stages in found.items() for stage in stages}

    def opens(self, secret: str = OWN) -> bool:
        """Whether the current password of a secret lets its user in."""
        import ssl

        from pg8000.exceptions import DatabaseError
        from pg8000.native import Connection

        held = self.lab.credentials.value(secret)
        context = ssl.create_default_context(cafile=str(self.lab.rds.authority.certificate))
        try:
            Connection(
                held["username"],
                password=held["password"],
                host=held["host"],
                port=int(held["port"]),
                database=held["dbname"],
                ssl_context=context,
            ).close()
        except DatabaseError:
            return False
        return True


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = Path(tmp_path_factory.mktemp("rotation"))
    with Lab(
        folder, drills=DRILLS, scale=0.05, time_factor=0.005, restorable_lag_seconds=0.5
    ) as running:
        yield running


@pytest.fixture
def rotations(lab: Lab) -> Iterator[Rotations]:
    kept = list(lab.emulator.before_call), list(lab.emulator.after_call)
    yield Rotations(lab)
    lab.emulator.before_call[:], lab.emulator.after_call[:] = kept
