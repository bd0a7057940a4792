"""Claims of runs that are dead: torn down by the code of their kind, and given back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from functions import clock
from functions.errors import NotOurs, TryAgain
from functions.ledger import Claim, Ledger
from functions.s3_versions import objects
from functions.watch.sweeper import SweepFailed
from lab import aws
from tests.steps.sweeper.premises import HOUR, TABLE, Premises, tags

BUCKET, PREFIX = "files-prod", "_drill/"
S3_DRILL = {
    "name": "files",
    "kind": "s3_versions",
    "bucket": BUCKET,
    "canary": {"in": "bucket", "bucket": BUCKET, "prefix": PREFIX, "accept": []},
    "scratch": None,
}


def claimed(account: Premises) -> dict[str, Any]:
    """What the last sweep told of the only claim."""
    (found,) = account.told()["claims"]
    return dict(found)


def test_a_claim_without_anything_left_is_given_back(account: Premises) -> None:
    dead = account.died()
    plan = account.claim(dead)
    answer = account.sweep()
    assert account.holder() is None
    assert (answer["expired"], answer["claims"]) == (1, 1)
    found = claimed(account)
    assert (found["outcome"], found["teardown"]["proven"]) == ("cleared", True)
    assert account.told()["cleared"] == [
        {"drill": "a", "run": dead.run, "cleared_at": account.told()["swept_at"]}
    ]
    asked = account.documents[0]
    assert asked["drill"] == {"name": "a"}
    assert asked["execution"]["id"] == dead.execution
    assert asked["plan"]["names"] == plan["names"]
    assert asked["error"] == {"Error": "Dead"}
    account.sweep()
    assert account.told()["claims"] == []
    assert len(account.told()["cleared"]) == 1


def test_a_restore_that_was_lost_is_waited_for(account: Premises) -> None:
    """Teardown says so itself; nothing that it asks for is cut short."""
    dead = account.died()
    account.claim(dead)
    account.sweep()
    assert [document["teardown"].get("nothing_seen") for document in account.documents] == [
        None,
        True,
    ]
    assert 600.0 - account.context.seconds > 145


def test_a_claim_whose_time_is_not_over_is_left_to_the_next_run(account: Premises) -> None:
    dead = account.died()
    account.claim(dead, expires=clock.render(datetime.now(UTC) + HOUR))
    assert account.sweep()["expired"] == 0
    assert account.holder() is not None
    assert account.documents == []


@pytest.mark.parametrize("expires", ["soon", "2026-11-02T09:00:00"])
def test_a_claim_whose_expiry_cannot_be_read_is_told(account: Premises, expires: str) -> None:
    account.claim(account.died(), expires=expires)
    with pytest.raises(SweepFailed, match="the claim of a, by arn:"):
        account.sweep()
    assert account.holder() is not None
    assert account.documents == []


def test_a_run_that_goes_on_past_its_time_keeps_all(account: Premises) -> None:
    account.machine({"name": "a"})
    alive = account.start("a")
    account.claim(alive)
    account.cluster(alive.cluster, tags(alive))
    before = account.left()
    answer = account.sweep()
    assert account.left() == before
    assert (answer["late"], answer["asked"], answer["expired"]) == (2, 0, 3)
    assert claimed(account)["outcome"] == "late"
    account.stop(alive)
    account.sweep()
    assert account.left() == set()


def test_a_run_that_was_redriven_keeps_all(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    account.cluster(dead.cluster, tags(dead))
    account.redrive(dead)
    before = account.left()
    assert account.sweep()["late"] == 2
    assert account.left() == before


def test_a_run_without_a_claim_that_its_record_knows_to_go_on_keeps_all(account: Premises) -> None:
    account.machine({"name": "a"})
    alive = account.start("a")
    Ledger(table=TABLE, drill="a").record(
        alive.run,
        {
            "verdict": "INCONCLUSIVE",
            "started_at": clock.render(datetime.now(UTC)),
            "execution": alive.execution,
            "key": f"a/2026/{alive.run}",
        },
    )
    account.cluster(alive.cluster, tags(alive))
    assert account.sweep()["late"] == 2
    account.stop(alive)
    assert account.sweep()["asked"] == 2


def test_resources_without_a_claim_are_dead(account: Premises) -> None:
    """Also of a drill that nobody has heard of."""
    account.cluster("drill-gone-20261001-0a0b0c", tags("20261001-0a0b0c"))
    assert account.sweep()["asked"] == 2
    assert account.left() == set()


def test_a_redrive_that_begins_meanwhile_is_seen_before_the_call(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    # The first look at the execution finds it dead; it goes on before the second.
    again = partial(account.before, "GetItem", lambda: account.redrive(dead))
    account.before("DescribeExecution", again)
    account.sweep()
    assert claimed(account)["outcome"] == "late"
    assert account.documents == []
    assert account.holder() is not None


def test_a_redrive_that_begins_between_two_calls_ends_them(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    account.teardowns["drill-aurora-teardown"] = lambda *_: (
        account.redrive(dead)
        or {
            "done": False,
            "wait_seconds": 1,
            "waiting_for": "the copy",
        }
    )
    account.sweep()
    assert claimed(account)["outcome"] == "late"
    assert len(account.documents) == 1


def test_a_redrive_at_the_very_end_keeps_its_claim(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    account.teardowns["drill-aurora-teardown"] = lambda *_: (
        account.redrive(dead)
        or {
            "done": True,
            "proven": True,
        }
    )
    account.sweep()
    assert claimed(account)["outcome"] == "late"
    assert account.holder() is not None


def test_a_new_run_of_the_drill_clears_for_itself(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    account.start("a")
    account.sweep()
    assert claimed(account)["outcome"] == "taken"
    assert account.documents == []
    assert account.holder() is not None


def test_a_claim_that_another_run_has_taken_is_not_given_back(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    other = Claim(execution=f"{dead.execution}-2", run_id="20261102-ffffff", plan={})

    def torn_down(*_: object) -> dict[str, Any]:
        ledger = Ledger(table=TABLE, drill="a")
        assert ledger.claim(other, instead_of=dead.execution) is None
        return {"done": True, "proven": True}

    account.teardowns["drill-aurora-teardown"] = torn_down
    account.sweep()
    assert claimed(account)["outcome"] == "taken"
    assert account.holder() == other


def test_what_is_not_done_in_time_is_taken_up_by_the_next_sweep(account: Premises) -> None:
    dead = account.died()
    account.claim(dead)
    answers = iter(
        [
            {"done": False, "wait_seconds": 400, "waiting_for": "the copy", "seen": [number]}
            for number in range(3)
        ]
    )
    account.teardowns["drill-aurora-teardown"] = lambda *_: next(
        answers, {"done": True, "proven": True}
    )
    account.sweep()
    assert len(account.documents) == 2
    found = claimed(account)
    assert (found["outcome"], found["why"]) == ("waiting", "waiting for the copy")
    assert account.holder() is not None
    account.sweep()
    account.sweep()
    assert [document["teardown"].get("seen") for document in account.documents] == [
        None, [0], [1], [2]
    ]  # fmt: skip
    assert account.holder() is None


def test_no_call_begins_when_the_time_runs_short(account: Premises) -> None:
    account.claim(account.died())
    account.sweep(59)
    assert account.documents == []
    assert claimed(account)["outcome"] == "waiting"


def test_what_teardown_leaves_behind_is_told_and_asked_for_again(account: Premises) -> None:
    account.claim(account.died())
    account.teardowns["drill-aurora-teardown"] = lambda *_: {
        "done": True,
        "proven": False,
        "leftovers": [{"type": "secret", "name": "the role", "arn": ""}],
    }
    for calls in (1, 2):
        with pytest.raises(SweepFailed, match="planned: Teardown left behind: the role"):
            account.sweep()
        assert len(account.documents) == calls
        assert account.documents[-1]["teardown"] == {}
    assert claimed(account)["outcome"] == "failed"
    assert account.holder() is not None


def test_a_teardown_that_raises_is_told(account: Premises) -> None:
    account.claim(account.died())
    account.teardowns["drill-aurora-teardown"] = _raises
    with pytest.raises(SweepFailed, match="TeardownFailed: NotOurs: it is somebody's"):
        account.sweep()
    assert account.holder() is not None


def _raises(*_: object) -> dict[str, Any]:
    raise NotOurs("it is somebody's")


def test_a_teardown_that_asks_to_be_asked_again_is(account: Premises) -> None:
    account.claim(account.died())
    tries = []

    def throttled(*_: object) -> dict[str, Any]:
        tries.append(1)
        if len(tries) < 6:
            raise TryAgain("slowly")
        return {"done": True, "proven": True}

    account.teardowns["drill-aurora-teardown"] = throttled
    account.sweep()
    assert account.holder() is None


def test_a_teardown_that_asks_for_ever_is_told(account: Premises) -> None:
    account.claim(account.died())

    def throttled(*_: object) -> dict[str, Any]:
        raise TryAgain("slowly")

    account.teardowns["drill-aurora-teardown"] = throttled
    with pytest.raises(SweepFailed, match="TryAgain: slowly"):
        account.sweep()
    assert len(account.documents) == 6


def test_a_definition_that_has_changed_since_is_not_asked(account: Premises) -> None:
    """The run's own says what it ran with, and who tears that down."""
    dead = account.died()
    account.claim(dead)
    states = account.api["stepfunctions"]
    machine = dead.execution.rpartition(":")[0].replace("execution", "stateMachine")
    definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
    states.update_state_machine(
        stateMachineArn=machine, definition=definition.replace('"name": "a"', '"name": "b"')
    )
    account.sweep()
    assert account.holder() is None
    assert account.documents[0]["drill"] == {"name": "a"}


