"""The look inside the copy: pages, indexes and keys, one after the other, resumable.

What is to be done is planned from the catalogs of the copy (integrity.py says in which order). A
step is one statement of limited time: some blocks of a table, or an index. A page that cannot be
read is a finding with its place; the search goes on behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from functions.aurora import database, integrity, integrity_checks, passing, scanning
from functions.aurora.comparison import BLOCK_BYTES
from functions.aurora.database import QueryFailed, Session
from functions.aurora.integrity import FOREIGN_KEYS, HEAP, INDEX_ROWS, Job, Plan, State
from functions.aurora.manifest import Table
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Relation
from functions.aurora.second_reading import Room, read_late
from functions.model import Check

LEAST_SECONDS = 10.0
MOST_SECONDS = 600.0
"""The time limit of a statement: an index is checked by a single one, however large it is."""

TRIES = 6
"""How often some blocks are tried again, each time with a quarter of them."""

_DATABASE_COLLATION = 150000  # PostgreSQL 15 records the version of a database's own collation
_LARGE_OBJECTS = ("pg_catalog", "pg_largeobject_metadata")


def of_source(
    session: Session,
    asked: Mapping[str, Any],
    oids: Sequence[int],
    remaining_seconds: Callable[[], float],
) -> dict[str, Any]:
    """What the source says of itself, to judge the copy by: keys not validated, and collations.

    What cannot be read is None: nor is what there is no time for. A key takes one statement.
    """
    facts: dict[str, Any] = {"orphans": {}, "collations": None}
    try:
        facts["collations"] = collations(session)
        rows = _keys(session, asked, oids, unvalidated_only=True)
    except QueryFailed:
        return facts
    found: dict[str, int | None] = {}
    for row in rows:
        known = found.get(row["target"], 0)
        if known is None or remaining_seconds() < 2 * database.STATEMENT_SECONDS:
            found[row["target"]] = None
            continue
        try:
            found[row["target"]] = known + _orphans(session, row, 0, None)
        except QueryFailed:
            found[row["target"]] = None
    return {**facts, "orphans": found}


def large_objects(session: Session, first: Mapping[str, Any] | None) -> dict[str, Any]:
    """A reading of the table of large objects, or a second one after the `first`.

    The first is what `Read.to_document` gives, the second has `rows` of sandwiches and `problem`.
    """
    relation = Relation(schema=_LARGE_OBJECTS[0], name=_LARGE_OBJECTS[1])
    known = Read.from_document(first) if first else None
    going = known.going.again if known else Pass()
    chunks: list[Chunk] = []
    rows: list[list[Any]] = []
    if known and (known.problem or not known.chunks):
        return {"rows": rows, "problem": known.problem or "it was not read"}
    limits: dict[str, Any] = {
        "slice_bytes": scanning.SLICE_BYTES,
        "remaining_seconds": database.STATEMENT_SECONDS,
    }
    for _ in range(scanning.ATTEMPTS * 3):
        if known:
            going, made = passing.again_on(
                session, going, relation, known.chunks, read_late(None, Room()), **limits
            )
            rows += [sandwich.to_row() for sandwich in made]
        else:
            going, read = passing.first_on(session, going, relation, **limits)
            chunks += read
        if going.finished:
            break
    else:
        going = going.given_up("it could not be read")
    if known:
        return {"rows": rows, "problem": going.problem}
    return Read(going=going, chunks=tuple(chunks)).to_document()


def collations(session: Session) -> list[dict[str, Any]]:
    """The collations in use that sort by another version than was recorded."""
    found = session.all("integrity/collations")
    if session.one("server")["version_number"] >= _DATABASE_COLLATION:
        found += session.all("integrity/database_collation")
    return found


def prepare(
    session: Session,
    *,
    asked: Mapping[str, Any],
    target: str,
    tables: Collection[Table],
    orphans: Mapping[str, int | None],
) -> tuple[Plan, list[Check]]:
    """What is to be done on the copy, and the records of what cannot be. Raises QueryFailed."""
    oids = [t.oid for t in tables if t.kind in ("r", "m") and not (t.excluded or t.uncounted)]
    wanted = integrity.LEVELS[asked["level"]]
    passes, checks = [], []
    keys = integrity.of_keys(_keys(session, asked, oids), orphans)
    if keys:
        passes.append(integrity.Pass(check=FOREIGN_KEYS, groups=keys))
    schema = ""
    if wanted:
        schema, why = _amcheck(session)
        if why:
            checks += [
                integrity_checks.not_run(check, target, why, required=asked["required"])
                for check in wanted
            ]
        else:
            heaps = session.all("integrity/heaps", oids=oids)
            rows = session.all("integrity/indexes", oids=[heap["oid"] for heap in heaps])
            indexes = integrity.of_indexes(rows, heaps)
            of_heaps = integrity.of_heaps(heaps)
            passes += [
                integrity.Pass(check=check, groups=of_heaps if check == HEAP else indexes)
                for check in wanted
            ]
    plan = Plan(
        target=target,
        seconds=float(asked["budget_seconds"]),
        required=asked["required"],
        amcheck=schema,
        passes=tuple(passes),
    )
    return plan, checks


def _amcheck(session: Session) -> tuple[str, str]:
    """The schema that amcheck is in, or why it cannot be used."""
    found = session.all("integrity/amcheck")
    if not found:
        return "", "amcheck is not installed: run setup/install.sql on the source"
    if not found[0]["allowed"]:
        return "", "amcheck may not be called: run setup/install.sql on the source"
    return str(found[0]["schema"]), ""


def _keys(
    session: Session,
    asked: Mapping[str, Any],
    oids: Sequence[int],
    *,
    unvalidated_only: bool = False,
) -> list[dict[str, Any]]:
    if asked["foreign_keys"] == "none":
        return []
    valid_too = asked["foreign_keys"] == "all" and not unvalidated_only
    return session.all("integrity/foreign_keys", oids=list(oids), valid_too=valid_too)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What a step has come to: a record where a group is done, and the state to go on from.

    `finished`: nothing is left. `later`: only a call of its own gives the next statement its time.
    """

    state: State
    check: Check | None = None
    finished: bool = False
    later: bool = False


