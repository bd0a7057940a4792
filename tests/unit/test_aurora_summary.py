"""What an Aurora drill tells the report, whatever of its document is there."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from functions.aurora.summary import summarize
from functions.model import Status
from tests.unit.documents import DRILL, EXECUTION
from tests.unit.test_aurora_plan import make


def document() -> dict[str, Any]:
    return {
        "drill": DRILL,
        "execution": EXECUTION,
        "plan": {"done": True, "outcome": "go", **make()},
        "witness": {
            "done": True,
            "started_at": "2026-11-02T08:00:31Z",
            "ended_at": "2026-11-02T08:00:40Z",
            "restore_time": "2026-11-02T08:00:36Z",
        },
        "exercise": {
            "done": True,
            "started_at": "2026-11-02T08:00:40Z",
            "restorable_at": "2026-11-02T08:07:00Z",
            "requested_at": "2026-11-02T08:07:01Z",
            "accepted_at": "2026-11-02T08:07:03Z",
            "cluster_available_at": "2026-11-02T08:15:00Z",
            "instance_available_at": "2026-11-02T08:21:00Z",
            "largest_lag_seconds": 290.5,
            "created": [{"type": "cluster", "name": "drill-x", "arn": "a"}],
        },
        "verify": {"done": True, "first_login_at": "2026-11-02T08:21:31Z"},
        "verify_units": [],
        "teardown": {
            "done": True,
            "proven": True,
            "started_at": "2026-11-02T08:25:00Z",
            "ended_at": "2026-11-02T08:35:00Z",
            "deleted": [{"type": "cluster", "name": "drill-x", "arn": "a"}],
            "leftovers": [],
        },
    }


def test_rto_is_from_the_request_to_the_first_accepted_login() -> None:
    summary = summarize(document())
    assert summary.rto_seconds == 14 * 60 + 30
    inside = [p for p in summary.phases if p.in_rto]
    assert sum(p.seconds for p in inside) == summary.rto_seconds
    assert [p.name for p in inside] == [
        "accepted",
        "cluster available",
        "instance available",
        "first login",
    ]


def test_rpo_is_the_largest_lag_of_the_restorable_time() -> None:
    assert summarize(document()).rpo_seconds == 290.5
    early = document()
    early["exercise"]["largest_lag_seconds"] = 1.0
    assert summarize(early).rpo_seconds == 240


def test_an_objective_is_met_missed_or_not_measured() -> None:
    met = {c.name: c.status for c in summarize(document()).objectives}
    assert met == {"rpo": Status.PASSED, "rto": Status.PASSED}
    slow = document()
    slow["verify"]["first_login_at"] = "2026-11-02T08:37:02Z"
    assert summarize(slow).objectives[1].status is Status.FAILED
    stale = document()
    stale["exercise"]["largest_lag_seconds"] = 300.1
    assert summarize(stale).objectives[0].status is Status.FAILED
    locked = document()
    del locked["verify"]["first_login_at"]
    assert summarize(locked).objectives[1].status is Status.NOT_RUN


def test_teardown_that_raised_proves_nothing() -> None:
    raised = document()
    raised["teardown_error"] = {"Error": "DeadlineExceeded", "Cause": "{}"}
    del raised["teardown"]
    summary = summarize(raised)
    assert not summary.proven
    assert [left.name for left in summary.leftovers] == ["drill-x"]


@given(some.sets(some.sampled_from(list(document()))))
def test_it_never_raises_whatever_is_missing(missing: set[str]) -> None:
    left = {k: v for k, v in document().items() if k not in missing}
    summary = summarize(left)
    if missing & {"verify", "exercise"}:
        assert summary.rto_seconds is None


@given(some.data())
def test_it_never_raises_on_half_an_exercise(data: some.DataObject) -> None:
    half = document()
    for name in ("witness", "exercise", "verify", "teardown"):
        keys = data.draw(some.sets(some.sampled_from(list(half[name]))))
        half[name] = {k: v for k, v in half[name].items() if k not in keys}
    assert len(summarize(half).objectives) == 2
