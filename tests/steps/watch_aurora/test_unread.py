"""What cannot be read is a finding of its own, the rest is judged; what a look costs in calls."""

from __future__ import annotations

import copy
from collections import Counter

import pytest

from infra.kinds.aurora_health import LOOKS
from lab.calls import Call, Denied, Refusal
from lab.rds_snapshots import take_automated
from tests.steps.watch_aurora.conftest import CLUSTER, World, forget_clients, watched

OPERATIONS = sorted(LOOKS)
SHOWN_ALONE = {"rds:DescribeEvents", "cloudwatch:GetMetricData"}
"""What no restore depends on."""


def refuse(world: World, action: str, **parameters: str) -> list[Call]:
    """Let AWS refuse a call, if it has these parameters; the calls that were refused."""
    refused: list[Call] = []

    def hook(call: Call) -> Refusal | None:
        asked = f"{call.service}:{call.operation}"
        if asked != action or not parameters.items() <= dict(call.parameters).items():
            return None
        refused.append(call)
        return Denied(asked, "*")

    world.emulator.before_call.append(hook)
    return refused


def test_the_collector_may_do_just_what_it_does(world: World) -> None:
    assert world.found() == []
    assert {*world.calls} == set(LOOKS)


@pytest.mark.parametrize("action", OPERATIONS)
def test_a_call_that_fails_is_named_and_the_rest_is_judged(world: World, action: str) -> None:
    world.rds.quotas["DBInstances"] = 1
    world.source.deletion_protection = False
    (before,) = world.look()
    assert [each.condition for each in before.findings] == ["not-restorable", "advice"]
    refuse(world, action)
    (health,) = world.look()
    operation = action.partition(":")[2]
    unread = [each for each in health.findings if each.text.startswith(operation)]
    assert {each.condition for each in unread} == {
        "advice" if action in SHOWN_ALONE else "unreadable"
    }
    assert all("AccessDenied" in each.text for each in unread)
    others = {each.condition for each in health.findings if each not in unread}
    lost = {
        "DescribeDBClusters": {"advice"},
        "DescribeAccountAttributes": {"not-restorable"},
    }
    assert others == {"not-restorable", "advice"} - lost.get(operation, set())


def test_snapshots_of_one_cluster_that_cannot_be_listed_are_its_own_matter(world: World) -> None:
    world.client("rds").create_db_cluster(
        DBClusterIdentifier="other",
        Engine="aurora-postgresql",
        EngineVersion="15.12",
        MasterUsername="owner",
        MasterUserPassword="not-a-secret",
        StorageEncrypted=True,
        DeletionProtection=True,
    )
    refuse(world, "rds:DescribeDBClusterSnapshots", DBClusterIdentifier="other")
    healthy, other = world.look(watched(CLUSTER), watched("other"))
    assert healthy.findings == ()
    assert "DescribeDBClusterSnapshots of other" in other.findings[0].text


def test_each_source_is_told_of_what_concerns_all(world: World) -> None:
    refused = refuse(world, "rds:DescribeAccountAttributes")
    both = world.look(watched(), watched(retention_days_minimum=8))
    assert [[each.condition for each in health.findings] for health in both] == [
        ["unreadable"],
        ["unreadable", "unprotected"],
    ]
    assert len(refused) == 1


def test_without_any_answer_every_source_is_told_unreadable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    forget_clients()
    looked = world.look(watched("a"), watched("b"))
    assert len(looked) == 2
    for health in looked:
        assert {each.condition for each in health.findings} == {"unreadable", "advice"}
        assert all("could not be asked" in each.text for each in health.findings)
        assert health.gauges == ()


def test_many_clusters_cost_one_call_each_for_their_snapshots(world: World) -> None:
    world.look()
    one = Counter(world.calls)
    world.calls.clear()
    names = [CLUSTER, *(f"cluster-{number}" for number in range(9))]
    for name in names[1:]:
        other = world.rds.backend.clusters[name] = copy.copy(world.source)
        other.db_cluster_identifier = name
        take_automated(world.rds, name)
    assert world.found(*map(watched, names)) == []
    ten = Counter(world.calls)
    assert ten - one == Counter({"rds:DescribeDBClusterSnapshots": 9})