def advance(
    session: Session,
    plan: Plan,
    state: State,
    *,
    remaining_seconds: Callable[[], float],
    slice_bytes: int = scanning.SLICE_BYTES,
) -> Step:
    """Do the next thing. Raises TryAgain when the connection was lost."""
    if state.at >= len(plan.passes):
        return Step(state=state, check=_checksums(session, plan), finished=True)
    now = plan.passes[state.at]
    if state.until is None:
        state = replace(state, until=integrity.until(plan, state))
    if state.group >= len(now.groups):
        return Step(state=state.next_pass())
    group = now.groups[state.group]
    if state.job >= len(group.jobs) or state.is_full:
        check = integrity_checks.record(now.check, group, state, required=plan.required)
        return Step(state=state.next_group(), check=check)
    if state.until is not None and state.spent >= state.until:
        if state.begun:
            check = integrity_checks.record(
                now.check, group, state, required=plan.required, late=True
            )
            return Step(state=state.next_group(), check=check)
        check = integrity_checks.skipped(now.check, now.groups[state.group :], plan)
        return Step(state=state.next_pass(), check=check)
    return _work(
        session, plan, now.check, group.jobs[state.job], state, remaining_seconds(), slice_bytes
    )


def _work(
    session: Session,
    plan: Plan,
    check: str,
    job: Job,
    state: State,
    remaining_seconds: float,
    slice_bytes: int,
) -> Step:
    """One statement of a job, within the time that the call and the pass have left."""
    most = min(MOST_SECONDS, remaining_seconds - scanning.RESERVE_SECONDS)
    left = (state.until or 0.0) - state.spent
    limit = max(LEAST_SECONDS, min(most, left))
    began = time.monotonic()
    session.one("integrity/limit_session", milliseconds=str(round(limit * 1000)))
    try:
        if check in (HEAP, FOREIGN_KEYS):
            next_state = _blocks(session, plan, job, state, slice_bytes // BLOCK_BYTES)
        else:
            next_state = _index(session, plan, job, state, rows=check == INDEX_ROWS)
    finally:
        seconds = time.monotonic() - began
    waits = next_state.tries > state.tries and check not in (HEAP, FOREIGN_KEYS)
    return Step(state=next_state.after(seconds), later=waits)


def _index(session: Session, plan: Plan, job: Job, state: State, *, rows: bool) -> State:
    """Check an index. What its time limit has ended is tried once more, in a call of its own."""
    parts = {"amcheck": database.schema(plan.amcheck)}
    try:
        session.one("integrity/check_index", parts=parts, oid=job.oid, rows=rows)
    except QueryFailed as failure:
        if failure.damaged:
            return state.finding(f"{job.name}: {failure}").next_job()
        if failure.passing and not (failure.locked or state.tries):
            return replace(state, tries=1)
        return state.hindered(f"{job.name}: {failure}").next_job()
    return state.next_job()


def _blocks(session: Session, plan: Plan, job: Job, state: State, most: int) -> State:
    """Check some blocks. Where they cannot be read, fewer of them, until there is one alone."""
    width = min(state.width or max(1, most), max(1, most))
    blocks = job.bytes // BLOCK_BYTES
    end = min(state.start + width, blocks) or None
    try:
        if job.key is None:
            state = _heap(session, plan, job, state, end)
        else:
            orphans = _orphans(session, job.key, state.start, None if end == blocks else end)
            state = replace(state, orphans=state.orphans + orphans)
    except QueryFailed as failure:
        alone = end is None or end - state.start <= 1
        if failure.damaged and not alone:
            return replace(state, width=max(1, ((end or 0) - state.start) // 2))
        if failure.damaged:
            state = state.finding(f"{_place(job, state.start)}: {failure}")
        elif failure.passing and not (failure.locked or alone) and state.tries < TRIES:
            return replace(state, width=max(1, width // 4), tries=state.tries + 1)
        else:
            return state.hindered(f"{_place(job, state.start)}: {failure}").next_job()
    if end is None or end >= blocks:
        return state.next_job()
    return replace(state, start=end, width=width * 2, tries=0)


def _heap(session: Session, plan: Plan, job: Job, state: State, end: int | None) -> State:
    found = session.all(
        "integrity/check_heap",
        parts={"amcheck": database.schema(plan.amcheck)},
        oid=job.oid,
        start=None if end is None else state.start,
        last=None if end is None else end - 1,
        most=integrity.MOST_FOUND,
    )
    for row in found:
        place = _place(job, row["block"])
        item = "" if row["item"] is None else f", item {row['item']}"
        state = state.finding(f"{place}{item}: {row['message']}")
    return state


def _place(job: Job, block: int) -> str:
    return f"{job.name}, block {block}"


def _orphans(session: Session, key: Mapping[str, Any], start: int, end: int | None) -> int:
    """How many rows in some blocks of a table refer to nothing."""
    parent = database.table(key["parent_schema"], key["parent_name"])
    row = session.one(
        "integrity/orphans",
        parts={
            "child": database.table(key["child_schema"], key["child_name"]),
            "parent": parent if key["parent_divided"] else database.only(parent),
            "refers": database.refers(key["child_columns"], matches_full=key["matches_full"]),
            "matched": database.matched(
                key["parent_columns"], key["child_columns"], key["operator_schemas"]
            ),
        },
        start=f"({start},0)",
        end=f"({scanning.OPEN_END if end is None else end},0)",
    )
    return int(row["orphans"])


def _checksums(session: Session, plan: Plan) -> Check:
    try:
        return integrity_checks.checksums(plan.target, **session.one("integrity/checksums"))
    except QueryFailed as failure:
        return integrity_checks.not_run(
            "checksums", plan.target, str(failure), required=plan.required
        )
