"""Real servers, of every version that is at hand: that of the wheel, and one of the system."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.aurora.witness_work import Source
from lab.authority import Authority
from lab.postgres import Servers, find_binaries
from tests.steps.company import DATABASE, INSTALL, SCHEMA, Company, Drilled, Shelf, see
from tests.steps.turning import Stage, stage

SYSTEM = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session", params=["wheel", "15"])
def company(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    """A source with a base backup, ours alone for the session."""
    if request.param == "wheel":
        binaries = find_binaries({})
    elif SYSTEM.is_dir():
        binaries = SYSTEM
    else:
        pytest.skip(f"no PostgreSQL in {SYSTEM}")
    folder = tmp_path_factory.mktemp("servers")
    made = Company(
        servers=(servers := Servers(folder=folder, binaries=binaries)),
        authority=Authority(folder),
        source=servers.create("source"),
    )
    try:
        with made.source.connect() as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        made.run(SCHEMA)
        made.run(INSTALL.read_text())
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module", autouse=True)
def _backed_up(company: Company) -> None:
    """A base backup for each file of tests, so that a restore replays no more than its WAL."""
    company.source.back_up()


@pytest.fixture(autouse=True)
def _tidy(company: Company) -> Iterator[None]:
    """No copy outlives its test."""
    yield
    company.forget_copies()


@pytest.fixture(scope="session")
def drilled(company: Company) -> Drilled:
    """One witness for the tests that damage copies of their own, and restore some too early."""
    company.source.back_up()
    time.sleep(3.5)
    login = company.login(company.source)
    shelf = Shelf()
    with company.writers():
        return Drilled(shelf, see(Source(reader=login, writer=login), shelf))


@pytest.fixture(scope="module")
def staged(company: Company) -> Iterator[Stage]:
    """A source of a file's own, to which something is done while T goes by."""
    with stage(company) as made:
        yield made


@pytest.fixture
def source(staged: Stage) -> Iterator[Stage]:
    """The same, tidied after each test."""
    yield staged
    staged.tidy()
