"""What is watched of a cluster, and what the collector may do for it: read, and nothing else."""

from __future__ import annotations

import json

from functions.watch.watched import Source
from infra.kinds import aurora_health
from tests.infra.samples import configuration

STRICT = {
    "name": "strict",
    "retention_days_minimum": 14,
    "instance_class": "db.r7g.large",
    "require_encryption": True,
}
LENIENT = {"name": "lenient", "retention_days_minimum": 3, "require_encryption": False}


def test_a_cluster_of_two_drills_is_one_source_and_the_strictest_wish_counts() -> None:
    assert aurora_health.sources(configuration(LENIENT, STRICT)) == [
        Source(
            kind="aurora",
            name="prod",
            wanted={
                "restorable_lag_maximum_seconds": 900,
                "snapshot_age_maximum_seconds": 93600,
                "retention_days_minimum": 14,
                "require_encryption": True,
                "instance_classes": ["db.r7g.large", "db.serverless"],
                "parameter_groups": ["drill-aurora-postgresql15"],
            },
        )
    ]


def test_each_cluster_is_a_source_with_the_wishes_of_its_own_drills() -> None:
    found = aurora_health.sources(configuration(LENIENT, {**STRICT, "cluster": "other"}))
    wanted = {source.name: source.wanted["retention_days_minimum"] for source in found}
    assert wanted == {"other": 14, "prod": 3}


def test_the_limits_are_those_of_the_file() -> None:
    watch = {"restorable_lag": "30m", "snapshot_age": "48h"}
    (source,) = aurora_health.sources(configuration(watch=watch))
    assert source.wanted["restorable_lag_maximum_seconds"] == 1800
    assert source.wanted["snapshot_age_maximum_seconds"] == 172800


def test_what_is_wanted_travels_as_json() -> None:
    (source,) = aurora_health.sources(configuration())
    assert json.loads(json.dumps(source.wanted)) == source.wanted


def test_the_collector_may_do_what_it_does_and_it_reads() -> None:
    may = aurora_health.may_look(configuration(), "drill-stack")
    actions = [action for permission in may for action in permission.actions]
    assert sorted(actions) == sorted(set(aurora_health.LOOKS))
    verbs = {action.partition(":")[2].removeprefix("Get") for action in actions}
    assert all(verb.startswith("Describe") or verb == "MetricData" for verb in verbs)


def test_what_holds_a_wildcard_says_why() -> None:
    for permission in aurora_health.may_look(configuration(), "drill-stack"):
        assert permission.because or not any("*" in each for each in permission.resources)


def test_no_cluster_needs_no_permission() -> None:
    bucket = configuration({"kind": "s3_versions"})
    assert aurora_health.sources(bucket) == []
    assert aurora_health.may_look(bucket, "drill-stack") == []
