"""A look at the backups of all clusters between drills: what is asked, and of whom it is told.

What is the same for all clusters is asked once. Of each cluster come one call for its snapshots,
and at most one for its key, its engine version and each instance class of its drills.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError

from functions.aurora import addresses, backups, clusters, health, keys, usage
from functions.aurora.protection import ABSENT, Backed, Look, Usage
from functions.health import Finding, Health, unreadable
from functions.settings import Settings
from functions.watch.conditions import ADVICE
from functions.watch.watched import Source

Answer = TypeVar("Answer")

_UNREAD: Final = (BotoCoreError, ClientError, LookupError, TypeError, ValueError)
"""A call that failed, or an answer that is not what AWS documents."""


def examine(sources: Sequence[Source], *, now: datetime) -> Iterator[tuple[Source, Health]]:
    """The health of each cluster, in their order. What could not be read is a finding of each."""
    collection = _Collection(sources, now)
    for source in sources:
        look = _Looker(collection, source).look()
        yield source, health.judge(look, wanted=source.wanted, now=now)


class _Collection:
    """The answers of one collection: each question is asked once, whoever wants to know."""

    def __init__(self, sources: Sequence[Source], now: datetime) -> None:
        self.names = tuple(source.name for source in sources)
        self.now = now
        self.subnet_group = Settings.from_environment(os.environ).subnet_group
        self._answers: dict[str, Any] = {}

    def answer(self, question: str, ask: Callable[[], Answer]) -> Answer | Finding:
        """What AWS answers to a question, or the finding that it could not be asked."""
        if question not in self._answers:
            try:
                self._answers[question] = ask()
            except _UNREAD as error:
                self._answers[question] = unreadable(question, error)
        return cast("Answer | Finding", self._answers[question])


class _Looker:
    """Looks at one cluster, and keeps what could not be read."""

    def __init__(self, collection: _Collection, source: Source) -> None:
        self._collection = collection
        self._name = source.name
        self._wanted = source.wanted
        self._missed: list[Finding] = []

    def look(self) -> Look:
        """All that is known of the cluster now, and what could not be read."""
        found = self._found()
        return replace(found, missed=tuple(self._missed))

    def _found(self) -> Look:
        """What could be read. Of a cluster that is not there nothing else is asked."""
        known = self._ask("DescribeDBClusters", backups.clusters)
        cluster = None if known is None else known.get(self._name, ABSENT)
        if cluster == ABSENT:
            return Look(name=self._name, cluster=ABSENT)
        backed = cluster if isinstance(cluster, Backed) else None
        manual = self._ask("DescribeDBClusterSnapshots (manual)", backups.manual_snapshots)
        subnets = self._ask("DescribeDBSubnetGroups", self._subnet_zones)
        return Look(
            name=self._name,
            cluster=backed,
            snapshots=self._ask(
                f"DescribeDBClusterSnapshots of {self._name}",
                partial(backups.automated_snapshots, self._name),
            ),
            seconds=self._ask_besides("DescribeEvents", backups.snapshot_seconds) or {},
            manual_snapshots=None if manual is None else manual[self._name],
            key_state=self._key_state(backed),
            quotas=self._ask("DescribeAccountAttributes", clusters.quotas),
            engine_status=self._engine_status(backed),
            zones=self._zones(backed),
            cluster_groups=self._families(
                "DescribeDBClusterParameterGroups", clusters.cluster_parameter_family
            ),
            instance_groups=self._families(
                "DescribeDBParameterGroups", clusters.instance_parameter_family
            ),
            subnets=subnets,
            free=self._ask("DescribeSubnets", partial(addresses.free, subnets))
            if subnets
            else None,
            usage=self._usage(),
        )

    def _ask(self, question: str, ask: Callable[[], Answer]) -> Answer | None:
        answer = self._collection.answer(question, ask)
        if isinstance(answer, Finding):
            self._missed.append(answer)
            return None
        return answer

    def _ask_besides(self, question: str, ask: Callable[[], Answer]) -> Answer | None:
        """The same of what is only shown: that no restore depends on it makes it advice."""
        answer = self._collection.answer(question, ask)
        if isinstance(answer, Finding):
            self._missed.append(replace(answer, condition=ADVICE.name))
            return None
        return answer

    def _subnet_zones(self) -> Mapping[str, str]:
        return backups.subnet_zones(self._collection.subnet_group)

    def _key_state(self, cluster: Backed | None) -> str | None:
        if cluster is None or not cluster.key:
            return None
        key = cluster.key
        return self._ask(f"DescribeKey of {key}", partial(_or_absent, keys.key_state, key))

    def _engine_status(self, cluster: Backed | None) -> str | None:
        if cluster is None:
            return None
        engine, version = cluster.engine, cluster.engine_version
        question = f"DescribeDBEngineVersions of {engine} {version}"
        return self._ask(question, partial(backups.engine_status, engine, version))

    def _zones(self, cluster: Backed | None) -> dict[str, tuple[str, ...]]:
        """Where each instance class of the drills is offered, for the cluster's version."""
        if cluster is None:
            return {}
        engine, version = cluster.engine, cluster.engine_version
        found = {}
        for wanted in self._wanted["instance_classes"]:
            zones = self._ask(
                f"DescribeOrderableDBInstanceOptions of {engine} {version} {wanted}",
                partial(backups.offered_zones, engine, version, wanted),
            )
            if zones is not None:
                found[wanted] = zones
        return found

    def _families(self, operation: str, ask: Callable[[str], str | None]) -> dict[str, str]:
        """The family of each parameter group of the drills."""
        found = {}
        for group in self._wanted["parameter_groups"]:
            family = self._ask(f"{operation} of {group}", partial(_or_absent, ask, group))
            if family is not None:
                found[group] = family
        return found

    def _usage(self) -> Usage | None:
        names, now = self._collection.names, self._collection.now
        sizes = self._ask_besides("GetMetricData", partial(usage.of_clusters, names, now=now))
        return None if sizes is None else sizes[self._name]


def _or_absent(ask: Callable[[str], str | None], name: str) -> str:
    return ask(name) or ABSENT
