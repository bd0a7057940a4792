"""Copies of clusters, in every state that a drill can leave them in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions import naming
from tests.steps.sweeper.premises import Premises, tags


def test_a_sweep(account: Premises, capsys: pytest.CaptureFixture[str]) -> None:
    dead = account.died("dead")
    account.machine({"name": "running"})
    running = account.start("running")
    account.claim(running, expires="2126-01-01T00:00:00Z")
    account.cluster("production", {"team": "core"})
    account.cluster(running.cluster, tags(running, "2126-01-01T00:00:00Z"))
    account.cluster(dead.cluster, tags(dead))
    account.cluster("undrilled", {})

    answer = account.sweep()

    kept = {"production", running.cluster, "undrilled"}
    assert account.left() == kept | {f"{name}-1" for name in kept}
    assert (answer["expired"], answer["asked"], answer["failed"]) == (2, 2, 0)
    assert account.told()["claims"] == []
    lines = capsys.readouterr().out.splitlines()
    metrics = [json.loads(line) for line in lines if '"_aws"' in line]
    assert [(m.get("ExpiredScratch"), m.get("Sweeps")) for m in metrics] == [
        ([2.0], None),
        (None, [1.0]),
    ]
    assert metrics[0]["UntaggedScratch"] == [0.0]
    for each in metrics:
        (declared,) = each["_aws"]["CloudWatchMetrics"]
        assert (declared["Namespace"], declared["Dimensions"]) == ("Drills", [[]])


def test_what_was_asked_for_is_proven_gone_by_the_next_sweep(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    account.sweep()
    assert account.names("asked") == {dead.cluster, f"{dead.cluster}-1"}
    assert account.names("gone") == set()
    assert account.sweep()["gone"] == 2
    assert account.names("gone") == {dead.cluster, f"{dead.cluster}-1"}
    assert account.told()["asked"] == []
    assert account.sweep()["gone"] == 0


def cluster_only(account: Premises, name: str, given: Any) -> None:
    account.cluster(name, given, instance=False)


def cluster_creating(account: Premises, name: str, given: Any) -> None:
    cluster_only(account, name, given)
    account.status(name, "creating")
    account.refuse("DeleteDBCluster", code="InvalidDBClusterStateFault")


def instance_creating(account: Premises, name: str, given: Any) -> None:
    account.cluster(name, given)
    account.status(f"{name}-1", "creating")


def instance_deleting(account: Premises, name: str, given: Any) -> None:
    account.cluster(name, given)
    account.status(f"{name}-1", "deleting")
    account.refuse("DeleteDBCluster", code="InvalidDBClusterStateFault")


def both_deleting(account: Premises, name: str, given: Any) -> None:
    account.cluster(name, given)
    account.status(name, "deleting")
    account.status(f"{name}-1", "deleting")


def snapshot_left(account: Premises, name: str, given: Any) -> None:
    account.cluster("production", {}, instance=False)
    account.snapshot(name, "production", given)
    account.snapshot("production-by-hand", "production", {})


def backup_left(account: Premises, name: str, given: Any) -> None:
    cluster_only(account, name, given)
    account.retained(name, given)


@pytest.mark.parametrize(
    ("half_made", "asked", "kept"),
    [
        (cluster_only, 1, 0),
        (cluster_creating, 1, 1),
        (instance_creating, 2, 0),
        (instance_deleting, 1, 2),
        (both_deleting, 0, 2),
        (snapshot_left, 1, 2),
        (backup_left, 1, 0),
    ],
)
@pytest.mark.parametrize("claimed", [False, True])
def test_every_state_of_a_half_made_drill(
    account: Premises, half_made: Any, asked: int, kept: int, claimed: bool
) -> None:
    dead = account.died()
    if claimed:
        account.claim(dead)
    half_made(account, dead.cluster, tags(dead))
    others = {name for name in account.left() if name.startswith("production")}
    answer = account.sweep(62)
    assert answer["asked"] == asked
    assert answer["failed"] == 0
    assert len(account.left()) == kept

    account.emulator.before_call.clear()
    for name in account.left() - others:
        account.status(name, "available")
    for _ in range(3):
        account.sweep()
    assert account.left() == others
    assert set(account.told()["counts"].values()) == {0}
    assert account.holder() is None


def test_what_does_not_go_is_still_there_until_it_is_gone(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead), instance=False)
    account.refuse("DeleteDBCluster", code="InvalidDBClusterStateFault")
    assert account.sweep()["still_there"] == 0
    assert account.sweep()["still_there"] == 1
    account.emulator.before_call.clear()
    assert account.sweep()["still_there"] == 1
    assert account.sweep() | {"gone": 0, "still_there": 0} == account.sweep()


@pytest.mark.parametrize("tag", [naming.MANAGED_TAG, naming.RUN_TAG, naming.EXPIRES_TAG])
def test_a_tag_that_is_missing_keeps_a_copy(account: Premises, tag: str) -> None:
    dead = account.died()
    some = {key: value for key, value in tags(dead).items() if key != tag}
    account.cluster(dead.cluster, some)
    account.snapshot(f"{dead.cluster}-last", dead.cluster, some)
    before = account.left()
    answer = account.sweep()
    assert account.left() == before
    assert (answer["expired"], answer["untagged"]) == (0, 3)
    assert account.names("untagged") == before
    assert all(tag in each["why"] for each in account.told()["untagged"])


@pytest.mark.parametrize("expires", ["soon", "2026-11-02T09:00:00", "2026-13-02T09:00:00Z"])
def test_an_expiry_that_cannot_be_read_keeps_a_copy(account: Premises, expires: str) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead, expires))
    before = account.left()
    assert account.sweep()["untagged"] == 2
    assert account.left() == before


def test_more_than_fits_on_a_page(account: Premises) -> None:
    dead = account.died()
    account.cluster("production", {}, instance=False)
    for number in range(101):
        account.snapshot(f"{dead.cluster}-{number}", "production", tags(dead))
    answer = account.sweep()
    assert answer["asked"] == 101
    assert account.left() == {"production"}
    assert account.sweep()["gone"] == 101
