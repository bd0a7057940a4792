"""The witness where the source does not hold still: locks, rewrites, failovers, readers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from functions.aurora import database, passing, scanning, witness
from functions.aurora.digest import Digest
from functions.aurora.sandwich import Chunk
from functions.aurora.witness_work import HeartbeatMissing, NothingToWitness, ReaderBehind, Source
from functions.errors import SourceChanged, TryAgain
from lab.login_front import LoginFront
from lab.postgres import Server
from tests.steps.company import (
    COUNTED,
    Company,
    Outcome,
    Shelf,
    drill,
    drive,
    judge,
    plan,
    plenty,
    see,
)

# Nothing here depends on the server's version.
pytestmark = pytest.mark.parametrize("company", ["wheel"], indirect=True, scope="session")


@pytest.fixture
def _extra(company: Company) -> Iterator[None]:
    """A schema of this test's own."""
    company.run("DROP SCHEMA IF EXISTS extra CASCADE; CREATE SCHEMA extra")
    company.run("CREATE TABLE extra.t AS SELECT i AS id FROM generate_series(1, 500) AS i")
    company.run("CREATE TABLE extra.u AS SELECT i AS id FROM generate_series(1, 10) AS i")
    yield
    company.run("DROP SCHEMA IF EXISTS extra CASCADE")


def see_with(
    company: Company, shelf: Shelf, before_phase: Mapping[str, Callable[[], Any]], **changes: Any
) -> dict[str, Any]:
    """Drive the witness over the schema `extra`; do something once, before a phase's first call.

    The calls are short, but that of the turn: what it has no time for is read late.
    """
    login = company.login(company.source)
    pending = dict(before_phase)

    def call(previous: Mapping[str, Any]) -> dict[str, Any]:
        phase = previous["progress"]["phase"] if previous else "begin"
        if phase in pending:
            pending.pop(phase)()
        return witness.advance(
            source=Source(reader=login, writer=login),
            drill=drill(schemas=["extra"], **changes),
            plan=plan(),
            previous=previous,
            evidence=shelf,
            remaining_seconds=plenty if phase == "turn" else lambda: 0.0,
        )

    return drive(call)


SWAP = (
    "CREATE TABLE extra.fresh AS TABLE extra.u; DROP TABLE extra.u;"
    "ALTER TABLE extra.fresh RENAME TO u"
)


def extra(
    company: Company,
    copy: Server,
    witnessed: Mapping[str, Any],
    shelf: Shelf,
    required: str = "exact",
) -> Outcome:
    """Verify the schema `extra` of a copy."""
    settings, planned = drill(schemas=["extra"]), plan(required=required)
    return judge(company.login(copy), witnessed, shelf, settings=settings, planned=planned)


def table(shelf: Shelf, witnessed: Mapping[str, Any], name: str) -> dict[str, Any]:
    manifest = shelf.get_json(witnessed["manifest"])
    return next(dict(entry) for entry in manifest["tables"] if entry["name"] == name)


def test_the_manifest_says_what_was_seen(company: Company) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    witnessed = see(Source(reader=login, writer=login), shelf)
    manifest = shelf.get_json(witnessed["manifest"])
    quiet = table(shelf, witnessed, "quiet")
    assert quiet["columns_after"] == ["id integer not null", "note text", "price numeric(12,2)"]
    assert (quiet["least"], quiet["most"], quiet["rows"]) == (4000, 4000, 4000)
    assert quiet["level"] == "exact"
    assert dict(manifest["excluded"]) == {
        "sales.cache": "unlogged table: a restore leaves it empty",
    }
    assert {entry["name"] for entry in manifest["tables"] if not entry["counted"]} == {
        "events",
        "never",
    }
    assert manifest["catalogs"]["objects"] > 50
    assert manifest["catalogs"]["unread"] == {}
    assert witnessed["restore_time"].endswith("Z")
    assert "." not in witnessed["restore_time"]
    stamps = dict(
        company.run(
            "SELECT position, max(beat_at)::text FROM backup_drills.heartbeat"
            " WHERE run_id = '20261102-abcdef' GROUP BY position"
        )
    )
    moment = witnessed["restore_time"].replace("T", " ").replace("Z", "")
    assert stamps["before"] < moment < stamps["after"]


