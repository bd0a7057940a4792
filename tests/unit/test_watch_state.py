"""The state document: what it holds, since when a thing is open, and how it is read back."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from functions import clock
from functions.health import Finding, Gauge, Health
from functions.watch import state
from functions.watch.conditions import OF_DRILLS, OF_SOURCES, OF_WATCH
from functions.watch.metrics import GAUGES_OF_SOURCES, finished, measures
from tests.unit.watch_samples import NOW, WATCHED, healthy_drill

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs/state.schema.json").read_text()))


def told(
    *,
    sources: dict[tuple[str, str], Health] | None = None,
    drills: dict[str, Health] | None = None,
    now: datetime = NOW,
    before: state.State | None = None,
    watch: Sequence[Finding] = (),
) -> state.State:
    """The state of the sample, healthy but for what is given."""
    made = state.document(
        WATCHED,
        sources={(s.kind, s.name): Health() for s in WATCHED.sources} | (sources or {}),
        drills={d.name: healthy_drill() for d in WATCHED.drills} | (drills or {}),
        watch=watch,
        now=now,
        before=before,
    )
    SCHEMA.validate(made)
    return made


def wrong(condition: str, text: str = "it is not right") -> Health:
    return Health(findings=(Finding(condition=condition, text=text),), facts=healthy_drill().facts)


def test_nothing_is_open_where_all_is_well() -> None:
    made = told()
    assert made["open"] == {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert [source["name"] for source in made["sources"]] == ["shop", "files", "password"]
    assert state.open_items(made) == []


def test_a_finding_has_the_severity_of_its_condition_or_of_its_drill() -> None:
    made = told(
        sources={("s3_versions", "files"): wrong("versioning-off")},
        drills={"shop-monthly": wrong("overdue"), "password-monthly": wrong("schedule-off")},
    )
    found = [(item.severity, item.name, item.condition) for item in state.open_items(made)]
    assert found == [
        ("critical", "files", "versioning-off"),
        ("high", "password-monthly", "schedule-off"),
        ("medium", "shop-monthly", "overdue"),
    ]
    assert made["open"] == {"critical": 1, "high": 1, "medium": 1, "low": 0}


def test_a_finding_keeps_the_time_since_when_it_is_open() -> None:
    stale = {("aurora", "shop"): wrong("backup-stale", "20 min behind")}
    first = told(sources=stale)
    later = NOW + timedelta(hours=1)
    worse = Health(
        findings=(
            Finding(condition="backup-stale", text="80 min behind"),
            Finding(condition="unprotected", text="the key is disabled"),
        )
    )
    second = told(sources={("aurora", "shop"): worse}, now=later, before=first)
    since = {item.condition: item.since for item in state.open_items(second)}
    assert since == {"backup-stale": clock.render(NOW), "unprotected": clock.render(later)}

    mended = told(now=later, before=second)
    again = told(sources=stale, now=later + timedelta(hours=1), before=mended)
    (item,) = state.open_items(again)
    assert item.since == clock.render(later + timedelta(hours=1))


def test_what_is_open_of_one_is_not_open_of_another_of_the_same_name() -> None:
    before = told(sources={("aurora", "shop"): wrong("advice")})
    later = NOW + timedelta(hours=1)
    made = told(
        sources={("s3_versions", "files"): wrong("advice")},
        drills={"shop-monthly": wrong("overdue")},
        now=later,
        before=before,
    )
    assert {item.since for item in state.open_items(made)} == {clock.render(later)}


LATER = NOW + timedelta(hours=1)
UNREAD = Finding(condition="unreadable", text="GetBucketVersioning could not be asked")
FILES = ("s3_versions", "files")


def published(made: state.State, name: str) -> dict[str, float]:
    """The counts of a source or of a drill, by condition."""
    return {
        measure.dimensions["Condition"]: measure.value
        for measure in measures(made)
        if measure.name == "Findings" and name in measure.dimensions.values()
    }


def test_what_could_not_be_judged_is_not_counted_as_nothing() -> None:
    made = told(sources={FILES: Health(findings=(UNREAD,))})
    assert published(made, "files") == {"unreadable": 1.0}
    assert set(made["sources"][1]["unjudged"]) == {
        each.name for each in OF_SOURCES["s3_versions"] if each.name != "unreadable"
    }


def test_what_was_found_although_something_was_unread_is_counted() -> None:
    also = (UNREAD, *wrong("versioning-off").findings)
    made = told(sources={FILES: Health(findings=also)})
    assert published(made, "files") == {"unreadable": 1.0, "versioning-off": 1.0}


def test_what_was_open_stays_open_while_nobody_can_look() -> None:
    first = told(sources={FILES: wrong("versioning-off", "is Suspended")})
    blind = {FILES: Health(findings=(UNREAD,))}
    second = told(sources=blind, now=LATER, before=first)
    third = told(sources=blind, now=LATER + timedelta(hours=1), before=second)
    for made in (second, third):
        (item,) = [each for each in state.open_items(made) if each.condition == "versioning-off"]
        assert (item.text, item.since) == ("is Suspended", clock.render(NOW))
        assert (item.is_unseen, item.seen) == (True, clock.render(NOW))
        assert made["open"] == {"critical": 1, "high": 1, "medium": 0, "low": 0}
        assert published(made, "files") == {"unreadable": 1.0}, "it keeps its alarm as it is"
    again = told(
        sources={FILES: wrong("versioning-off")}, now=LATER + timedelta(hours=2), before=third
    )
    (item,) = state.open_items(again)
    assert (item.since, item.is_unseen) == (clock.render(NOW), False)


def test_a_complete_look_that_does_not_find_it_closes_it() -> None:
    first = told(sources={FILES: wrong("versioning-off")})
    blind = told(sources={FILES: Health(findings=(UNREAD,))}, now=LATER, before=first)
    made = told(now=LATER + timedelta(hours=1), before=blind)
    assert state.open_items(made) == []
    cleared = {
        measure.dimensions["Condition"]: measure.value
        for measure in measures(made, blind)
        if measure.dimensions.get("Source") == "files"
    }
    assert cleared["versioning-off"] == 0.0, "also where little is told: its alarm waits for it"


def test_what_could_not_be_read_before_is_no_longer_unread() -> None:
    before = told(sources={FILES: Health(findings=(UNREAD,))})
    made = told(sources={FILES: wrong("unreadable", "another")}, now=LATER, before=before)
    (item,) = state.open_items(made)
    assert (item.text, item.is_unseen, item.since) == ("another", False, clock.render(NOW))


def test_of_a_drill_only_what_could_not_be_judged_stays() -> None:
    both = Health(
        findings=(*wrong("overdue").findings, *wrong("schedule-off").findings),
        facts=healthy_drill().facts,
    )
    first = told(drills={"shop-monthly": both})
    unread = Health(
        findings=(Finding(condition="unreadable-run", text="GetSchedule"),),
        facts={**healthy_drill().facts, "unjudged": ["schedule-off"]},
    )
    made = told(drills={"shop-monthly": unread}, now=LATER, before=first)
    assert {item.condition for item in state.open_items(made)} == {"unreadable-run", "schedule-off"}
    assert published(made, "shop-monthly") == {
        "overdue": 0.0,
        "objective-missed": 0.0,
        "unreadable-run": 1.0,
    }


def test_a_drill_that_could_not_be_judged_is_as_overdue_as_it_was() -> None:
    blind = Health(
        findings=(Finding(condition="unreadable-run", text="Query"),),
        facts={**healthy_drill().facts, "unjudged": ["overdue", "objective-missed"]},
    )
    for first, value in ((told(), 0.0), (told(drills={"shop-monthly": wrong("overdue")}), 1.0)):
        made = told(drills={"shop-monthly": blind}, now=LATER, before=first)
        assert published(made, "shop-monthly")["overdue"] == value
        assert "objective-missed" not in published(made, "shop-monthly")


def test_what_is_found_of_the_watch_itself() -> None:
    off = Finding(condition="watch-schedule-off", text="the schedule sweeper is not there")
    first = told(watch=[off])
    made = told(watch=[off], now=LATER, before=first)
    (item,) = state.open_items(made)
    assert (item.of, item.name, item.severity) == ("watch", WATCHED.stack, "high")
    assert item.since == clock.render(NOW)
    counted = [m for m in measures(made) if m.dimensions == {"Condition": "watch-schedule-off"}]
    assert [m.value for m in counted] == [1.0]
    assert state.open_items(told(now=LATER, before=made)) == []


def test_a_state_of_before_the_watch_was_told_is_read() -> None:
    old = {name: value for name, value in told().items() if name != "watch"}
    for each in (*old["sources"], *old["drills"]):
        del each["unjudged"]
    assert state.open_items(state.read(old)) == []
    assert state.open_items(told(now=LATER, before=old)) == []


@pytest.mark.parametrize("condition", ["backup-stale", "nonsense"])
def test_a_condition_that_nothing_counts_there_is_not_silence(condition: str) -> None:
    made = told(
        sources={("secret_rotation", "password"): wrong(condition)},
        drills={"shop-monthly": wrong(condition)},
    )
    assert [item.condition for item in state.open_items(made)] == ["unreadable", "unreadable-run"]
    assert condition in state.open_items(made)[0].text
    counted = {m.dimensions["Condition"]: m.value for m in measures(made) if m.value == 1}
    assert set(counted) == {"unreadable", "unreadable-run"}


def test_every_condition_that_alarms_is_counted_of_all_that_is_watched() -> None:
    counted = [measure for measure in measures(told()) if measure.name == "Findings"]
    expected = [
        *(
            {"Condition": condition.name, "Kind": source.kind, "Source": source.name}
            for source in WATCHED.sources
            for condition in OF_SOURCES[source.kind]
        ),
        *(
            {"Condition": condition.name, "Drill": drill.name}
            for drill in WATCHED.drills
            for condition in OF_DRILLS
            if condition.alarms
        ),
        *({"Condition": condition.name} for condition in OF_WATCH),
    ]
    assert [measure.dimensions for measure in counted] == expected
    assert {(measure.value, measure.unit) for measure in counted} == {(0.0, "Count")}


def test_gauges_are_measures_of_their_own_unit() -> None:
    lag = Gauge(name="RestorableLagSeconds", value=301.23456, unit="Seconds")
    since = Gauge(name="DaysSinceProof", value=3, unit="None")
    new = Gauge(name="SomethingNew", value=1, unit="Bytes")
    made = told(
        sources={("aurora", "shop"): Health(gauges=(lag, new))},
        drills={"shop-monthly": Health(gauges=(since,), facts=healthy_drill().facts)},
    )
    found = [m for m in measures(made) if m.name != "Findings"]
    assert [(m.name, m.value, m.unit, m.dimensions) for m in found] == [
        ("RestorableLagSeconds", 301.235, "Seconds", {"Kind": "aurora", "Source": "shop"}),
        ("SomethingNew", 1.0, "None", {"Kind": "aurora", "Source": "shop"}),
        ("DaysSinceProof", 3.0, "None", {"Drill": "shop-monthly"}),
    ]


@pytest.mark.parametrize("kind", GAUGES_OF_SOURCES)
def test_a_kind_has_the_gauges_that_the_graphs_expect_of_it(kind: str) -> None:
    told = {}
    for node in ast.walk(ast.parse((ROOT / f"functions/{kind}/health.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Gauge":
            given = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            told[given["name"]] = given["unit"]
    assert told == GAUGES_OF_SOURCES[kind]


def test_two_findings_of_a_condition_count_as_two() -> None:
    two = Health(findings=(*wrong("advice", "a").findings, *wrong("advice", "b").findings))
    made = told(sources={("aurora", "shop"): two})
    (measure,) = [m for m in measures(made) if m.value]
    assert measure.value == 2


def test_a_finished_collection_says_so_without_a_dimension() -> None:
    assert [(m.name, m.value, m.dimensions) for m in finished()] == [("Collections", 1.0, {})]


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ([], "is a list"),
        ({}, "version None"),
        ({"state_version": 2}, "version 2"),
        ({"state_version": 1}, "KeyError"),
        ({"state_version": 1, "collected_at": "now"}, "not an RFC 3339 time"),
        ({"state_version": 1, "collected_at": "2026-11-02T05:00:00Z", "sources": 3}, "KeyError"),
        (
            {
                "state_version": 1,
                "collected_at": "2026-11-02T05:00:00Z",
                "sources": [{"findings": [{"severity": "dreadful"}]}],
                "drills": [],
            },
            "KeyError",
        ),
    ],
)
def test_what_is_no_state_is_told_by_name(broken: Any, says: str) -> None:
    with pytest.raises(state.NotAState, match=says):
        state.read(broken)


def test_a_state_that_was_stored_is_read_back() -> None:
    made = told(sources={("aurora", "shop"): wrong("advice")})
    assert state.read(json.loads(json.dumps(made))) == made


def test_a_state_is_fresh_for_three_hours() -> None:
    made = told()
    assert state.is_fresh(made, NOW + timedelta(hours=3))
    assert not state.is_fresh(made, NOW + timedelta(hours=3, seconds=1))


def test_each_hour_has_its_own_key() -> None:
    assert state.history_key(datetime(2026, 1, 2, 3, 59, 59, tzinfo=UTC)) == (
        "_watch/2026/01/02/03.json"
    )


def counts(made: state.State, before: state.State) -> dict[str, float]:
    return {
        measure.dimensions["Condition"]: measure.value
        for measure in measures(made, before)
        if measure.name == "Findings" and measure.dimensions.get("Source") == "shop"
    }


def test_within_six_hours_only_what_is_wrong_or_was_is_counted() -> None:
    """An alarm that ignores missing data needs a 0 to clear, and then no more."""
    wrong_now = {("aurora", "shop"): wrong("backup-stale")}
    well, found = told(), told(sources=wrong_now)
    assert counts(well, well) == {}
    assert counts(found, well) == {"backup-stale": 1.0}
    assert counts(found, found) == {"backup-stale": 1.0}
    assert counts(well, found) == {"backup-stale": 0.0}


def test_everything_is_counted_four_times_a_day_and_of_what_is_new() -> None:
    well = told()
    later = {**well, "collected_at": clock.after(well["collected_at"], 6 * 3600)}
    assert measures(later, well) == measures(later)
    without = {**well, "sources": [each for each in well["sources"] if each["name"] != "shop"]}
    assert set(counts(well, without)) == {each.name for each in OF_SOURCES["aurora"]}


def test_an_overdue_drill_and_a_restorable_time_are_told_every_hour() -> None:
    lag = Gauge(name="RestorableLagSeconds", value=301.0, unit="Seconds")
    window = Gauge(name="RestorableWindowSeconds", value=604_800.0, unit="Seconds")
    made = told(sources={("aurora", "shop"): Health(gauges=(lag, window))})
    kept = measures(made, made)
    assert {m.name for m in kept} == {"RestorableLagSeconds", "Findings"}
    assert {m.dimensions["Condition"] for m in kept if m.name == "Findings"} == {"overdue"}
