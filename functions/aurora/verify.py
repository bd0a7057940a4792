"""What came back, held against the witness: on the restored copy, read only.

This waits for the first login, finds out where the restore has landed, compares the tables and
their columns, and makes units of the work that remains (verify_unit.py). Records go to the evidence
bucket; they hold counts and names, never a row's content.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from functions import clock
from functions.aurora import (
    catalogs,
    comparison,
    database,
    definitions,
    fingerprint,
    history,
    inspection,
    integrity_checks,
    isolation,
    schema,
    sequences,
    tables,
    verify_unit,
)
from functions.aurora.database import Login, QueryFailed, Session
from functions.aurora.manifest import Manifest, Table, Witnessed
from functions.aurora.plan import LOGIN_TRIES
from functions.aurora.units import Load, balance
from functions.aurora.witness import Evidence
from functions.errors import LoginRefused, NotReachable, TlsFailed
from functions.model import Answer, Check, CheckClass, Level, Status, tally
from functions.step import done, waiting

APPLICATION = "backup-drills verifier"
MOST_UNITS = 100
UNIT_WEIGHT = 1024 * 1024 * 1024
"""Bytes to read that are worth a unit of work of their own."""

_TABLE_WEIGHT = 1024 * 1024  # the round trips that even an empty table costs
_QUERY_WEIGHT = 256 * 1024 * 1024
_NOT_THERE = "the copy is not at the restore point"
_OF_SCHEMA = ("table_present", "catalogs", "sequence_values")


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
    work = _Work(
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
        return _keep(work, [_no_login(work, failure)], units=0, at_restore_point=None, seen=seen)
    if at_restore_point is False:
        checks += [verify_unit.not_done(item, _NOT_THERE) for item in items]
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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What `open_copy` was given."""

    copy: Login
    drill: Mapping[str, Any]
    plan: Mapping[str, Any]
    evidence: Evidence
    manifest: Manifest | None
    restore_time: datetime

    @property
    def marked(self) -> bool:
        return bool(self.drill["heartbeat"])

    @property
    def witnessed(self) -> tuple[Witnessed, ...]:
        return self.manifest.tables if self.manifest else ()

    @property
    def looks_back(self) -> bool:
        """Whether the restore point lay in the past when the run began."""
        return bool(self.plan["restore"]["time"])

    @property
    def required(self) -> Level:
        """The level that a table must reach."""
        return Level(self.plan["restore"]["required_level"])

    @property
    def waived(self) -> bool:
        """Whether the configuration demands nothing of a table that nobody can vouch for."""
        return self.required is Level.NONE

    @property
    def cluster(self) -> str:
        return str(self.plan["names"]["cluster"])

    def key(self, name: str) -> str:
        return f"{self.plan['key']}/checks/{name}.json"

    def witness(self, name: str) -> Any:
        """What the witness has left beside the manifest. Raises EvidenceMissing."""
        return self.evidence.get_json(f"{self.plan['key']}/witness/{name}.json")


def _manifest(witness: Mapping[str, Any], evidence: Evidence) -> Manifest | None:
    key = witness["manifest"]
    return Manifest.from_document(evidence.get_json(key)) if key else None


def _pause(drill: Mapping[str, Any]) -> float:
    """Seconds between two tries to log in: they are what the RTO is measured with."""
    timing = drill["timing"]
    return float(min(timing["poll_seconds"], timing["login_seconds"] / LOGIN_TRIES))


def _keep(
    work: _Work,
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
    work: _Work, session: Session, seconds: float
) -> tuple[list[Check], bool | None, list[dict[str, Any]]]:
    """All that can be said without reading the tables, and what remains to be read."""
    checks = [_login(work, session, seconds), _recovery(work, session)]
    try:
        checks += isolation.check(session, work.cluster)
        landed, at_restore_point = _landing(work, session)
        shape, items = _compare(work, session, at_restore_point)
    except QueryFailed as failure:
        if not failure.damaged:
            raise
        return [*checks, schema.unreadable(work.drill["database"], str(failure))], None, []
    return checks + landed + shape, at_restore_point, items


