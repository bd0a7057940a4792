"""What goes wrong while a sweep sweeps: the rest is done, and all that was not done is told."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from functions.watch import sweeper
from functions.watch.sweeper import SweepFailed
from functions.watch.watched import NotAWatchList
from tests.steps.sweeper.premises import EVIDENCE, TABLE, Context, Premises, tags
from tests.steps.sweeper.test_look_alikes import everything, of_every_kind

LISTINGS = {
    "DescribeDBInstances": "every instance could not be listed",
    "DescribeDBClusters": "every cluster could not be listed",
    "DescribeDBClusterSnapshots": "every cluster snapshot could not be listed",
    "DescribeDBClusterAutomatedBackups": "every automated backup could not be listed",
    "ListSecrets": "every secret could not be listed",
    "ListBuckets": "every bucket could not be listed",
    "GetBucketTagging": "every bucket could not be listed",
    "DescribeLogGroups": "every log group could not be listed",
    "ListTagsForResource": "every log group could not be listed",
    "GetResources": "what else bears the tag could not be listed",
}
OF_ONE_THING = {"GetBucketTagging", "ListTagsForResource"}
LEFT_BY = {
    "DescribeDBInstances": {"", "-1"},
    "DescribeDBClusters": {"", "-1", "-gone"},
    "DescribeDBClusterSnapshots": {"-snapshot"},
    "ListSecrets": {"-secret"},
    "ListBuckets": {"-bucket"},
    "GetBucketTagging": {"-bucket"},
    "DescribeLogGroups": {"-gone"},
    "ListTagsForResource": {"-gone"},
}
DELETIONS = {
    "DeleteDBInstance": {"", "-1"},
    "DeleteDBCluster": {""},
    "DeleteDBClusterSnapshot": {"-snapshot"},
    "DeleteSecret": {"-secret"},
    "DeleteBucket": {"-bucket"},
    "DeleteLogGroup": {"-gone"},
}


def leftovers(account: Premises, name: str) -> set[str]:
    """What is left of a copy and its like, by what stands behind its name."""
    names = {
        each.split("/")[-2] if each.startswith("/aws/") else each for each in everything(account)
    }
    return {each.removeprefix(name) for each in names if each.startswith(name)}


def test_the_rehearsal_of_these_tests(account: Premises) -> None:
    dead = account.died()
    of_every_kind(account, dead.cluster, tags(dead))
    assert leftovers(account, dead.cluster) == {
        "",
        "-1",
        "-snapshot",
        "-secret",
        "-bucket",
        "-gone",
    }
    account.sweep()
    assert leftovers(account, dead.cluster) == set()


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        *((operation, "Throttling") for operation in LISTINGS),
        *((operation, "AccessDenied") for operation in LISTINGS if operation not in OF_ONE_THING),
    ],
)
def test_what_cannot_be_listed_is_told_and_the_rest_goes(
    account: Premises, operation: str, code: str
) -> None:
    dead = account.died()
    of_every_kind(account, dead.cluster, tags(dead))
    account.refuse(operation, code=code)
    with pytest.raises(SweepFailed, match=LISTINGS[operation]):
        account.sweep()
    account.emulator.before_call.clear()
    assert leftovers(account, dead.cluster) == LEFT_BY.get(operation, set())
    account.sweep()
    account.sweep()
    assert leftovers(account, dead.cluster) == set()


@pytest.mark.parametrize(
    ("operation", "kind"), [("GetBucketTagging", "bucket"), ("ListTagsForResource", "log group")]
)
def test_what_may_not_be_looked_at_is_told_and_hides_nothing(
    account: Premises, operation: str, kind: str
) -> None:
    dead = account.died()
    for each in ("one", "two"):
        of_every_kind(account, f"{dead.cluster}-{each}", tags(dead))
    account.refuse(operation, code="AccessDenied", when=lambda call: "-one" in str(call.parameters))
    account.sweep()
    told = account.told()["untagged"]
    assert [(each["kind"], "AccessDenied" in each["why"]) for each in told] == [(kind, True)]
    assert leftovers(account, f"{dead.cluster}-two") == set()


@pytest.mark.parametrize("code", ["Throttling", "AccessDenied"])
@pytest.mark.parametrize("operation", DELETIONS)
def test_what_cannot_be_deleted_does_not_keep_the_rest(
    account: Premises, operation: str, code: str
) -> None:
    dead, other = account.died("a"), account.died("b")
    account.claim(dead)
    account.teardowns["drill-aurora-teardown"] = lambda *_: {"done": True, "proven": True}
    for each in (dead, other):
        of_every_kind(account, each.cluster, tags(each))
    account.refuse(operation, code=code, when=lambda call: dead.cluster in str(call.parameters))
    with pytest.raises(SweepFailed, match="could not delete the"):
        account.sweep()
    assert leftovers(account, dead.cluster) == DELETIONS[operation]
    assert leftovers(account, other.cluster) == set()
    assert account.holder("a") is None
    told = account.told()
    assert len(told["failed"]) == told["counts"]["failed"] >= 1
    account.emulator.before_call.clear()
    account.sweep()
    assert leftovers(account, dead.cluster) == set()


@pytest.mark.parametrize("operation", ["GetItem", "Query", "DescribeExecution"])
def test_where_nobody_knows_whether_a_run_goes_on_nothing_of_it_goes(
    account: Premises, operation: str
) -> None:
    dead = account.died()
    if operation == "DescribeExecution":
        account.claim(dead)
    account.cluster(dead.cluster, tags(dead))
    before = account.left()
    account.refuse(operation, code="ThrottlingException")
    with pytest.raises(SweepFailed):
        account.sweep()
    assert account.left() == before
    assert account.names("held") == before
    assert account.told()["counts"]["expired"] == 2
    account.emulator.before_call.clear()
    account.sweep()
    assert account.left() == set()


def test_a_page_in_the_middle_that_fails_hides_the_whole_list(account: Premises) -> None:
    """Half a list of a cluster's instances would be an argument to delete what has others."""
    dead = account.died()
    account.cluster("production", {}, instance=False)
    for number in range(101):
        account.snapshot(f"{dead.cluster}-{number}", "production", tags(dead))
    account.refuse("DescribeDBClusterSnapshots", when=lambda call: call.parameters.get("Marker"))
    with pytest.raises(SweepFailed, match="every cluster snapshot could not be listed"):
        account.sweep()
    assert len(account.left()) == 102


