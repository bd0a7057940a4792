"""A cluster with a real server, all that a restore of it needs, and a way back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.aurora import backups, clusters
from functions.aurora.examine import examine
from functions.health import Health
from functions.settings import Settings
from functions.watch.watched import Source
from lab.emulator import Emulator
from lab.rds import Rds
from lab.rds_offers import Offers
from lab.rds_records import ServedCluster
from lab.rds_snapshots import take_automated
from tests.steps.surroundings import surroundings

CLUSTER, SUBNET_GROUP, PARAMETER_GROUP = "prod", "drill-stack", "drill-aurora-postgresql15"
WANTED = {
    "restorable_lag_maximum_seconds": 900,
    "snapshot_age_maximum_seconds": 93600,
    "retention_days_minimum": 7,
    "require_encryption": True,
    "instance_classes": ["db.serverless"],
    "parameter_groups": [PARAMETER_GROUP],
}


def watched(name: str = CLUSTER, **wishes: Any) -> Source:
    return Source(kind="aurora", name=name, wanted={**WANTED, **wishes})


@dataclass
class World:
    """The emulated AWS with its RDS, and what the collector's calls to them were."""

    emulator: Emulator
    rds: Rds
    calls: list[str] = field(default_factory=list)

    @property
    def source(self) -> ServedCluster:
        return self.rds.cluster(CLUSTER)

    def client(self, service: str) -> Any:
        return self.emulator.client(service)

    def look(self, *sources: Source, later: timedelta = timedelta(0)) -> list[Health]:
        """The health of these sources, so much later; of the cluster if none is given."""
        now = datetime.now(UTC) + later
        return [health for _, health in examine(sources or [watched()], now=now)]

    def found(self, *sources: Source, later: timedelta = timedelta(0)) -> list[str]:
        """The conditions that are found."""
        looked = self.look(*sources, later=later)
        return [finding.condition for health in looked for finding in health.findings]


@pytest.fixture(scope="module", autouse=True)
def _backed_up() -> None:
    """In place of the company's: nothing of it is needed here."""


@pytest.fixture(autouse=True)
def _tidy() -> None:
    """Likewise."""


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(folder=tmp_path_factory.mktemp("aws"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def rds(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rds]:
    del emulator  # it has started by then
    running = Rds(
        folder=tmp_path_factory.mktemp("rds"),
        authorise=lambda *_: True,
        restorable_lag_seconds=0.2,
    )
    running.install()
    try:
        running.create_source(
            CLUSTER,
            database="postgres",
            administrator="postgres",
            load=lambda _: None,
            engine_version="15.12",
        )
        running.create_subnet_group(SUBNET_GROUP)
        running.create_parameter_groups(
            cluster=PARAMETER_GROUP, instance=PARAMETER_GROUP, family="aurora-postgresql15"
        )
        yield running
    finally:
        running.stop()


@pytest.fixture
def new(emulator: Emulator, rds: Rds, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world with the cluster as it was made a moment ago, and the environment of a function."""
    settings = Settings(
        evidence_bucket="",
        ledger_table="",
        topic_arn="",
        subnet_group=SUBNET_GROUP,
        security_group="",
    )
    for name, value in {
        **settings.to_environment(),
        **surroundings(emulator),
    }.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    world = World(emulator=emulator, rds=rds)
    kept = [(holder, dict(holder)) for holder in _holders(rds)]
    events, offers = list(rds.backend.events), rds.offers
    rds.offers = Offers()
    emulator.after_call.append(lambda call: world.calls.append(f"{call.service}:{call.operation}"))
    yield world
    emulator.before_call.clear()
    emulator.after_call.clear()
    for holder, content in kept:
        holder.clear()
        holder.update(content)
    rds.backend.events[:] = events
    rds.offers = offers
    forget_clients()


@pytest.fixture
def world(new: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with a cluster that has been there for long, and is backed up every night."""
    now = datetime.now(UTC)
    new.source.cluster_create_time = now - timedelta(days=400)
    show_window(new, monkeypatch, earliest=now - timedelta(days=7), latest=now)
    begins, ends = (f"{now - timedelta(hours=3, minutes=m):%H:%M}" for m in (15, -15))
    new.source.preferred_backup_window = f"{begins}-{ends}"
    new.rds.backend.cluster_snapshots.clear()
    new.rds.backend.events.clear()
    for days in range(7):
        at = now - timedelta(days=days, hours=3)
        take_automated(new.rds, CLUSTER, at=at, seconds=60 + days)
    return new


def show_window(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    *,
    earliest: datetime | None,
    latest: datetime | None,
) -> None:
    """Let the cluster show this restore window, whatever its server has."""

    def refresh(cluster: ServedCluster) -> None:
        cluster.earliest_restorable_time, cluster.latest_restorable_time = earliest, latest

    monkeypatch.setattr(world.rds, "refresh", refresh)


def forget_clients() -> None:
    """They were made for another endpoint."""
    backups._rds.cache_clear()
    clusters._rds.cache_clear()


def _holders(rds: Rds) -> list[Any]:
    """Whatever a test may change, as mappings."""
    backend = rds.backend
    return [
        vars(rds.cluster(CLUSTER)),
        backend.clusters,
        backend.cluster_snapshots,
        backend.db_cluster_parameter_groups,
        backend.db_parameter_groups,
        backend.subnet_groups,
        rds.quotas,
    ]