def test_where_the_runs_own_definition_is_gone_the_machines_is_asked(account: Premises) -> None:
    """Step Functions forgets an execution 90 days after its end."""
    account.claim(account.died())
    for operation in ("DescribeExecution", "DescribeStateMachineForExecution"):
        account.refuse(operation, code="ExecutionDoesNotExist")
    account.sweep()
    assert account.holder() is None


def test_where_no_function_is_left_a_person_is_told(account: Premises) -> None:
    account.claim(account.died())
    account.teardowns.clear()
    with pytest.raises(SweepFailed, match="NoTeardown"):
        account.sweep()
    assert account.holder() is not None


def test_where_no_machine_is_left_a_person_is_told(account: Premises) -> None:
    account.claim(account.died())
    account.refuse("DescribeExecution", code="ExecutionDoesNotExist")
    for gone in ("DescribeStateMachineForExecution", "DescribeStateMachine", "ListExecutions"):
        account.refuse(gone, code="StateMachineDoesNotExist")
    with pytest.raises(SweepFailed, match="NoTeardown"):
        account.sweep()


def test_a_drill_that_is_configured_no_more_is_still_asked_for(account: Premises) -> None:
    dead = account.died()
    account.claim(dead, expires=clock.render(datetime.now(UTC) + timedelta(seconds=3600)))
    account.sweep()
    account.drills.clear()
    account.sweep()
    assert account.told()["drills"] == ["a"]
    Ledger(table=TABLE, drill="a").release(dead.execution)
    account.claim(dead)
    account.sweep()
    assert account.holder() is None
    assert account.told()["drills"] == ["a"]
    account.sweep()
    assert account.told()["drills"] == []