@pytest.mark.usefixtures("_extra")
def test_a_table_rewritten_during_the_first_reading_is_read_again(company: Company) -> None:
    shelf = Shelf()
    witnessed = see_with(company, shelf, {"first": lambda: company.run("VACUUM FULL extra.t")})
    assert [key for key in shelf.objects if key.endswith("again-1.json")]
    assert table(shelf, witnessed, "t")["least"] == 500


@pytest.mark.usefixtures("_extra")
@pytest.mark.parametrize("rewrite", ["TRUNCATE extra.t", "VACUUM FULL extra.t"])
def test_a_table_rewritten_around_the_restore_point_is_only_counted(
    company: Company, rewrite: str
) -> None:
    shelf = Shelf()
    witnessed = see_with(company, shelf, {"turn": lambda: company.run(rewrite)})
    assert table(shelf, witnessed, "t")["reason"] == "it was rewritten between its readings"
    assert table(shelf, witnessed, "u")["level"] == "exact"
    copy = company.login(company.restore(witnessed["restore_time"]))
    settings = drill(schemas=["extra"])
    strict = judge(copy, witnessed, shelf, settings=settings)
    assert strict.red() == []
    assert strict.unsure() == [("rows", "extra.t")]
    mild = judge(copy, witnessed, shelf, settings=settings, planned=plan(required="counted"))
    assert mild.red() == mild.unsure() == []
    assert mild.of("rows", "extra.t")[0].detail.startswith("counted only: it was rewritten")


@pytest.mark.usefixtures("_extra")
def test_a_view_refreshed_around_the_restore_point_needs_only_to_be_readable(
    company: Company,
) -> None:
    shelf = Shelf()
    company.run("CREATE MATERIALIZED VIEW extra.m AS SELECT count(*) FROM extra.t")
    witnessed = see_with(
        company, shelf, {"turn": lambda: company.run("REFRESH MATERIALIZED VIEW extra.m")}
    )
    copy = company.login(company.restore(witnessed["restore_time"]))
    outcome = judge(copy, witnessed, shelf, settings=drill(schemas=["extra"]))
    assert outcome.red() == outcome.unsure() == []
    assert outcome.of("rows", "extra.m")[0].level == "counted"


@pytest.mark.usefixtures("_extra")
def test_a_table_dropped_around_the_restore_point_is_not_missed(company: Company) -> None:
    shelf = Shelf()
    witnessed = see_with(company, shelf, {"second": lambda: company.run("DROP TABLE extra.u")})
    copy = company.restore(witnessed["restore_time"])
    for required, unsure in (("exact", [("rows", "extra.u")]), ("counted", [])):
        outcome = extra(company, copy, witnessed, shelf, required)
        assert outcome.red() == []
        assert outcome.unsure() == unsure
        (shown,) = outcome.of("rows", "extra.u")
        assert "dropped or renamed while the source was witnessed" in shown.detail
    company.run("DROP TABLE extra.u", copy)
    for required, sure in (("exact", False), ("counted", False), ("none", True)):
        outcome = extra(company, copy, witnessed, shelf, required)
        assert outcome.red() == []
        assert (outcome.unsure() == []) is sure, required


@pytest.mark.usefixtures("_extra")
def test_a_table_swapped_around_the_restore_point_is_missed_when_it_is_not_there(
    company: Company,
) -> None:
    shelf = Shelf()
    witnessed = see_with(company, shelf, {"second": lambda: company.run(SWAP)})
    copy = company.restore(witnessed["restore_time"])
    assert extra(company, copy, witnessed, shelf).unsure() == [("rows", "extra.u")]
    mild = extra(company, copy, witnessed, shelf, "counted")
    assert mild.red() == mild.unsure() == []
    company.run("DROP TABLE extra.u", copy)
    for required in ("exact", "counted", "none"):
        missed = extra(company, copy, witnessed, shelf, required)
        assert ("table_present", "extra.u") in missed.unsure(), required


@pytest.mark.usefixtures("_extra")
def test_a_table_made_around_the_restore_point_may_be_missing(company: Company) -> None:
    shelf = Shelf()
    made = "CREATE TABLE extra.late AS SELECT 1 AS id"
    witnessed = see_with(company, shelf, {"second": lambda: company.run(made)})
    copy = company.restore(witnessed["restore_time"])
    strict = extra(company, copy, witnessed, shelf)
    assert strict.red() == []
    assert {target for _, target in strict.unsure()} == {"extra.late"}
    assert extra(company, copy, witnessed, shelf, "none").unsure() == []
    company.run(made, copy)
    assert extra(company, copy, witnessed, shelf).unsure() == [("rows", "extra.late")]
    assert extra(company, copy, witnessed, shelf, "counted").unsure() == []


