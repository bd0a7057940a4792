"""Somebody has laid hands on a copy, which may be the rescue: it stays, and is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import clock, naming
from functions.ledger import Ledger
from functions.watch.sweeper import SweepFailed
from functions.watch.watched import Source
from lab import aws
from lab.calls import Call
from tests.steps.sweeper.premises import HOUR, TABLE, Premises, Started, tags

LATER = clock.render(datetime.now(UTC) + 48 * HOUR)


def claimed(account: Premises) -> dict[str, Any]:
    (found,) = account.told()["claims"]
    return dict(found)


def copy(account: Premises, started: Started) -> set[str]:
    account.cluster(started.cluster, tags(started))
    return {started.cluster, naming.instance_name(started.cluster)}


def protect(account: Premises, started: Started) -> None:
    account.rds.backend.clusters[started.cluster].deletion_protection = True


def put_off(account: Premises, started: Started) -> None:
    account.api["rds"].add_tags_to_resource(
        ResourceName=f"arn:aws:rds:{aws.REGION}:{aws.ACCOUNT}:cluster:{started.cluster}",
        Tags=[{"Key": naming.EXPIRES_TAG, "Value": LATER}],
    )


def add_a_reader(account: Premises, started: Started) -> None:
    account.instance("production-1", started.cluster, {})


def rename(account: Premises, started: Started) -> None:
    """The cluster becomes production; its instance keeps its own name."""
    backend = account.rds.backend
    backend.clusters["production"] = cluster = backend.clusters.pop(started.cluster)
    members = list(cluster.members)
    for each in (cluster, *members):
        each.db_cluster_identifier = "production"


HANDS = [protect, put_off, add_a_reader, rename]


@pytest.mark.parametrize("with_claim", [False, True])
@pytest.mark.parametrize("lay", HANDS)
def test_what_somebody_has_laid_hands_on_keeps_all_it_has(
    account: Premises, lay: Callable[[Premises, Started], None], with_claim: bool
) -> None:
    dead = account.died()
    if with_claim:
        account.claim(dead)
    copy(account, dead)
    lay(account, dead)
    account.sources = [Source(kind="aurora", name="production")]
    before = account.left()
    for _ in range(2):
        answer = account.sweep()
        assert account.left() == before
        assert answer["asked"] == 0
        assert answer["failed"] == 0
        assert account.documents == []
        told = (*account.told()["held"], *account.told()["refused"])
        assert {each["name"] for each in told} >= (
            {naming.instance_name(dead.cluster)} if lay is put_off else before - {"production-1"}
        )
    if with_claim and lay is not put_off:
        assert claimed(account)["outcome"] == "held"
        assert "stays: " in claimed(account)["why"]
    assert (account.holder() is not None) == with_claim


@pytest.mark.parametrize("lay", HANDS)
def test_the_lines_teardown_leaves_it_and_proves_nothing(
    account: Premises, lay: Callable[[Premises, Started], None]
) -> None:
    dead = account.died()
    plan = account.claim(dead)
    copy(account, dead)
    lay(account, dead)
    before = account.left()
    document = {
        "drill": {"name": "a"},
        "execution": {"id": dead.execution, "name": "x", "start_time": plan["expires"]},
        "plan": plan | {"teardown_seconds": 10**9, "call_budget": {}},
    }
    teardown = account.teardowns["drill-aurora-teardown"]
    answer = teardown({"document": document}, account.context)
    assert account.left() == before
    assert (answer["done"], answer["proven"]) == (True, False)
    names = {each["name"] for each in answer["leftovers"]}
    assert naming.instance_name(dead.cluster) in names
    assert answer["deleted"] == []
    (why,) = answer["kept"]
    assert dead.cluster in why


def test_a_copy_that_was_taken_over_is_forgotten_once_its_tags_are_gone(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    account.cluster("production", {}, instance=False)
    account.instance(naming.instance_name(dead.cluster), "production", {})
    account.sources = [Source(kind="aurora", name="production")]
    before = account.left()
    assert account.sweep()["untagged"] == 0
    assert account.left() == before
    assert account.holder() is None


def test_a_copy_that_was_put_off_for_years_is_counted(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead, "2099-01-01T00:00:00Z"))
    answer = account.sweep()
    assert (answer["far"], answer["untagged"], answer["expired"]) == (2, 2, 0)
    assert "2099" in account.told()["far"][0]["why"]


def test_a_run_that_was_cleared_and_goes_on_again_keeps_all(account: Premises) -> None:
    """The claim is no longer its own: its machine alone knows that it goes on."""
    dead = account.died()
    account.claim(dead)
    Ledger(table=TABLE, drill="a").release(dead.execution)
    account.redrive(dead)
    before = copy(account, dead)
    assert account.sweep()["late"] == 2
    assert account.left() == before


def test_another_run_that_goes_on_keeps_nothing_of_a_dead_one(account: Premises) -> None:
    dead = account.died()
    copy(account, dead)
    account.start("a")
    assert account.sweep()["asked"] == 2


def test_where_the_machine_cannot_be_asked_nothing_of_it_goes(account: Premises) -> None:
    dead = account.died()
    before = copy(account, dead)
    account.refuse("ListExecutions", code="AccessDeniedException")
    with pytest.raises(SweepFailed, match="whether the run"):
        account.sweep()
    assert account.left() == before
    assert account.names("held") == before


def once_more(account: Premises, act: Callable[[], object]) -> None:
    """Do something when the sweeper looks at the instance by its name, and so once more."""

    def hook(call: Call) -> None:
        if call.operation == "DescribeDBInstances" and "DBInstanceIdentifier" in call.parameters:
            account.emulator.before_call.remove(hook)
            act()

    account.emulator.before_call.append(hook)


@pytest.mark.parametrize("lay", [*HANDS, lambda account, dead: account.redrive(dead)])
def test_what_changes_after_the_listing_is_seen_before_anything_is_deleted(
    account: Premises, lay: Callable[[Premises, Started], None]
) -> None:
    dead = account.died()
    copy(account, dead)
    once_more(account, lambda: lay(account, dead))
    answer = account.sweep()
    instance = naming.instance_name(dead.cluster)
    assert instance in account.left()
    assert len(account.left()) >= 2
    assert (answer["asked"], answer["failed"]) == (0, 0)
    held = {each["name"]: each["why"] for each in account.told()["held"]}
    assert held[instance].startswith("it is not what it was when this sweep began")
    assert account.told()["asked"] == []


def test_a_claim_of_a_drill_that_is_gone_is_found_by_its_copy(account: Premises) -> None:
    """The report of the last sweep is lost; the name and the tag of the copy say whose it is."""
    dead = account.died()
    account.claim(dead)
    account.cluster(dead.cluster, {naming.RUN_TAG: dead.run}, instance=False)
    account.drills.clear()
    account.sweep()
    assert claimed(account)["outcome"] == "held"
    assert account.told()["drills"] == ["a"]
