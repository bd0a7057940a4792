"""Restore points without a witness: in the past, or of a source that is not read at all."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from functions import clock
from functions.aurora.witness import Source
from tests.steps.company import COUNTED, Company, Shelf, drill, judge, plan, see

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

    copy = company.login(company.restore(moment))
    outcome = judge(copy, witnessed, shelf, planned=planned)
    assert outcome.red() == outcome.unsure() == []
    assert outcome.answer["at_restore_point"] is True
    (beats,) = outcome.of("heartbeats")
    assert beats.status == "passed"
    assert "before the restore point" in beats.detail
    (younger,) = outcome.of("table_present", "sales.younger")
    assert younger.by_configuration
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
    assert witnessed == {**latest, "restore_time": moment}
    assert shelf.objects == {}
    copy = company.login(company.restore(moment))
    outcome = judge(copy, witnessed, shelf, settings=settings, planned=planned)
    assert outcome.red() == outcome.unsure() == []
    assert len(outcome.counts()) == COUNTED
    assert outcome.of("tables")[0].status == "passed"
    assert outcome.of("heartbeats")[0].detail == "not measured: the configuration has no witness"
