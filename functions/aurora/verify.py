"""What came back, held against the witness: on the restored copy, read only.

This waits for the first login, finds out where the restore has landed (landing.py), compares the
tables and all else in the catalogs (verify_catalogs.py), and makes units of the work that remains
(verify_unit.py). Records go to the evidence bucket; they hold counts and names, never a row's
content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from functions import clock
from functions.aurora import (
    database,
    digesting,
    history,
    isolation,
    landing,
    schema,
    tables,
    verify_catalogs,
    verify_unit,
)
from functions.aurora.database import Login, QueryFailed, Session
from functions.aurora.digesting import Digested
from functions.aurora.manifest import Manifest, Table, Witnessed
from functions.aurora.plan import LOGIN_TRIES
from functions.aurora.units import Load, balance
from functions.aurora.verify_work import NOT_THERE, TABLE_WEIGHT, Work, table_item, unplaced
from functions.aurora.witness_work import Evidence
from functions.errors import LoginRefused, NotReachable, TlsFailed
from functions.model import Answer, Check, CheckClass, Level, Status, tally
from functions.step import done, waiting

APPLICATION = "backup-drills verifier"
MOST_UNITS = 100
UNIT_WEIGHT = 1024 * 1024 * 1024
"""Bytes to read that are worth a unit of work of their own."""

_QUERY_WEIGHT = 256 * 1024 * 1024


def open_copy(
    *,
    copy: Login,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    previous: Mapping[str, Any],
    evidence: Evidence,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    most_units: int = MOST_UNITS,
    unit_weight: int = UNIT_WEIGHT,
) -> Answer:
    """Log in to the copy, check all but the tables' content, and make the units that check it.

    Until the copy lets the role in, and its recovery is over, the answer is to be asked again; for
    `timing.login_seconds`, then it is the check `login` that says so. Answers `first_login_at`,
    `login`, `at_restore_point` (None where nothing can tell), `units` and `checks` when done.

    Raises TryAgain when the connection is lost, and EvidenceMissing.
    """
    first_attempt = previous.get("first_attempt_at") or clock.render(now())
    patience = timedelta(seconds=drill["timing"]["login_seconds"])
    is_over = now() >= clock.parse(first_attempt) + patience
    work = Work(
        copy=copy,
        drill=drill,
        plan=plan,
        evidence=evidence,
        manifest=_manifest(witness, evidence),
        restore_time=clock.parse(witness["restore_time"]),
    )
    seen = {"first_attempt_at": first_attempt, "first_login_at": previous.get("first_login_at")}
    try:
        with database.connect(copy, application=APPLICATION, parallel=True) as session:
            accepted = clock.render(now())
            if session.one("server")["in_recovery"] and not is_over:
                return waiting(_pause(drill), "the copy's recovery to end", **seen)
            seen["first_login_at"] = seen["first_login_at"] or accepted
            took = clock.seconds_between(first_attempt, seen["first_login_at"]) or 0.0
            checks, at_restore_point, items = _look(work, session, took)
    except (LoginRefused, NotReachable, TlsFailed) as failure:
        if not is_over:
            return waiting(_pause(drill), f"a login: {failure}", **seen)
        return _keep(
            work, [landing.no_login(work, failure)], units=0, at_restore_point=None, seen=seen
        )
    if at_restore_point is False:
        checks += [verify_unit.not_done(item, NOT_THERE) for item in items]
        items = []
    inside = [item for item in items if item["kind"] == "integrity"]
    items = [item for item in items if item["kind"] != "integrity"]
    made = balance(
        [Load(weight=item["weight"], blocks=item.get("blocks", 0)) for item in items],
        most_units=most_units - len(inside),
        unit_weight=unit_weight,
    )
    # It does one thing after the other, and takes its time: so it begins with the first.
    pieces = [[item] for item in inside] + [
        [
            {
                **items[piece.load],
                "load": piece.load,
                "start": piece.start,
                "end": piece.end,
                "number": piece.number,
                "pieces": piece.pieces,
            }
            for piece in unit
        ]
        for unit in made
    ]
    evidence.put_json(work.key("units"), {"restore_time": witness["restore_time"], "units": pieces})
    return _keep(work, checks, units=len(pieces), at_restore_point=at_restore_point, seen=seen)


def _manifest(witness: Mapping[str, Any], evidence: Evidence) -> Manifest | None:
    key = witness["manifest"]
    return Manifest.from_document(evidence.get_json(key)) if key else None


def _pause(drill: Mapping[str, Any]) -> float:
    """Seconds between two tries to log in: they are what the RTO is measured with."""
    timing = drill["timing"]
    return float(min(timing["poll_seconds"], timing["login_seconds"] / LOGIN_TRIES))


def _keep(
    work: Work,
    checks: Sequence[Check],
    *,
    units: int,
    at_restore_point: bool | None,
    seen: Mapping[str, Any],
) -> Answer:
    key = work.key("verify")
    work.evidence.put_json(key, [check.to_document() for check in checks])
    login = next(check for check in checks if check.name == "login")
    return done(
        **seen,
        login=login.status.value,
        at_restore_point=at_restore_point,
        units=[{"unit": number} for number in range(units)],
        checks={"key": key, **tally(checks)},
    )


def _look(
    work: Work, session: Session, seconds: float
) -> tuple[list[Check], bool | None, list[dict[str, Any]]]:
    """All that can be said without reading the tables, and what remains to be read."""
    checks = [landing.login(work, session, seconds), landing.recovery(work, session)]
    try:
        checks += isolation.check(session, work.cluster)
        landed, at_restore_point = landing.locate(work, session)
        shape, items = _compare(work, session, at_restore_point)
    except QueryFailed as failure:
        if not failure.damaged:
            raise
        return [*checks, schema.unreadable(work.drill["database"], str(failure))], None, []
    return checks + landed + shape, at_restore_point, items


def _compare(
    work: Work, session: Session, at_restore_point: bool | None
) -> tuple[list[Check], list[dict[str, Any]]]:
    """The tables of the copy against those of the witness, and what remains to be read."""
    manifest, database_name = work.manifest, work.drill["database"]
    chosen = list(manifest.schemas) if manifest else work.drill["schemas"]
    found = tables.list_tables(
        session, schemas=chosen or tables.schemas(session), exclude=work.drill["exclude"]
    )
    there = {table.target: table for table in found}
    rows, counted = _to_count(work, there)
    if at_restore_point is False:
        shape = [unplaced("table_present", table.target) for table in work.witnessed]
        shape.append(unplaced("catalogs", database_name))
        rows = [r if r.by_configuration else _not_counted(r.target, NOT_THERE) for r in rows]
    elif manifest is None:
        shape = schema.compare_names((), there, database_name, known=schema.Known(), waived=False)
        shape += schema.compare_schemas(work.drill["schemas"], there)
    elif work.looks_back:
        missing = [table for table in manifest.tables if table.target not in there]
        known = history.look_up(
            work.evidence,
            run=work.plan["key"],
            now=manifest,
            missing=missing,
            at=work.restore_time,
        )
        shape = schema.compare_names(
            manifest.tables, there, database_name, known=known, waived=work.waived
        )
    else:
        shape = schema.compare_tables(manifest.tables, there, waived=work.waived)
        shape += verify_catalogs.compare(work, session, manifest, there)
    if at_restore_point is not False and not any(table.bounds for table in counted):
        rows += _any_row(work, session, found)
    bytes_of = tables.sizes(session, found)
    inside, inner = verify_catalogs.look_inside(work, session, found)
    alike = _digests(session, manifest, found)
    return shape + rows + inside, [*_items(work, counted, bytes_of, alike), *inner]


def _digests(
    session: Session, manifest: Manifest | None, found: Sequence[Table]
) -> Mapping[str, Digested]:
    """How rows are digested here, by target; nothing where that is another way than the source's.

    It is, where a server of another version stores or hashes a value in another way.
    """
    if manifest is None or not manifest.digests or digesting.side(session) != manifest.digests:
        return {}
    return digesting.read(session, found)


def _any_row(work: Work, session: Session, found: Sequence[Table]) -> list[Check]:
    """Whether any table holds a row, where no witness says how many there must be."""
    if work.manifest and work.manifest.holds_rows is False:
        return []
    asked = [table for table in found if table.counted]
    answer = tables.any_row(session, asked)
    return [
        Check(
            name="any_row",
            check_class=CheckClass.CONTENT,
            target=str(work.drill["database"]),
            status=Status.PASSED if answer else Status.NOT_RUN,
            expected="a row in one table at least",
            observed="a row" if answer else f"no row in {len(asked)} tables",
            detail=""
            if answer
            else "every table is empty, and the source's are not"
            if work.manifest and work.manifest.holds_rows
            else "nothing shows that the source was empty too",
        )
    ]


def _to_count(work: Work, there: Mapping[str, Table]) -> tuple[list[Check], list[Witnessed]]:
    """The records of tables that need not or cannot be counted on the copy, and those that can."""
    manifest = work.manifest
    if manifest is None:
        reason = "the configuration has no witness"
        listed = [_unbounded(table, reason) for table in there.values() if not table.excluded]
        excluded = [(table.target, table.excluded) for table in there.values() if table.excluded]
    else:
        listed, excluded = list(manifest.tables), list(manifest.excluded)
    records, counted = [], []
    for table in listed:
        if table.kind == "p" or (table.lasting and table.target not in there):
            continue  # its partitions hold the rows; or the check `table_present` says it
        record = _uncounted(work, table, there.get(table.target))
        if record is None:
            counted.append(table)
        else:
            records.append(record)
    left_out = [
        replace(_not_counted(target, reason), expected="nothing", by_configuration=True)
        for target, reason in excluded
    ]
    return [*left_out, *records], counted


def _uncounted(work: Work, table: Witnessed, found: Table | None) -> Check | None:
    """The record of a table that cannot be counted on the copy; None where it can."""
    if found is None:
        record = _not_counted(table.target, table.reason)
        return replace(record, by_configuration=work.waived and not table.swapped)
    has_witness = work.manifest is not None and not work.looks_back
    if found.uncounted == tables.UNPOPULATED and not (table.counted or has_witness):
        return _unpopulated(work, table, Level.COUNTED)
    if has_witness and table.reason == tables.UNPOPULATED:
        if found.uncounted == tables.UNPOPULATED:
            return _unpopulated(work, table, Level.EXACT)
        return _not_counted(table.target, "it is populated, and was not on the source")
    if found.uncounted or (found.excluded and not table.bounds):
        return _not_counted(table.target, found.uncounted or found.excluded)
    return None


def _not_counted(target: str, reason: str) -> Check:
    return Check(
        name="rows",
        check_class=CheckClass.CONTENT,
        target=target,
        status=Status.NOT_RUN,
        expected="a comparison with the source",
        observed="not compared",
        detail=reason,
        level=Level.NONE,
    )


def _unpopulated(work: Work, table: Witnessed, level: Level) -> Check:
    """The record of a materialized view that holds nothing, as the catalog of the copy says."""
    enough = level.reaches(Level(work.required_of(table)))
    return replace(
        _not_counted(table.target, "" if enough else f"required is {work.required.value}"),
        status=Status.PASSED if enough else Status.NOT_RUN,
        expected="not populated",
        observed="not populated",
        level=level,
    )


def _items(
    work: Work,
    counted: Sequence[Witnessed],
    bytes_of: Mapping[str, int],
    digests: Mapping[str, Digested],
) -> list[dict[str, Any]]:
    """What remains to be read: tables, the user's queries, the columns that tell freshness."""
    counts = [table_item(work, witnessed, bytes_of, digests) for witnessed in counted]
    queries = [
        {"kind": "check", "weight": _QUERY_WEIGHT, **check} for check in work.drill["checks"]
    ]
    fresh = [
        {"kind": "freshness", "weight": TABLE_WEIGHT, **entry} for entry in work.drill["freshness"]
    ]
    return [*counts, *queries, *fresh]


def _unbounded(table: Table, reason: str) -> Witnessed:
    return Witnessed(
        schema=table.schema,
        name=table.name,
        kind=table.kind,
        bytes=table.bytes,
        counted=table.counted,
        reason=reason,
    )