def _compare(
    work: _Work, session: Session, at_restore_point: bool | None
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
        shape = [_unplaced("table_present", table.target) for table in work.witnessed]
        shape.append(_unplaced("catalogs", database_name))
        rows = [r if r.by_configuration else _not_counted(r.target, _NOT_THERE) for r in rows]
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
        shape += _fingerprint(work, session, manifest, there)
    if at_restore_point is not False and not any(table.bounds for table in counted):
        rows += _any_row(work, session, found)
    bytes_of = tables.sizes(session, found)
    inside, inner = _inside(work, session, found)
    return shape + rows + inside, [*_items(work, counted, bytes_of), *inner]


def _inside(
    work: _Work, session: Session, found: Sequence[Table]
) -> tuple[list[Check], list[dict[str, Any]]]:
    """What the catalogs tell of whether the copy is whole inside, and what remains to be done."""
    manifest, asked = work.manifest, work.drill["integrity"]
    target, required = str(work.drill["database"]), bool(asked["required"])
    try:
        collations = inspection.collations(session)
        plan, checks = inspection.prepare(
            session,
            asked=asked,
            target=target,
            tables=found,
            orphans=manifest.orphans if manifest else {},
        )
    except QueryFailed as failure:
        if failure.damaged:
            raise
        return [integrity_checks.not_run("integrity", target, str(failure), required=required)], []
    on_source = manifest.collations if manifest else None
    checks.append(integrity_checks.collation_versions(target, collations, on_source))
    items: list[dict[str, Any]] = []
    if manifest and manifest.large_objects:
        witnessed = manifest.large_objects
        weight = {witnessed.target: witnessed.bytes}
        bounded = {"required": Level.BOUNDED.value, "needed": required, "blocks": 0}
        items.append({**_table(work, witnessed, weight), "check": "large_objects", **bounded})
    else:
        nobody = "no witness has counted them"
        checks.append(integrity_checks.not_run("large_objects", target, nobody, required=False))
    if plan.passes:
        work.evidence.put_json(work.key("integrity"), plan.to_document())
        items.append({"kind": "integrity", "target": target, "weight": 0, "pieces": 1})
    return checks, items


def _fingerprint(
    work: _Work, session: Session, manifest: Manifest, there: Mapping[str, Table]
) -> list[Check]:
    """Every object of the catalogs against both readings of the source, and the sequences."""
    seen, asked = manifest.catalogs, work.drill["fingerprint"]
    database_name = str(work.drill["database"])
    if seen is None:
        return [_unplaced("catalogs", database_name, "the witness has not read the catalogs")]
    version_number = session.one("catalog_edges")["version_number"]
    kinds = definitions.kinds_of(version_number, comments=asked["comments"])
    reading = catalogs.Reading(session=session, kinds=kinds, alive=False)
    excluded = {target for target, why in manifest.excluded if why == tables.BY_CONFIGURATION}
    compared = fingerprint.compare(
        catalogs.kept(seen.before, lambda number: work.witness(f"catalogs-before-{number}")),
        catalogs.kept(seen.after, lambda number: work.witness(f"catalogs-after-{number}")),
        reading.entries(),
        catalogs=seen,
        unread=reading.unread,
        ignore=asked["ignore"],
        excluded=excluded,
        told={table.target for table in manifest.tables if table.target not in there},
    )
    diff = work.key("catalogs")
    if compared.differences:
        work.evidence.put_json(diff, list(fingerprint.diff_lines(compared)))
    unread = {**seen.unread, **reading.unread}
    checks = fingerprint.checks(
        compared, kinds=kinds, unread=unread, target=database_name, diff=diff
    )
    return [*checks, _sequences(work, session, database_name, seen.unread, excluded)]


def _sequences(
    work: _Work,
    session: Session,
    target: str,
    unread: Mapping[str, str],
    excluded: Collection[str],
) -> Check:
    """Where the sequences stand."""
    if "sequence_values" in unread:
        return _unplaced("sequence_values", target, unread["sequence_values"])
    before, after = (
        [sequences.Value(**record) for record in work.witness(f"sequences-{side}")]
        for side in ("before", "after")
    )
    there = catalogs.sequence_values(session, alive=False)
    return sequences.check(
        target=target,
        before=before,
        after=after,
        there=there,
        ends=catalogs.column_ends(session, there),
        excluded=excluded,
    )


def _any_row(work: _Work, session: Session, found: Sequence[Table]) -> list[Check]:
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


def _login(work: _Work, session: Session, seconds: float) -> Check:
    role = session.one("role")
    may = [
        name
        for name, granted in (
            ("superuser", role["superuser"]),
            ("pg_read_all_data", role["reads_all_data"]),
            ("bypassrls", role["bypasses_row_security"]),
            ("read only", role["read_only"]),
        )
        if granted
    ]
    return Check(
        name="login",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.PASSED,
        expected=f"{work.copy.user} is let in, TLS verify-full",
        observed=f"let in, {'encrypted and verified' if session.tls_protects else 'in the clear'}",
        detail=f"the role has: {', '.join(may) or 'nothing'}",
        seconds=seconds,
    )


def _no_login(work: _Work, failure: LoginRefused | NotReachable | TlsFailed) -> Check:
    refused = isinstance(failure, LoginRefused)
    return Check(
        name="login",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.FAILED if refused else Status.NOT_RUN,
        expected=f"{work.copy.user} is let in, TLS verify-full",
        observed="refused" if refused else "no answer that could be used",
        detail=str(failure),
        seconds=float(work.drill["timing"]["login_seconds"]),
    )


def _recovery(work: _Work, session: Session) -> Check:
    server = session.one("server")
    recovering = server["in_recovery"]
    return Check(
        name="recovery_finished",
        check_class=CheckClass.ACCESS,
        target=work.cluster,
        status=Status.FAILED if recovering else Status.PASSED,
        expected="a writer, out of recovery",
        observed="still in recovery" if recovering else "a writer",
        detail=f"PostgreSQL {server['version']}",
    )


def _landing(work: _Work, session: Session) -> tuple[list[Check], bool | None]:
    """Where the restore has landed: by the markers, or by the heartbeats around that point.

    Without them nobody can tell; that is no matter of configuration unless it switched them off.
    """
    names = ["heartbeats"] if work.looks_back else ["marker_before", "marker_after"]
    manifest = work.manifest
    if manifest is None or not work.marked:
        reason = "heartbeat is off" if manifest else "the configuration has no witness"
        return [_unmeasured(work, name, f"not measured: {reason}") for name in names], None
    try:
        if work.looks_back:
            return _by_heartbeats(work, session, manifest)
        return _by_markers(work, session, manifest)
    except QueryFailed as failure:
        unplaced = [_unplaced(name, work.cluster, str(failure)) for name in names]
        if failure.damaged:
            unplaced[0] = replace(unplaced[0], status=Status.FAILED, observed="unreadable")
        return unplaced, None


def _by_markers(
    work: _Work, session: Session, manifest: Manifest
) -> tuple[list[Check], bool | None]:
    before, after = manifest.before or "", manifest.after or ""
    found, newest = _heartbeats(session, [before, after])

    def check(name: str, status: bool, expected: str, observed: str) -> Check:
        return Check(
            name=name,
            check_class=CheckClass.RESTORE_POINT,
            target=work.cluster,
            status=Status.PASSED if status else Status.FAILED,
            expected=expected,
            observed=observed,
            detail=_newest(newest, work.restore_time),
        )

    is_there = {name: "there" if name in found else "absent" for name in (before, after)}
    checks = [
        check("marker_before", before in found, "there", is_there[before]),
        check("marker_after", after not in found, "absent", is_there[after]),
    ]
    return checks, all(entry.status is Status.PASSED for entry in checks)


def _by_heartbeats(
    work: _Work, session: Session, manifest: Manifest
) -> tuple[list[Check], bool | None]:
    known = {name: datetime.fromisoformat(at) for name, at in manifest.heartbeats or ()}
    found, newest = _heartbeats(session, list(known))
    beats = comparison.compare_beats(known, found, work.restore_time)
    if beats.wrong:
        status, at_restore_point = Status.FAILED, False
    elif beats.gap:
        status, at_restore_point = Status.NOT_RUN, None
    else:
        status, at_restore_point = Status.PASSED, True
    said = [beats.gap, str(beats), _newest(newest, work.restore_time)]
    check = Check(
        name="heartbeats",
        check_class=CheckClass.RESTORE_POINT,
        target=work.cluster,
        status=status,
        expected=f"the {beats.due} from before the restore point, none of the {beats.undue} after",
        observed=f"{beats.due - beats.missing} from before, {beats.present} from after",
        detail="; ".join(part for part in said if part),
    )
    return [check], at_restore_point


def _heartbeats(session: Session, ids: list[str]) -> tuple[frozenset[str], datetime | None]:
    """Which of the heartbeats are there, and the time of the newest one; none without a table."""
    try:
        found = frozenset(row["id"] for row in session.all("find_heartbeats", ids=ids))
        return found, session.one("newest_heartbeat")["beat_at"]
    except QueryFailed as failure:
        if failure.absent:
            return frozenset(), None
        raise


def _newest(newest: datetime | None, restore_time: datetime) -> str:
    """How far the newest heartbeat is from the restore point.

    >>> point = datetime(2026, 11, 2, 5, tzinfo=UTC)
    >>> _newest(point - timedelta(seconds=0.5), point), _newest(None, point)
    ('the newest heartbeat is 0.5 s before the restore point', 'there is no heartbeat')
    """
    if newest is None:
        return "there is no heartbeat"
    before = (restore_time - newest).total_seconds()
    side = "before" if before >= 0 else "after"
    return f"the newest heartbeat is {abs(before):.1f} s {side} the restore point"


def _unmeasured(work: _Work, name: str, detail: str) -> Check:
    return replace(_unplaced(name, work.cluster, detail), by_configuration=True)


def _unplaced(name: str, target: str, detail: str = _NOT_THERE) -> Check:
    """A check that says nothing, and why."""
    return Check(
        name=name,
        check_class=CheckClass.SCHEMA if name in _OF_SCHEMA else CheckClass.RESTORE_POINT,
        target=target,
        status=Status.NOT_RUN,
        expected="a comparison with the source",
        observed="not compared",
        detail=detail,
    )


def _to_count(work: _Work, there: Mapping[str, Table]) -> tuple[list[Check], list[Witnessed]]:
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


def _uncounted(work: _Work, table: Witnessed, found: Table | None) -> Check | None:
    """The record of a table that cannot be counted on the copy; None where it can."""
    if found is None:
        record = _not_counted(table.target, table.reason)
        return replace(record, by_configuration=work.waived and not table.swapped)
    has_witness = work.manifest is not None and not work.looks_back
    if found.uncounted == tables.UNPOPULATED and not (table.counted or has_witness):
        return _unpopulated(work, table, Level.COUNTED)
    if has_witness and table.reason == tables.UNPOPULATED:
        if found.uncounted == tables.UNPOPULATED:
            return _unpopulated(work, table, Level.BOUNDED)
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


def _unpopulated(work: _Work, table: Witnessed, level: Level) -> Check:
    """The record of a materialized view that holds nothing, as the catalog of the copy says."""
    enough = level.reaches(Level(_required(work, table)))
    return replace(
        _not_counted(table.target, "" if enough else f"required is {work.required.value}"),
        status=Status.PASSED if enough else Status.NOT_RUN,
        expected="not populated",
        observed="not populated",
        level=level,
    )


def _items(
    work: _Work, counted: Sequence[Witnessed], bytes_of: Mapping[str, int]
) -> list[dict[str, Any]]:
    """What remains to be read: tables, the user's queries, the columns that tell freshness."""
    counts = [_table(work, witnessed, bytes_of) for witnessed in counted]
    queries = [
        {"kind": "check", "weight": _QUERY_WEIGHT, **check} for check in work.drill["checks"]
    ]
    fresh = [
        {"kind": "freshness", "weight": _TABLE_WEIGHT, **entry} for entry in work.drill["freshness"]
    ]
    return [*counts, *queries, *fresh]


def _table(work: _Work, witnessed: Witnessed, bytes_of: Mapping[str, int]) -> dict[str, Any]:
    """A table to be read."""
    manifest = work.manifest
    return {
        "kind": "table",
        "schema": witnessed.schema,
        "name": witnessed.name,
        "horizon": witnessed.horizon,
        "gap": witnessed.gap,
        "least": witnessed.least,
        "most": witnessed.most,
        "reason": witnessed.reason,
        "closed_after": manifest.next_xid if manifest and witnessed.bounds else None,
        "required": _required(work, witnessed),
        "weight": bytes_of[witnessed.target] + _TABLE_WEIGHT,
        "blocks": bytes_of[witnessed.target] // comparison.BLOCK_BYTES,
    }


def _required(work: _Work, witnessed: Witnessed) -> str:
    """The level that a table must reach. A materialized view may have been refreshed around T.

    What it shows is in other tables: that it can be read suffices then.
    """
    required = work.required
    derived = witnessed.kind == "m" and not witnessed.bounds
    return (Level.COUNTED if derived and required.reaches(Level.COUNTED) else required).value


def _unbounded(table: Table, reason: str) -> Witnessed:
    return Witnessed(
        schema=table.schema,
        name=table.name,
        kind=table.kind,
        bytes=table.bytes,
        counted=table.counted,
        reason=reason,
    )