@pytest.mark.usefixtures("_extra")
def test_a_partition_in_another_schema_is_compared(company: Company) -> None:
    company.run(
        "CREATE SCHEMA attic; CREATE TABLE attic.unrelated (id int);"
        "CREATE TABLE extra.log (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE attic.log_1 PARTITION OF extra.log FOR VALUES FROM (0) TO (100);"
        "INSERT INTO extra.log SELECT generate_series(1, 50)"
    )
    try:
        shelf = Shelf()
        witnessed = see_with(company, shelf, {})
    finally:
        company.run("DROP SCHEMA attic CASCADE")
    assert table(shelf, witnessed, "log_1")["least"] == 50
    copy = company.restore(witnessed["restore_time"])
    healthy = extra(company, copy, witnessed, shelf)
    assert healthy.red() == healthy.unsure() == []
    assert not healthy.of("rows", "attic.unrelated")
    company.run("DELETE FROM attic.log_1 WHERE id = 7", copy)
    assert extra(company, copy, witnessed, shelf).red() == [("rows", "attic.log_1")]


@pytest.mark.usefixtures("_extra")
def test_a_view_that_holds_nothing_is_compared_as_such(company: Company) -> None:
    company.run("CREATE MATERIALIZED VIEW extra.m AS SELECT 1 AS n WITH NO DATA")
    shelf = Shelf()
    witnessed = see_with(company, shelf, {})
    copy = company.restore(witnessed["restore_time"])
    outcome = extra(company, copy, witnessed, shelf)
    assert outcome.red() == outcome.unsure() == []
    (empty,) = outcome.of("rows", "extra.m")
    assert (empty.status, empty.observed, empty.level) == ("passed", "not populated", "exact")
    company.run("REFRESH MATERIALIZED VIEW extra.m", copy)
    assert extra(company, copy, witnessed, shelf).unsure() == [("rows", "extra.m")]
    company.run("DROP MATERIALIZED VIEW extra.m", copy)
    assert extra(company, copy, witnessed, shelf).red() == [("table_present", "extra.m")]


@pytest.mark.usefixtures("_extra")
def test_a_table_of_another_access_method_is_no_proof(company: Company) -> None:
    company.run(
        "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;"
        "CREATE TABLE extra.a USING heap2 AS SELECT 1 AS id"
    )
    try:
        shelf = Shelf()
        witnessed = see_with(company, shelf, {})
        copy = company.restore(witnessed["restore_time"])
        outcome = extra(company, copy, witnessed, shelf)
        assert outcome.unsure() == [("rows", "extra.a")]
        assert outcome.of("table_present", "extra.a")[0].status == "passed"
        company.run("DROP TABLE extra.a", copy)
        assert extra(company, copy, witnessed, shelf).red() == [("table_present", "extra.a")]
    finally:
        company.run("DROP ACCESS METHOD heap2 CASCADE")


