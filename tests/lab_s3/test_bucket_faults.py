"""Whatever dies: nothing is left, nothing of the company's is touched, nothing is falsely green."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.model import Status
from lab.calls import Refusal
from lab.damage._objects import places
from lab.emulator import Call
from tests.lab.conftest import failed
from tests.lab_s3.conftest import SOURCE, Buckets

CRASHES = {
    "drill-s3-plan": "PutItem",
    "drill-s3-witness": "PutObject",
    "drill-s3-verify": "PutObject",
    "drill-s3-teardown": "DeleteObjects",
    "drill-report": "PutItem",
}


@pytest.mark.parametrize("drill", ["canary", "rehearsal"])
def test_a_crash_between_an_effect_and_its_answer_is_just_another_call(
    buckets: Buckets, drill: str
) -> None:
    crashed = {f: buckets.crash_once(f, operation) for f, operation in CRASHES.items()}
    ran = buckets.run(drill=drill)
    assert [function for function, calls in crashed.items() if not calls] == []
    assert ran.verdict == "PASS", ran.cause
    assert buckets.scratch() == {}
    assert buckets.claim(drill) is None


@pytest.mark.parametrize(
    ("drill", "operation"),
    [("canary", "CopyObject"), ("canary", "DeleteObjects"), ("rehearsal", "CopyObject")],
)
def test_a_restore_that_was_not_seen_to_its_end_is_not_timed_and_proves_nothing(
    buckets: Buckets, drill: str, operation: str
) -> None:
    """It is finished all the same: what came back is compared, and right."""
    crashed = buckets.crash_once("drill-s3-exercise", operation)
    ran = buckets.run(drill=drill)
    assert crashed
    assert failed(ran) == set()
    assert {"content", "versions"} <= ran.checks(Status.PASSED)
    if ran.verdict != "PASS":  # what died had not come to the object that is timed, or had
        assert ran.checks(Status.NOT_RUN) - {"replication"} == {"rto_of_one_object"}
        assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert buckets.scratch() == {}


@pytest.mark.parametrize("drill", ["canary", "inside", "rehearsal"])
def test_an_aborted_run_is_cleared_by_the_next_one(buckets: Buckets, drill: str) -> None:
    before = buckets.of_the_company()
    execution = buckets.start(drill=drill)
    buckets.until(lambda: bool(buckets.scratch()))
    buckets.states.stop_execution(executionArn=execution, error="Operator", cause="the plug")
    assert buckets.claim(drill) is not None
    ran = buckets.run(drill=drill)
    assert ran.verdict == "PASS", ran.cause
    assert buckets.scratch() == {}
    assert buckets.of_the_company() == before


def test_a_dead_run_is_cleared_where_it_wrote_whatever_is_configured_by_now(
    buckets: Buckets,
) -> None:
    sibling = next(place.bucket for place in places(buckets.lab) if place.bucket != SOURCE)
    execution = buckets.start(drill="inside")
    buckets.until(lambda: bool(buckets.versions(SOURCE, "_drill/")))
    buckets.states.stop_execution(executionArn=execution, error="Operator", cause="the plug")
    ran = buckets.run(drill="inside", canary={"in": "sibling", "bucket": sibling, "prefix": ""})
    assert ran.verdict == "PASS", ran.cause
    assert buckets.scratch() == {}
    assert buckets.claim("inside") is None


def test_throttling_and_broken_connections_are_waited_out(buckets: Buckets) -> None:
    faults = buckets.lab.emulator.s3.faults

    def of_the_drill(call: Call) -> bool:
        return str(call.session).startswith("drill-s3-")

    for operation in ("CopyObject", "ListObjectVersions", "DeleteObjects", "HeadObject"):
        faults.refuse(operation, times=2, when=of_the_drill)
        faults.reset(operation, times=1, skip=3, when=of_the_drill)
    for drill in ("canary", "rehearsal"):
        ran = buckets.run(drill=drill)
        assert ran.verdict == "PASS", ran.cause
    assert buckets.scratch() == {}


def test_an_answer_of_200_with_an_error_in_it_is_no_copy(buckets: Buckets) -> None:
    buckets.lab.emulator.s3.faults.fail_inside("CopyObject", times=3, skip=2)
    ran = buckets.run(drill="rehearsal")
    assert ran.verdict == "PASS", ran.cause


def test_an_object_that_may_not_be_read_fails_the_rehearsal_by_name(buckets: Buckets) -> None:
    def deny(call: Call) -> Refusal | None:
        source = str(call.parameters.get("CopySource", ""))
        if call.operation == "CopyObject" and "tour.mp4" in source:
            return Refusal("AccessDenied", "Access Denied", 403)
        return None

    buckets.lab.emulator.before_call.append(deny)
    ran = buckets.run(drill="rehearsal")
    assert ran.verdict == "FAIL", ran.cause
    assert failed(ran) == {"brought_back"}
    assert "keys" in ran.checks(Status.NOT_RUN), "it is told once"
    [check] = [c for c in ran.report["checks"] if c["name"] == "brought_back"]
    assert "tour.mp4" in check["detail"]
    assert buckets.scratch() == {}


def test_a_deadline_that_has_passed_still_ends_with_nothing_left(buckets: Buckets) -> None:
    ran = buckets.run(deadlines={"verify_seconds": 0})
    assert ran.verdict == "INCONCLUSIVE", ran.cause
    assert "DeadlineExceeded" in ran.cause
    assert buckets.scratch() == {}


def test_a_second_start_and_a_duplicate_delivery_run_once(buckets: Buckets) -> None:
    first = buckets.start(drill="rehearsal")
    second = buckets.run(drill="rehearsal")
    assert second.verdict == "SKIPPED", second.cause
    assert buckets.ended(first).verdict == "PASS"
    emulator, when = buckets.lab.emulator, "2026-11-10T05:00:00Z"
    schedule = buckets.lab.deployment.schedules["rehearsal"]
    one, other = (buckets.ended(emulator.fire_schedule(schedule, when)).verdict for _ in range(2))
    assert (one, other) == ("PASS", "SKIPPED")


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"given": []}, "expected an object"),
    ({"given": {"bucket": "x"}}, "bucket: unknown key: expected hold_minutes, dry_run"),
    ({"given": {"hold_minutes": 1.5}}, "hold_minutes: 1.5: expected a whole number"),
    ({"bucket": "fibonacci-elsewhere"}, "bucket: fibonacci-elsewhere: GetBucketVersioning"),
    ({"drill": "rehearsal", "objects_maximum": 3}, "objects_maximum: 3: fibonacci-files-prod"),
    ({"drill": "rehearsal", "prefix": "nothing/"}, "prefix: 'nothing/'"),
]


@pytest.mark.parametrize(("run", "says"), REFUSALS, ids=[says[:30] for _, says in REFUSALS])
def test_bad_input_and_configuration_are_refused_by_name_before_anything_is_written(
    buckets: Buckets, run: dict[str, Any], says: str
) -> None:
    refused(buckets, says, **run)


@pytest.mark.parametrize(
    ("word", "configure", "undo"),
    [
        (
            "notification",
            lambda s3: s3.put_bucket_notification_configuration(
                Bucket=SOURCE, NotificationConfiguration={"EventBridgeConfiguration": {}}
            ),
            lambda s3: s3.put_bucket_notification_configuration(
                Bucket=SOURCE, NotificationConfiguration={}
            ),
        ),
        (
            "replication",
            lambda s3: s3.put_bucket_replication(
                Bucket=SOURCE,
                ReplicationConfiguration={
                    "Role": "arn:aws:iam::123456789012:role/replication",
                    "Rules": [
                        {
                            "ID": "all",
                            "Status": "Enabled",
                            "Prefix": "",
                            "Destination": {"Bucket": "arn:aws:s3:::west"},
                        }
                    ],
                },
            ),
            lambda s3: s3.delete_bucket_replication(Bucket=SOURCE),
        ),
    ],
)
def test_the_real_bucket_is_refused_while_something_covers_the_prefix(
    buckets: Buckets, word: str, configure: Callable[[Any], Any], undo: Callable[[Any], Any]
) -> None:
    configure(buckets.s3)
    try:
        refused(buckets, f"or {word} in canary.accept", drill="inside")
        canary = {"accept": [word]}
        accepted = buckets.run(drill="inside", canary=canary, replication="ignored")
        assert accepted.verdict == "PASS", accepted.cause
    finally:
        undo(buckets.s3)


def refused(buckets: Buckets, says: str, **run: Any) -> None:
    """Run a drill that must not begin, and see that no call of it has written to a bucket."""
    writes: list[str] = []
    verbs = ("Put", "Copy", "Create", "Delete", "Upload")

    def hook(call: Call) -> None:
        evidence = call.parameters.get("Bucket") == buckets.lab.deployment.evidence_bucket
        if call.role and call.service == "s3" and call.operation.startswith(verbs) and not evidence:
            writes.append(call.operation)

    buckets.lab.emulator.after_call.append(hook)
    ran = buckets.run(**run)
    buckets.lab.emulator.after_call.remove(hook)
    assert (ran.status, ran.verdict) == ("FAILED", "REFUSED"), ran.cause
    assert says in ran.cause
    assert writes == []
    assert not ran.answers("Witness")


def test_a_dry_run_plans_and_writes_nothing(buckets: Buckets) -> None:
    ran = buckets.run({"dry_run": True})
    assert ran.verdict == "SKIPPED"
    assert buckets.scratch() == {}
    assert buckets.claim("canary") is None