def test_a_report_that_cannot_be_read_keeps_nothing_from_going(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    account.api["s3"].put_object(Bucket=EVIDENCE, Key="_watch/sweep.json", Body=b"{")
    with pytest.raises(SweepFailed, match=r"_watch/sweep.json could not be read"):
        account.sweep()
    assert account.left() == set()
    account.sweep()


@pytest.mark.parametrize("text", [b"[]", b'{"sweep_version": 0, "asked": 1}'])
def test_a_report_of_another_version_is_as_none(account: Premises, text: bytes) -> None:
    account.api["s3"].put_object(Bucket=EVIDENCE, Key="_watch/sweep.json", Body=text)
    assert set(account.sweep().values()) == {0}


def test_a_report_that_cannot_be_written_is_told(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    account.refuse("PutObject", code="AccessDenied")
    with pytest.raises(SweepFailed, match=r"_watch/sweep.json could not be written"):
        account.sweep()
    assert account.left() == set()


def test_a_sweep_that_failed_has_come_to_its_end_all_the_same(
    account: Premises, capsys: pytest.CaptureFixture[str]
) -> None:
    account.refuse("ListSecrets")
    with pytest.raises(SweepFailed):
        account.sweep()
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert '"Sweeps":[1.0]' in lines[-1]


@pytest.mark.parametrize("event", [{}, {"watched": None}, {"watched": {"stack": "s"}}])
def test_without_a_watch_list_nothing_is_swept(account: Premises, event: Any) -> None:
    """It could not tell a source from a copy."""
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    with pytest.raises(NotAWatchList):
        sweeper.sweep(event, Context())
    assert len(account.left()) == 2


def test_two_sweeps_at_once(account: Premises) -> None:
    """The Scheduler may deliver twice; each finds what the other has not yet ended."""
    runs = [account.died(name) for name in ("a", "b", "c")]
    for run in runs:
        account.claim(run)
        of_every_kind(account, run.cluster, tags(run))
    meet = threading.Barrier(2, timeout=30)
    met: list[str] = []

    def wait(call: Any) -> None:
        """The second begins when the first has listed all, and is about to delete."""
        if call.operation == "DeleteDBInstance" and not met:
            met.append(call.operation)
            meet.wait()

    failures: list[Exception] = []

    def second() -> None:
        meet.wait()
        try:
            account.sweep(5000)
        except Exception as error:
            failures.append(error)

    account.emulator.before_call.append(wait)
    thread = threading.Thread(target=second)
    thread.start()
    account.sweep(5000)
    thread.join()
    assert failures == []
    for run in runs:
        assert leftovers(account, run.cluster) == set()
        assert account.holder(run.drill) is None
    account.emulator.before_call.clear()
    account.sweep()
    assert account.told()["counts"]["expired"] == 0


def test_an_odd_entry_of_the_ledger_keeps_its_own_drill_alone(account: Premises) -> None:
    dead, other = account.died("a"), account.died("b")
    item = {"drill": {"S": "a"}, "item": {"S": "run#x"}, "facts": {"S": "[1]"}}
    account.api["dynamodb"].put_item(TableName=TABLE, Item=item)
    for each in (dead, other):
        account.cluster(each.cluster, tags(each))
    with pytest.raises(SweepFailed, match=f"whether the run {dead.run} of a goes on"):
        account.sweep()
    assert account.left() == account.names("held") == {dead.cluster, f"{dead.cluster}-1"}


@pytest.mark.parametrize("plan", ["null", "[]", "{}", "{"])
def test_an_odd_claim_keeps_its_own_drill_alone(account: Premises, plan: str) -> None:
    dead, other = account.died("a"), account.died("b")
    account.claim(other)
    item = {
        "drill": {"S": "a"},
        "item": {"S": "claim"},
        "execution": {"S": dead.execution},
        "run_id": {"S": dead.run},
        "plan": {"S": plan},
    }
    account.api["dynamodb"].put_item(TableName=TABLE, Item=item)
    with pytest.raises(SweepFailed, match="the claim of a"):
        account.sweep()
    assert account.holder("b") is None


@pytest.mark.parametrize(
    "answer", [None, [], "gone", {}, {"done": False}, {"done": False, "wait_seconds": "soon"}]
)
def test_an_odd_answer_of_a_teardown_keeps_its_own_claim_alone(
    account: Premises, answer: Any
) -> None:
    account.claim(account.died("a"))
    account.claim(account.died("b", teardown="drill-b-teardown"))
    account.teardowns["drill-a-teardown"] = account.teardowns["drill-aurora-teardown"]
    account.teardowns["drill-b-teardown"] = lambda *_: answer
    with pytest.raises(SweepFailed, match="of b planned: "):
        account.sweep()
    assert account.holder("a") is None
    assert account.holder("b") is not None
    assert account.told()["counts"]["failed"] == 1


@pytest.mark.parametrize(
    "odd",
    [
        {"asked": [{}]},
        {"asked": [{"kind": "cluster", "handle": "x", "sweeps": "1"}]},
        {"asked": 1},
        {"claims": [None]},
        {"claims": [{"execution": "x", "outcome": "waiting", "again_at": "soon"}]},
        {"cleared": [{"drill": "a", "run": "b", "cleared_at": "then"}]},
        {"drills": [1]},
    ],
)
def test_an_odd_report_is_begun_anew(account: Premises, odd: dict[str, Any]) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    body = json.dumps({"sweep_version": 1, **odd}).encode()
    account.api["s3"].put_object(Bucket=EVIDENCE, Key="_watch/sweep.json", Body=body)
    with pytest.raises(SweepFailed, match=r"_watch/sweep.json could not be read, and is begun"):
        account.sweep()
    assert account.left() == set()
    assert account.sweep()["gone"] == 2


def test_what_there_is_no_time_for_is_told_and_goes_with_the_next_sweep(account: Premises) -> None:
    dead = account.died()
    account.cluster(dead.cluster, tags(dead))
    assert account.sweep(29)["held"] == 2
    assert len(account.left()) == 2
    assert account.sweep(31)["asked"] == 2