@pytest.mark.usefixtures("_extra")
def test_a_connection_lost_halfway_keeps_what_was_read(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, read = passing._attempt, []

    def lost_at_the_second(*given: Any) -> Any:
        read.append(given[2].name)
        if read.count("u") == 1 or read[-2:] == ["t", "u"]:
            raise TryAgain("the connection was lost")
        return attempt(*given)

    monkeypatch.setattr(passing, "_attempt", lost_at_the_second)
    login, shelf = company.login(company.source), Shelf()
    witnessed = see(Source(reader=login, writer=login), shelf, settings=drill(schemas=["extra"]))
    large_objects = ["pg_largeobject_metadata"]  # with the catalogs, before T and after it
    first, turn, second = ["t", "u", "u"], ["t", "u"], ["u"]
    assert read == [*first, *large_objects, *turn, *large_objects, *second]
    assert (witnessed["exact"], witnessed["bounded"]) == (1, 1)
    monkeypatch.setattr(passing, "_attempt", lambda *_: lost_at_once())
    with pytest.raises(TryAgain):
        see(Source(reader=login, writer=login), Shelf(), settings=drill(schemas=["extra"]))


def lost_at_once() -> None:
    raise TryAgain("the connection was lost")


@pytest.mark.usefixtures("_extra")
def test_a_table_altered_around_the_restore_point_may_have_either_form(company: Company) -> None:
    shelf = Shelf()
    witnessed = see_with(
        company,
        shelf,
        {"second": lambda: company.run("ALTER TABLE extra.u ADD COLUMN late int")},
    )
    entry = table(shelf, witnessed, "u")
    assert len(entry["columns_after"]) == len(entry["columns_before"]) + 1
    copy = company.login(company.restore(witnessed["restore_time"]))
    outcome = judge(copy, witnessed, shelf, settings=drill(schemas=["extra"]))
    assert outcome.red() == outcome.unsure() == []


def test_what_is_excluded_goes_with_its_partitions(company: Company) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    settings = drill(exclude=["sales.events", "people.hidden"])
    witnessed = see(Source(reader=login, writer=login), shelf, settings=settings)
    excluded = dict(shelf.get_json(witnessed["manifest"])["excluded"])
    reason = "excluded by configuration"
    assert {name for name, why in excluded.items() if why == reason} == {
        "people.hidden",
        "sales.events",
        "sales.events_new",
        "sales.events_old",
    }
    assert witnessed["exact"] == COUNTED - 3


@pytest.mark.usefixtures("_extra")
def test_a_locked_table_is_tried_again_and_then_given_up(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database._PINNED, "lock_timeout", "50ms")
    shelf = Shelf()
    with company.source.connect("shop") as connection, connection.transaction():
        connection.execute("LOCK TABLE extra.t IN ACCESS EXCLUSIVE MODE")
        witnessed = see_with(company, shelf, {})
    entry = table(shelf, witnessed, "t")
    assert entry["level"] == "none"
    assert entry["reason"] == "LockNotAvailable: canceling statement due to lock timeout (55P03)"
    assert table(shelf, witnessed, "u")["level"] == "exact"

    held = company.source.connect("shop")
    held.execute("BEGIN; LOCK TABLE extra.t IN ACCESS EXCLUSIVE MODE")
    released = Shelf()
    calls = 0

    def call(previous: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls == 2:
            held.close()
        return witness.advance(
            source=Source(reader=login, writer=login),
            drill=drill(schemas=["extra"]),
            plan=plan(),
            previous=previous,
            evidence=released,
            remaining_seconds=plenty,
        )

    login = company.login(company.source)
    assert table(released, drive(call), "t")["level"] == "exact"


def test_a_role_that_may_not_see_all_rows_gives_no_bounds(company: Company) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    company.run("ALTER ROLE backup_drills_verifier NOBYPASSRLS")
    try:
        witnessed = see(Source(reader=login, writer=login), shelf)
    finally:
        company.run("ALTER ROLE backup_drills_verifier BYPASSRLS")
    entry = table(shelf, witnessed, "hidden")
    assert entry["level"] == "none"
    assert "row-level security" in entry["reason"]
    assert witnessed["exact"] == COUNTED - 1


@pytest.mark.usefixtures("_extra")
def test_a_restart_around_the_restore_point_voids_the_witness(company: Company) -> None:
    def restart() -> None:
        company.source.stop()
        company.source.start()

    with pytest.raises(SourceChanged):
        see_with(company, Shelf(), {"second": restart})


@pytest.mark.usefixtures("_extra")
def test_without_the_heartbeat_table_the_remedy_is_named(company: Company) -> None:
    company.run("REVOKE INSERT ON backup_drills.heartbeat FROM backup_drills_verifier")
    try:
        with pytest.raises(HeartbeatMissing, match=r"install\.sql"):
            see_with(company, Shelf(), {})
    finally:
        company.run("GRANT INSERT ON backup_drills.heartbeat TO backup_drills_verifier")


@pytest.mark.usefixtures("_extra")
def test_with_heartbeat_off_nothing_is_written_and_rows_are_still_compared(
    company: Company,
) -> None:
    (before,) = company.run("SELECT count(*) FROM backup_drills.heartbeat")
    shelf = Shelf()
    witnessed = see_with(company, shelf, {}, heartbeat=False)
    assert company.run("SELECT count(*) FROM backup_drills.heartbeat") == [before]
    assert witnessed["marker"] == {"before": None, "after": None}
    copy = company.login(company.restore(witnessed["restore_time"]))
    outcome = judge(copy, witnessed, shelf, settings=drill(schemas=["extra"], heartbeat=False))
    assert outcome.red() == outcome.unsure() == []
    assert outcome.answer["at_restore_point"] is None
    for name in ("marker_before", "marker_after"):
        (check,) = outcome.of(name)
        assert check.by_configuration
        assert check.detail == "not measured: heartbeat is off"
    assert {check.level for check in outcome.counts()} == {"exact"}


@pytest.mark.parametrize(
    ("schemas", "message"),
    [(["sale"], "schemas: sale: not in the database shop"), (["backup_drills"], "not in the")],
)
def test_a_schema_that_is_not_there(company: Company, schemas: list[str], message: str) -> None:
    login = company.login(company.source)
    with pytest.raises(NothingToWitness, match=message):
        see(Source(reader=login, writer=login), Shelf(), settings=drill(schemas=schemas))


@pytest.mark.usefixtures("_extra")
def test_a_schema_without_tables(company: Company) -> None:
    company.run("DROP TABLE extra.t, extra.u")
    with pytest.raises(NothingToWitness, match="hold no table"):
        see_with(company, Shelf(), {})


def test_nobody_answers(company: Company) -> None:
    shut = LoginFront(context=company.authority.context)
    login = replace(company.login(company.source), port=shut.port)
    with pytest.raises(TryAgain, match="Connection refused"):
        see(Source(reader=login, writer=login), Shelf())
    shut.release()


def test_a_reader_that_lags_is_waited_for(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    standby = company.standby()
    try:
        source = Source(reader=company.login(standby), writer=company.login(company.source))
        shelf = Shelf()

        def call(previous: Mapping[str, Any]) -> dict[str, Any]:
            answer = witness.advance(
                source=source,
                drill=drill(),
                plan=plan(),
                previous=previous,
                evidence=shelf,
                remaining_seconds=plenty,
            )
            return dict(json.loads(json.dumps(answer)))

        answer = call(call({}))
        assert answer["progress"]["phase"] == "turn"
        standby.run("SELECT pg_wal_replay_pause()::text")
        while answer["waiting_for"] != "the reader to show the marker":
            answer = call(answer)
        assert not call(answer)["done"]
        monkeypatch.setattr(witness, "READER_LAG", witness.READER_LAG * 0)
        with pytest.raises(ReaderBehind):
            call(answer)
        monkeypatch.undo()
        standby.run("SELECT pg_wal_replay_resume()::text")
        done = drive(lambda previous: call(previous or answer))
        assert (done["exact"], done["bounded"]) == (0, COUNTED)
    finally:
        standby.stop()


def _sleep_until(altered: threading.Timer, session: database.Session) -> None:
    altered.start()
    with session.snapshot(seconds=30):
        session.ask("SELECT count(*), pg_sleep(20) FROM extra.t")


@pytest.mark.usefixtures("_extra")
def test_a_conflict_with_recovery_passes(company: Company) -> None:
    standby = company.standby(max_standby_streaming_delay="0", hot_standby_feedback="off")
    try:
        while not standby.run("SELECT to_regclass('extra.t') IS NOT NULL")[0][0]:
            pass
        login = company.login(standby)
        altered = threading.Timer(0.5, company.run, ["ALTER TABLE extra.t ADD COLUMN other int"])
        with (
            pytest.raises(TryAgain, match="conflict with recovery"),
            database.session(login, application="test") as session,
        ):
            _sleep_until(altered, session)
        altered.join()
    finally:
        standby.stop()


def test_a_reader_behind_its_own_past_is_noticed(company: Company) -> None:
    """The reader's endpoint may lead to another server, which has replayed less."""
    with database.connect(company.login(company.source), application="test") as session:
        ahead = session.one("server")["next_xid"] + 1000
        chunk = Chunk(start=0, end=None, horizon=ahead, next_xid=ahead, old=Digest(), rows=0)
        relation = scanning.Relation(schema="sales", name="quiet")
        with (
            scanning.opened(session, relation, seconds=10) as storage,
            pytest.raises(scanning.Behind),
        ):
            scanning.read_again(session, relation, storage, [chunk])
