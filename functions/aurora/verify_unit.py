"""One unit of verifying the copy: tables are counted, the user's own queries run.

Called until it is done: a call that comes near its time limit answers where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from functions import clock
from functions.aurora import (
    comparison,
    database,
    inspection,
    integrity,
    integrity_checks,
    row_check,
    rows_of_copy,
    scanning,
)
from functions.aurora.comparison import Bounds
from functions.aurora.database import Login, QueryFailed, Session
from functions.aurora.expectation import Expectation, Incomparable, bind_restore_time, shown
from functions.aurora.judging import Judged
from functions.aurora.passing import Pass
from functions.aurora.row_check import Obstacle, Unread
from functions.aurora.rows_of_copy import Comparison, State
from functions.aurora.witness_work import Evidence
from functions.errors import EvidenceMissing, TryAgain
from functions.model import Answer, Check, CheckClass, Level, Status, tally
from functions.step import done, waiting

APPLICATION = "backup-drills verifier"
QUERY_SECONDS = 300.0
"""The time limit of a user's own query, and of that for a column's newest value."""

RETRIES = 2
"""How often a query is asked again, in a later call each time, after a failure that may pass."""

WAITS = 7
"""How often the unit with a table's last part waits for the others, each time twice as long."""

FIRST_WAIT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Unit:
    """What one call of `run_unit` was given."""

    plan: Mapping[str, Any]
    evidence: Evidence
    remaining_seconds: Callable[[], float]
    slice_bytes: int
    restore_time: datetime
    inside: integrity.Plan | None = None
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    compared: dict[str, Comparison] = field(default_factory=dict)

    def comparison(self, item: Mapping[str, Any]) -> Comparison | None:
        """What a table is compared with; None where the witness has kept nothing of it."""
        name, target = item["kept_in"], f"{item['schema']}.{item['name']}"
        if not name:
            return None
        if target not in self.compared:
            if name not in self.kept:
                self.kept.clear()
                self.kept[name] = self.evidence.get_json(f"{self.plan['key']}/witness/{name}.json")
            self.compared.clear()
            self.compared[target] = Comparison(item, self.kept[name][target]["rows"])
        return self.compared[target]

    def part(self, item: Mapping[str, Any], number: int) -> str:
        return f"{self.plan['key']}/parts/{item['load']}-{number}.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a unit stands: items done, records kept, and the item that is being worked on.

    `waits` is how often the unit with a table's last part has waited for the others, or a query for
    what kept it from its answer, and `wait_seconds` for how long it does now.
    """

    item: int = 0
    kept: int = 0
    reading: dict[str, Any] | None = None
    waits: int = 0
    wait_seconds: float = 1.0


def run(
    *,
    copy: Login,
    plan: Mapping[str, Any],
    unit: int,
    previous: Mapping[str, Any],
    evidence: Evidence,
    remaining_seconds: Callable[[], float],
    slice_bytes: int = scanning.SLICE_BYTES,
) -> Answer:
    """Do the next part of a unit, as far as the time of this call goes.

    Answers `unit`, `key` (of its records), and how many passed, failed and were not run, when done.

    Raises TryAgain when the copy cannot be reached, and EvidenceMissing.
    """
    todo = evidence.get_json(f"{plan['key']}/checks/units.json")
    items: list[dict[str, Any]] = todo["units"][unit]
    looks_inside = any(item["kind"] == "integrity" for item in items)
    work = _Unit(
        plan=plan,
        evidence=evidence,
        remaining_seconds=remaining_seconds,
        slice_bytes=slice_bytes,
        restore_time=clock.parse(todo["restore_time"]),
        inside=_inside(plan, evidence) if looks_inside else None,
    )
    key = f"{plan['key']}/checks/unit-{unit:03}.json"
    place = _Place(**(previous.get("progress") or {}))
    # Of a call whose answer was lost the records are made anew.
    records = evidence.get_json(key)[: place.kept] if place.kept else []
    if len(records) < place.kept:
        raise EvidenceMissing(f"{key} holds {len(records)} records: expected {place.kept}")
    with database.session(copy, application=APPLICATION, parallel=True) as session:
        steps = 0
        while place.item < len(items):
            item = items[place.item]
            if steps and remaining_seconds() < _needed(item):
                break
            try:
                outcome, next_place = _do(work, session, item, place)
            except TryAgain:
                if steps:
                    break  # what was done is kept; the next call finds out whether this passes
                raise
            steps += 1
            if outcome:
                records.append(outcome.to_document())
            waits = next_place.waits > place.waits
            place = replace(next_place, kept=len(records))
            if waits:
                break
    evidence.put_json(key, records)
    if place.item < len(items):
        what = f"{len(items) - place.item} of {len(items)} items of unit {unit}"
        return waiting(place.wait_seconds, what, unit=unit, progress=asdict(place))
    return done(unit=unit, key=key, **tally(Check.from_document(record) for record in records))


def _needed(item: Mapping[str, Any]) -> float:
    """Seconds that must be left to begin with an item; at the start of a call there are more."""
    sliced = item["kind"] in ("table", "integrity")
    return scanning.RESERVE_SECONDS + (0 if sliced else QUERY_SECONDS)


def _do(
    work: _Unit, session: Session, item: Mapping[str, Any], place: _Place
) -> tuple[Check | None, _Place]:
    """Do the next thing for an item: a record when it is finished and gives one, and the place."""
    if item["kind"] == "table":
        return _compare(work, session, item, place)
    if work.inside is not None:
        return _inspect(work, work.inside, session, place)
    began = time.monotonic()
    try:
        ask = _freshness if item["kind"] == "freshness" else _query
        return ask(work, session, item), _Place(item=place.item + 1)
    except QueryFailed as failure:
        if failure.passing and place.waits < RETRIES:
            seconds = FIRST_WAIT_SECONDS * 2**place.waits
            return None, replace(place, waits=place.waits + 1, wait_seconds=seconds)
        outcome = _failed_query(item, failure, time.monotonic() - began)
        return outcome, _Place(item=place.item + 1)


def _inside(plan: Mapping[str, Any], evidence: Evidence) -> integrity.Plan:
    return integrity.Plan.from_document(evidence.get_json(f"{plan['key']}/checks/integrity.json"))


def _inspect(
    work: _Unit, plan: integrity.Plan, session: Session, place: _Place
) -> tuple[Check | None, _Place]:
    """Do the next thing of the look inside: an item that has its unit for itself."""
    step = inspection.advance(
        session,
        plan,
        integrity.State.from_document(place.reading),
        remaining_seconds=work.remaining_seconds,
        slice_bytes=work.slice_bytes,
    )
    if step.finished:
        return step.check, _Place(item=place.item + 1)
    reading, waits = asdict(step.state), place.waits + step.later
    return step.check, replace(place, reading=reading, waits=waits, wait_seconds=1.0)


def _compare(
    work: _Unit, session: Session, item: Mapping[str, Any], place: _Place
) -> tuple[Check | None, _Place]:
    """Read the next slice of a table, and compare it with what the witness has kept."""
    begun = place.reading
    state = State.from_document(begun) if begun else State(going=Pass(at=item["start"]))
    if not state.going.finished:
        state = rows_of_copy.advance(
            session,
            state,
            item,
            work.comparison(item),
            slice_bytes=work.slice_bytes,
            remaining_seconds=work.remaining_seconds(),
        )
        if not state.going.finished:
            return None, replace(place, reading=state.to_document())
    after = _Place(item=place.item + 1)
    if item["pieces"] == 1:
        return _rows(item, [state]), after
    work.evidence.put_json(work.part(item, item["number"]), state.to_document())
    if item["number"] < item["pieces"] - 1:
        return None, after
    return _gather(work, item, state, place)


def _gather(
    work: _Unit, item: Mapping[str, Any], own: State, place: _Place
) -> tuple[Check | None, _Place]:
    """The record of a table that was cut, once the other units have left their parts."""
    keys = [work.part(item, number) for number in range(item["pieces"])]
    there = set(work.evidence.list_keys(f"{work.plan['key']}/parts/{item['load']}-"))
    missing = [key for key in keys if key not in there]
    if not missing:
        parts = [State.from_document(work.evidence.get_json(key)) for key in keys]
        return _rows(item, parts), _Place(item=place.item + 1)
    if place.waits < WAITS:
        seconds = FIRST_WAIT_SECONDS * 2**place.waits * max(1.0, own.seconds / 60)
        waiting_place = replace(place, waits=place.waits + 1, wait_seconds=seconds)
        return None, replace(waiting_place, reading=own.to_document())
    problem = f"{len(missing)} of {len(keys)} parts of the table were not read"
    return _rows(item, [own.given_up(problem)]), _Place(item=place.item + 1)


def _rows(item: Mapping[str, Any], states: Sequence[State]) -> Check:
    obstacle = next((_obstacle(state) for state in states if state.going.problem), None)
    bounds = None if item["least"] is None else Bounds(least=item["least"], most=item["most"])
    check = row_check.rows(
        target=f"{item['schema']}.{item['name']}",
        found=obstacle or sum((state.judged for state in states), Judged()),
        bounds=bounds,
        unbounded_because=item["reason"],
        inexact=item["inexact"],
        required=Level(item["required"]),
        seconds=round(sum(state.seconds for state in states), 3),
    )
    if item.get("check") == "large_objects":
        return integrity_checks.large_objects(check, required=item["needed"])
    return check


def _obstacle(state: State) -> Obstacle:
    failure = QueryFailed("", sqlstate=state.going.sqlstate)
    kind = Unread.DAMAGED if failure.damaged else Unread.IMPOSSIBLE
    return Obstacle(kind=kind, detail=state.going.problem)


def _freshness(work: _Unit, session: Session, item: Mapping[str, Any]) -> Check:
    """How recent a column's newest value is. Raises QueryFailed."""
    began = time.monotonic()
    schema, _, name = item["table"].partition(".")
    parts = {"table": database.table(schema, name), "column": database.column(item["column"])}
    with session.snapshot(seconds=_limit(work)):
        limit = work.restore_time + comparison.CLOCK_TOLERANCE
        row = session.one("freshness", parts=parts, limit=limit)
    return comparison.freshness(
        target=f"{item['table']}.{item['column']}",
        newest=row["newest"],
        later=row["later"],
        restore_time=work.restore_time,
        within_seconds=item["within_seconds"],
        seconds=time.monotonic() - began,
    )


