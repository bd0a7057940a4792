"""Restore points without a witness: in the past, or of a source that is not read at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions import clock
from functions.aurora import witness
from functions.aurora.witness_work import Source
from lab.postgres import Server
from tests.steps.company import (
    RECORDED,
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


@pytest.fixture(scope="module")
def moment(company: Company) -> str:
    """A whole second in the middle of heartbeats, one every fifth of a second."""
    for _ in range(50):
        company.run(
            "INSERT INTO backup_drills.heartbeat (id, drill, run_id, position)"
            " SELECT gen_random_uuid(), 'beats', 'beats', 'beat'"
        )
        time.sleep(0.2)
    (row,) = company.run(
        "SELECT date_trunc('second', max(beat_at) - interval '4 seconds')"
        " FROM backup_drills.heartbeat WHERE position = 'beat'"
    )
    return clock.render(row[0])


def test_heartbeats_tell_where_a_past_restore_landed(company: Company, moment: str) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    planned = plan(moment, required="counted")
    company.run("CREATE TABLE sales.younger (id int)")
    try:
        witnessed = see(Source(reader=login, writer=login), shelf, planned=planned)
    finally:
        company.run("DROP TABLE sales.younger")
    assert witnessed["restore_time"] == moment
    assert witnessed["bounded"] == 0
    waits = clock.parse(witnessed["restorable_after"]) - clock.parse(moment)
    assert timedelta(seconds=1.9) < waits < timedelta(seconds=3)

    copy = company.login(company.restore(moment))
    outcome = judge(copy, witnessed, shelf, planned=planned)
    assert outcome.red() == []
    # Whether a table that is on the source now was there already, nobody knows.
    assert outcome.unsure() == [("table_present", "sales.younger")]
    assert outcome.answer["at_restore_point"] is True
    (beats,) = outcome.of("heartbeats")
    assert beats.status == "passed"
    assert beats.detail.startswith("the nearest heartbeats are 2.")
    assert {check.level for check in outcome.counts()} == {"counted"}
    assert outcome.of("tables")[0].status == "passed"

    for seconds in (-4, 4):
        elsewhere = clock.parse(moment) + timedelta(seconds=seconds)
        wrong = judge(company.login(company.restore(elsewhere)), witnessed, shelf, planned=planned)
        assert [name for name, _ in wrong.red()] == ["heartbeats"], seconds
        assert wrong.answer["units"] == []


def test_without_heartbeats_a_past_restore_point_is_not_measured(
    company: Company, moment: str
) -> None:
    login = company.login(company.source)
    shelf = Shelf()
    planned = plan(moment, required="counted")
    settings = drill(heartbeat=False)
    witnessed = see(Source(reader=login, writer=login), shelf, settings=settings, planned=planned)
    copy = company.login(company.restore(moment))
    outcome = judge(copy, witnessed, shelf, settings=settings, planned=planned)
    assert outcome.red() == outcome.unsure() == []
    assert outcome.of("heartbeats")[0].by_configuration
    assert outcome.answer["at_restore_point"] is None


def test_a_source_that_is_not_read(company: Company, moment: str) -> None:
    settings = drill(witness={"endpoint": "none"}, heartbeat=False)
    shelf = Shelf()
    latest = see(None, shelf, settings=settings)
    assert latest["restore_time"] == plan()["source"]["latest_restorable_time"]
    planned = plan(moment, required="counted")
    witnessed = see(None, shelf, settings=settings, planned=planned)
    assert witnessed == {**latest, "restore_time": moment, "restorable_after": moment}
    assert shelf.objects == {}
    restored = company.restore(moment)
    copy = company.login(restored)
    outcome = judge(copy, witnessed, shelf, settings=settings, planned=planned)
    assert outcome.red() == outcome.unsure() == []
    assert len(outcome.counts()) == RECORDED
    assert [check.target for check in outcome.of("schema_present")] == ["people", "sales"]
    assert outcome.of("rows", "sales.cache")[0].by_configuration
    assert outcome.of("tables")[0].status == "passed"
    assert outcome.of("heartbeats")[0].detail == "not measured: the configuration has no witness"
    company.run("DROP SCHEMA people CASCADE", restored)
    lost = judge(copy, witnessed, shelf, settings=settings, planned=planned)
    assert lost.red() == [("schema_present", "people")]
    company.run("TRUNCATE sales.quiet, sales.busy, sales.queue, sales.events", restored)
    company.run('TRUNCATE sales."Odd ""name"; DROP MATERIALIZED VIEW sales.totals', restored)
    empty = judge(copy, witnessed, shelf, settings=settings, planned=planned)
    assert empty.unsure() == [("any_row", "shop")]


@dataclass(frozen=True)
class Past:
    """A restore to a moment in the past, right but for what a test does to it."""

    company: Company
    copy: Server
    shelf: Shelf
    witnessed: dict[str, Any]
    moment: str

    def judged(self, required: str = "counted") -> Outcome:
        planned = plan(self.moment, required=required)
        login = self.company.login(self.copy)
        return judge(login, self.witnessed, self.shelf, planned=planned)

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(self.shelf.get_json(self.witnessed["manifest"]))

    def change(self, **changes: Any) -> None:
        """Change the manifest."""
        self.shelf.put_json(self.witnessed["manifest"], self.manifest | changes)

    def another_run(self, day: int, **changes: Any) -> None:
        """Leave the manifest of another run of the drill."""
        key = f"shop-monthly/2026/202610{day:02}-aaaaaa/witness/manifest.json"
        self.shelf.put_json(key, self.manifest | changes)


@pytest.fixture
def past(company: Company, moment: str) -> Past:
    login, shelf = company.login(company.source), Shelf()
    planned = plan(moment, required="counted")
    witnessed = see(Source(reader=login, writer=login), shelf, planned=planned)
    return Past(company, company.restore(moment), shelf, witnessed, moment)


def test_heartbeats_on_one_side_do_not_tell_where_a_restore_has_landed(past: Past) -> None:
    at = clock.parse(past.moment)
    beats = [(name, datetime.fromisoformat(when)) for name, when in past.manifest["heartbeats"]]
    before = [(name, when) for name, when in beats if when < at]
    after = [(name, when) for name, when in beats if when > at]
    far = timedelta(days=20)
    wide = [(n, t - far) for n, t in before] + [(n, t + far) for n, t in after]

    def landed(known: list[tuple[str, datetime]]) -> tuple[bool | None, str, str]:
        past.change(heartbeats=[(name, when.isoformat()) for name, when in known])
        outcome = past.judged()
        (check,) = outcome.of("heartbeats")
        assert not check.by_configuration
        assert outcome.answer["units"] or check.status == "failed"
        return outcome.answer["at_restore_point"], check.status.value, check.detail

    unsure = (None, "not_run")
    assert landed(beats)[:2] == (True, "passed")
    assert landed([])[:2] == unsure
    assert landed(before)[:2] == unsure
    assert landed(after)[:2] == unsure
    assert landed(wide)[:2] == unsure
    assert "40.0 days apart" in landed(wide)[2]
    past.company.run("DROP SCHEMA backup_drills CASCADE", past.copy)
    assert landed(after)[:2] == unsure
    assert landed(beats)[:2] == (False, "failed")


def test_a_past_restore_that_lost_tables_does_not_pass(past: Past) -> None:
    healthy = past.judged()
    assert healthy.red() == healthy.unsure() == []
    assert healthy.of("any_row")[0].status == "passed"
    past.company.run("DROP TABLE sales.quiet CASCADE", past.copy)
    lost = [("table_present", "sales.quiet"), ("table_present", "sales.totals")]
    assert past.judged().red() == []
    assert past.judged().unsure() == lost
    assert past.judged("none").unsure() == []

    at = clock.parse(past.moment)
    earlier, later = (clock.render(at + timedelta(hours=span)) for span in (-1, 1))
    rest = [t for t in past.manifest["tables"] if t["name"] not in ("quiet", "totals")]
    past.another_run(3, listed_at=later, source="cluster-B/shop", tables=rest)
    past.another_run(2, listed_at=earlier, source="cluster-B/shop")
    assert past.judged().unsure() == lost
    past.another_run(2, listed_at=earlier)
    assert past.judged().red() == lost
    past.another_run(
        2, listed_at=earlier, tables=[{**t, "oid": 1} for t in past.manifest["tables"]]
    )
    assert past.judged().unsure() == lost
    past.another_run(3, listed_at=later, tables=rest)
    known = past.judged()
    assert known.red() == known.unsure() == []
    assert known.of("table_present", "sales.quiet")[0].expected == "absent: it is younger"


def test_a_past_restore_that_lost_every_row_does_not_pass(past: Past) -> None:
    past.company.run(
        "TRUNCATE sales.quiet, sales.busy, sales.queue, sales.events, people.hidden;"
        'TRUNCATE sales."Odd ""name"; REFRESH MATERIALIZED VIEW sales.totals WITH NO DATA',
        past.copy,
    )
    outcome = past.judged()
    assert ("any_row", "shop") in outcome.unsure()
    past.change(holds_rows=False)
    assert not past.judged().of("any_row")


def test_a_moment_that_is_hardly_past_is_let_go_by(company: Company) -> None:
    login, shelf = company.login(company.source), Shelf()
    moment = clock.render(datetime.now(UTC).replace(microsecond=0))
    calls: list[dict[str, Any]] = []

    def call(previous: Mapping[str, Any]) -> dict[str, Any]:
        calls.append(
            witness.advance(
                source=Source(reader=login, writer=login),
                drill=drill(),
                plan=plan(moment, required="counted"),
                previous=previous,
                evidence=shelf,
                remaining_seconds=plenty,
            )
        )
        return calls[-1]

    done = drive(call)
    assert calls[0]["waiting_for"] == "the restore point to go by"
    assert clock.parse(done["restorable_after"]) > clock.parse(moment) + timedelta(seconds=1.9)
