"""What a sweep tells, and what the next one makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from functions import naming
from functions.sweep.told import Asked, follow, report
from functions.watch.expired import Kind, Left, Scratch, Sweep

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = "20261102-1a2b3c"
COPY = Scratch(
    kind=Kind.CLUSTER, name=f"drill-a-{RUN}", tags=naming.tags(RUN, "2026-11-02T09:00:00Z")
)
BACKUP = Scratch(kind=Kind.BACKUP, name=COPY.name, handle="cluster-X", tags=COPY.tags)


def after(asked: Asked) -> dict[str, Any]:
    return {"asked": json.loads(json.dumps(asked.open))}


def test_what_was_asked_for_is_gone_or_still_there() -> None:
    first = follow({}, found=[COPY, BACKUP], asked=[COPY, BACKUP], blind=(), now=NOW)
    assert first.still_there == 0
    second = follow(after(first), found=[COPY], asked=[], blind=(), now=NOW + HOUR)
    assert [(each["name"], each["sweeps"]) for each in second.open] == [(COPY.name, 2)]
    assert second.still_there == 1
    assert [(each["handle"], each["gone_at"]) for each in second.gone] == [
        ("cluster-X", "2026-11-02T13:00:00Z")
    ]
    third = follow(after(second), found=[], asked=[], blind=(), now=NOW + 2 * HOUR)
    assert third.open == ()
    assert [each["asked_at"] for each in third.gone] == ["2026-11-02T12:00:00Z"]


def test_asked_again_keeps_the_time_of_the_first_asking() -> None:
    first = follow({}, found=[COPY], asked=[COPY], blind=(), now=NOW)
    second = follow(after(first), found=[COPY], asked=[COPY], blind=(), now=NOW + HOUR)
    assert [(each["asked_at"], each["sweeps"]) for each in second.open] == [
        ("2026-11-02T12:00:00Z", 2)
    ]


def test_what_could_not_be_listed_is_neither_gone_nor_there() -> None:
    first = follow({}, found=[COPY], asked=[COPY], blind=(), now=NOW)
    second = follow(after(first), found=[], asked=[], blind=[Kind.CLUSTER], now=NOW + HOUR)
    assert (second.open, second.gone) == (first.open, ())


def told(before: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "stack": "s",
        "now": NOW,
        "sweep": Sweep(),
        "asked": Asked(open=(), gone=()),
        "claims": [],
        "others": [],
        "failed": [],
        "drills": [],
        "before": before or {},
    }
    found = report(**{**given, **changes})
    return dict(json.loads(json.dumps(found)))


def test_nothing_to_tell() -> None:
    found = told()
    assert set(found["counts"].values()) == {0}
    assert (found["sweep_version"], found["swept_at"]) == (1, "2026-11-02T12:00:00Z")


def test_what_is_left_alone_says_why() -> None:
    sweep = Sweep(held=(Left(found=COPY, why="a reason"),), delete=(BACKUP,))
    found = told(sweep=sweep, failed=["no"], drills=["b", "a"])
    assert found["held"] == [
        {
            "kind": "cluster",
            "name": COPY.name,
            "handle": COPY.name,
            "run": RUN,
            "expires": "2026-11-02T09:00:00Z",
            "why": "a reason",
        }
    ]
    assert (found["counts"]["expired"], found["counts"]["failed"]) == (2, 1)
    assert found["drills"] == ["a", "b"]


def test_a_claim_that_was_cleared_is_noted_for_ninety_days() -> None:
    claim = {"drill": "a", "run": RUN, "outcome": "cleared"}
    first = told(claims=[claim, {**claim, "drill": "b", "outcome": "waiting"}])
    noted = [{"drill": "a", "run": RUN, "cleared_at": "2026-11-02T12:00:00Z"}]
    assert first["cleared"] == noted
    assert first["counts"]["expired"] == 2
    assert told(first, now=NOW + timedelta(days=89))["cleared"] == noted
    assert told(first, now=NOW + timedelta(days=90))["cleared"] == []