def test_one_claim_that_fails_does_not_keep_the_other(account: Premises) -> None:
    account.claim(account.died("a"))
    account.claim(account.died("b", teardown="drill-not-there"))
    with pytest.raises(SweepFailed, match="of b planned: NoTeardown"):
        account.sweep()
    assert account.holder("a") is None
    assert account.holder("b") is not None


@pytest.fixture
def bucket(account: Premises) -> Any:
    s3 = account.api["s3"]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.REGION})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    objects.client.cache_clear()
    return s3


def versions(s3: Any) -> set[tuple[str, str]]:
    listed = s3.list_object_versions(Bucket=BUCKET)
    return {
        (each["Key"], each["VersionId"])
        for kind in ("Versions", "DeleteMarkers")
        for each in listed.get(kind, [])
    }


def test_what_a_dead_run_wrote_into_a_bucket_is_removed_by_its_own_teardown(
    account: Premises, bucket: Any
) -> None:
    account.machine(S3_DRILL, "drill-s3-teardown")
    dead = account.start("files")
    account.stop(dead)
    for key in ("invoices/1", f"{PREFIX}drill-20261101-0a0b0c/of-another-run"):
        bucket.put_object(Bucket=BUCKET, Key=key, Body=b"somebody's")
    kept = versions(bucket)
    own = f"{PREFIX}drill-{dead.run}/"
    for body in (b"1", b"2"):
        bucket.put_object(Bucket=BUCKET, Key=f"{own}canary", Body=body)
    bucket.delete_object(Bucket=BUCKET, Key=f"{own}canary")
    account.claim(dead, account=aws.ACCOUNT, place={"bucket": BUCKET, "prefix": own})

    account.sweep()

    assert versions(bucket) == kept
    assert account.holder("files") is None
    assert claimed(account)["teardown"]["versions"] == 3
    assert len(account.documents) == 2  # it was seen empty twice


def test_a_plan_that_names_another_place_removes_nothing(account: Premises, bucket: Any) -> None:
    """The kind's own Teardown refuses it, whoever calls."""
    account.machine(S3_DRILL, "drill-s3-teardown")
    dead = account.start("files")
    account.stop(dead)
    bucket.put_object(Bucket=BUCKET, Key="invoices/1", Body=b"somebody's")
    kept = versions(bucket)
    account.claim(dead, account=aws.ACCOUNT, place={"bucket": BUCKET, "prefix": "invoices/"})
    with pytest.raises(SweepFailed, match="NotOurs"):
        account.sweep()
    assert versions(bucket) == kept
    assert account.holder("files") is not None