def _query(work: _Unit, session: Session, item: Mapping[str, Any]) -> Check:
    """The outcome of a user's own query. Raises QueryFailed."""
    began = time.monotonic()
    expectation = Expectation.parse(item["expect"])
    with session.snapshot(seconds=_limit(work)):
        session.one("open_search_path")
        rows = session.ask(bind_restore_time(item["sql"]), restore_time=work.restore_time)
    seconds = time.monotonic() - began
    if len(rows) != 1 or len(rows[0]) != 1:
        detail = "no row" if not rows else "more than one value"
        return _answer(item, Status.NOT_RUN, detail, f"the query returns {detail}", seconds)
    (value,) = rows[0]
    try:
        met = expectation.met_by(value)
    except Incomparable as reason:
        return _answer(item, Status.NOT_RUN, shown(value), str(reason), seconds)
    return _answer(item, Status.PASSED if met else Status.FAILED, shown(value), "", seconds)


def _failed_query(item: Mapping[str, Any], failure: QueryFailed, seconds: float) -> Check:
    """What cannot be read has failed; any other error says nothing of the copy."""
    status = Status.FAILED if failure.damaged else Status.NOT_RUN
    observed = "unreadable" if failure.damaged else "an error"
    return _answer(item, status, observed, str(failure), seconds)


def _answer(
    item: Mapping[str, Any], status: Status, observed: str, detail: str, seconds: float
) -> Check:
    name, target, check_class = _label(item)
    fresh = item["kind"] == "freshness"
    return Check(
        name=name,
        check_class=check_class,
        target=target,
        status=status,
        expected=f"at most {item['within_seconds']} s old" if fresh else item["expect"],
        observed=observed,
        detail=detail,
        seconds=seconds,
    )


def _limit(work: _Unit) -> float:
    return max(scanning.LEAST_SECONDS, min(QUERY_SECONDS, work.remaining_seconds() - 10))


def not_done(item: Mapping[str, Any], detail: str) -> Check:
    """The record of an item that is not to be done."""
    name, target, check_class = _label(item)
    return Check(
        name=name,
        check_class=check_class,
        target=target,
        status=Status.NOT_RUN,
        expected="a comparison with the source",
        observed="not compared",
        detail=detail,
        level=Level.NONE if name == "rows" else None,
    )


def _label(item: Mapping[str, Any]) -> tuple[str, str, CheckClass]:
    match item["kind"]:
        case "integrity":
            return "integrity", item["target"], CheckClass.INTEGRITY
        case "table" if item.get("check") == "large_objects":
            return "large_objects", f"{item['schema']}.{item['name']}", CheckClass.INTEGRITY
        case "table":
            return "rows", f"{item['schema']}.{item['name']}", CheckClass.CONTENT
        case "freshness":
            return "freshness", f"{item['table']}.{item['column']}", CheckClass.CONTENT
        case _:
            return item["name"], "the configured query", CheckClass.CUSTOM
