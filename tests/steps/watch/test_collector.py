"""The collector's handler: everything is told, whatever fails; what fails is told of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError
from jsonschema import Draft202012Validator

from functions import clock, kinds
from functions.health import Finding, Gauge, Health
from functions.ledger import Ledger
from functions.watch import state
from functions.watch.collector import collect
from functions.watch.conditions import OF_DRILLS, OF_SOURCES, OF_WATCH
from functions.watch.due import Remembered, remember
from functions.watch.watched import NotAWatchList, OwnSchedule, Source, Watched
from lab.emulator import Call
from tests.steps.watch.deployment import Context, Deployment
from tests.unit.watch_samples import WATCHED

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "docs/state.schema.json").read_text())
)
SHOP = ("aurora", "shop")

Examine = Callable[[Sequence[Source]], Iterator[tuple[Source, Health]]]


class Kinds:
    """Stand-ins for `functions.<kind>.examine`: healthy, unless a test puts another in place."""

    def __init__(self) -> None:
        self.looks: dict[str, Examine] = {}
        self.real = kinds.examiner

    def examiner(self, kind: str) -> kinds.Examine:
        if kind not in kinds.KINDS:
            return self.real(kind)

        def examine(sources: Sequence[Source], *, now: datetime) -> Iterator[tuple[Source, Health]]:
            assert now.tzinfo is UTC
            return self.looks.get(kind, self.healthy)(sources)

        return examine

    def healthy(self, sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        for source in sources:
            yield source, Health(facts={"looked": True})


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Examine]:
    """How each kind looks at its sources; none looks at a real one here."""
    made = Kinds()
    monkeypatch.setattr(kinds, "examiner", made.examiner)
    return made.looks


def kept(deployment: Deployment) -> state.State:
    """The state that was stored, which is as its schema says."""
    told = deployment.evidence.get_json(state.STATE_KEY)
    SCHEMA.validate(told)
    return state.read(told)


def found(deployment: Deployment) -> dict[str, list[str]]:
    """The conditions that are open, by what they are open of."""
    told: dict[str, list[str]] = {}
    for item in state.open_items(kept(deployment)):
        told.setdefault(item.name, []).append(item.condition)
    return told


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of embedded metrics, in order."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if '"_aws"' in line]


def passed(deployment: Deployment) -> None:
    """Every drill passed an hour ago."""
    now = datetime.now(UTC)
    started = clock.render(now - timedelta(hours=1))
    for each in WATCHED.drills:
        deployment.record(each.name, f"{now - timedelta(hours=1):%Y%m%d}-aaaaaa", started, "PASS")


def test_all_is_well(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    passed(deployment)
    answer = collect(deployment.watched(WATCHED), Context())

    nothing = {"critical": 0, "high": 0, "medium": 0, "low": 0}
    assert answer == {"sources": 3, "drills": 3, "findings": nothing}
    told = kept(deployment)
    assert told["open"] == nothing
    assert all(each["facts"]["looked"] for each in told["sources"])
    assert "are never restored for certain" in told["sources"][0]["facts"]["calendar"]
    assert "calendar" not in told["sources"][1]["facts"]
    lines = emitted(capsys)
    assert lines[-1]["Collections"] == [1.0]
    assert lines[-1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    counted = [line for line in lines if "Findings" in line]
    assert len(counted) == sum(len(OF_SOURCES[s.kind]) for s in WATCHED.sources) + 3 * sum(
        condition.alarms for condition in OF_DRILLS
    ) + len(OF_WATCH)
    assert {line["Findings"][0] for line in counted} == {0.0}
    proof = [line for line in lines if "DaysSinceProof" in line]
    assert {line["Drill"] for line in proof} == {each.name for each in WATCHED.drills}
    assert all("CostThisMonth" in line for line in proof)


def test_the_state_of_an_hour_stays_and_expires(deployment: Deployment) -> None:
    collect(deployment.watched(WATCHED), Context())
    told = kept(deployment)
    hour = state.history_key(clock.parse(told["collected_at"]))
    assert deployment.evidence.get_json(hour) == told
    for key in (hour, state.STATE_KEY):
        tags = deployment.s3.get_object_tagging(Bucket=deployment.settings.evidence_bucket, Key=key)
        assert tags["TagSet"] == [{"Key": "retention", "Value": "manifest"}]


def test_what_a_kind_finds_is_told_and_counted(
    deployment: Deployment, looks: dict[str, Examine], capsys: pytest.CaptureFixture[str]
) -> None:
    def stale(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        for source in sources:
            yield (
                source,
                Health(
                    gauges=(Gauge(name="RestorableLagSeconds", value=1500.0, unit="Seconds"),),
                    findings=(Finding(condition="backup-stale", text="25 min behind"),),
                ),
            )

    looks["aurora"] = stale
    passed(deployment)
    answer = collect(deployment.watched(WATCHED), Context())
    assert answer["findings"]["high"] == 1
    assert found(deployment) == {"shop": ["backup-stale"]}
    lines = emitted(capsys)
    (rings,) = [line for line in lines if line.get("Findings") == [1.0]]
    assert (rings["Condition"], rings["Kind"], rings["Source"]) == ("backup-stale", *SHOP)
    (lag,) = [line for line in lines if "RestorableLagSeconds" in line]
    assert lag["RestorableLagSeconds"] == [1500.0]


def test_since_when_it_is_open_outlives_a_collection(
    deployment: Deployment, looks: dict[str, Examine]
) -> None:
    def stale(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        yield sources[0], Health(findings=(Finding(condition="backup-stale", text="x"),))

    looks["aurora"] = stale
    event = deployment.watched(WATCHED)
    collect(event, Context())
    earlier = kept(deployment)
    earlier["sources"][0]["findings"][0]["since"] = "2026-11-02T05:00:00Z"
    deployment.evidence.put_json(state.STATE_KEY, earlier)
    collect(event, Context())
    (item,) = [i for i in state.open_items(kept(deployment)) if i.name == "shop"]
    assert item.since == "2026-11-02T05:00:00Z"


@pytest.mark.parametrize("stored", [[], {"state_version": 0}, {"state_version": 1}])
def test_a_last_state_of_another_shape_is_written_over(deployment: Deployment, stored: Any) -> None:
    deployment.evidence.put_json(state.STATE_KEY, stored)
    collect(deployment.watched(WATCHED), Context())
    assert kept(deployment)["state_version"] == 1


# What fails


def test_a_kind_that_raises_costs_nobody_else(
    deployment: Deployment, looks: dict[str, Examine], capsys: pytest.CaptureFixture[str]
) -> None:
    def raises(_: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        raise RuntimeError("nobody foresaw this")

    looks["s3_versions"] = raises
    passed(deployment)
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"files": ["unreadable"]}
    (item,) = state.open_items(kept(deployment))
    assert item.text == ("s3_versions files could not be asked: RuntimeError: nobody foresaw this")
    assert emitted(capsys)[-1]["Collections"] == [1.0]


def test_what_a_kind_told_before_it_raised_is_kept(
    deployment: Deployment, looks: dict[str, Examine]
) -> None:
    def raises(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        yield sources[0], Health()
        raise RuntimeError("the second is not there")

    looks["aurora"] = raises
    two = Watched(
        stack="s",
        schedule_group=deployment.group,
        sources=(Source(kind="aurora", name="one"), Source(kind="aurora", name="two")),
    )
    collect({"watched": two.to_document()}, Context())
    assert found(deployment) == {"two": ["unreadable"]}


def test_a_source_of_which_its_kind_says_nothing_is_not_forgotten(
    deployment: Deployment, looks: dict[str, Examine]
) -> None:
    looks["aurora"] = lambda _: iter(())
    passed(deployment)
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"shop": ["unreadable"]}


def test_a_kind_that_is_not_there_is_a_finding(deployment: Deployment) -> None:
    unknown = Watched(
        stack="s", schedule_group=deployment.group, sources=(Source(kind="tape", name="reel"),)
    )
    collect({"watched": unknown.to_document()}, Context())
    assert found(deployment) == {"reel": ["unreadable"]}


@pytest.mark.parametrize("facts", [{"at": datetime.now(UTC)}, {"ratio": float("nan")}])
def test_facts_that_json_cannot_hold_do_not_cost_the_state(
    deployment: Deployment, looks: dict[str, Examine], facts: Mapping[str, Any]
) -> None:
    def odd(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        yield sources[0], Health(facts=facts)

    looks["aurora"] = odd
    passed(deployment)
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"shop": ["unreadable"]}


@pytest.mark.parametrize("value", [None, "12", float("nan"), float("inf")])
def test_a_gauge_that_is_no_number_does_not_cost_the_state(
    deployment: Deployment, looks: dict[str, Examine], value: Any
) -> None:
    def odd(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        lag = Gauge(name="RestorableLagSeconds", value=value, unit="Seconds")
        well = Gauge(name="SnapshotAgeSeconds", value=12, unit="Seconds")
        advice = Finding(condition="advice", text="x")
        yield sources[0], Health(gauges=(lag, well), findings=(advice,), facts={"looked": True})

    looks["aurora"] = odd
    passed(deployment)
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"shop": ["unreadable", "advice"]}
    told = kept(deployment)["sources"][0]
    assert (told["gauges"], told["facts"]["looked"]) == ({"SnapshotAgeSeconds": 12}, True)


@pytest.mark.parametrize(
    "changed", [{"cron": "every day"}, {"timezone": "America/Atlantis"}], ids=["cron", "zone"]
)
def test_a_calendar_that_cannot_be_read_is_a_finding(
    deployment: Deployment, changed: dict[str, str]
) -> None:
    event = deployment.watched(WATCHED)
    passed(deployment)
    event["watched"]["drills"][0].update(changed)
    collect(event, Context())
    assert found(deployment) == {"shop": ["unreadable"], "shop-monthly": ["unreadable-run"]}


def test_a_kind_that_hangs_is_not_waited_for(
    deployment: Deployment, looks: dict[str, Examine], capsys: pytest.CaptureFixture[str]
) -> None:
    released = Event()

    def hangs(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        yield sources[0], Health()
        released.wait(30)

    looks["aurora"] = hangs
    two = Watched(
        stack="s",
        schedule_group=deployment.group,
        sources=(Source(kind="aurora", name="one"), Source(kind="aurora", name="two")),
    )
    try:
        collect({"watched": two.to_document()}, Context(31))
    finally:
        released.set()
    (item,) = state.open_items(kept(deployment))
    assert (item.name, item.condition) == ("two", "unreadable")
    assert "there was no time left for it" in item.text
    assert emitted(capsys)[-1]["Collections"] == [1.0]


def test_drills_that_there_is_no_time_for_are_told_as_unread(deployment: Deployment) -> None:
    event = deployment.watched(WATCHED)
    released = Event()

    def wait(call: Call) -> None:
        if call.service == "dynamodb":
            released.wait(30)

    deployment.emulator.before_call.append(wait)
    try:
        collect(event, Context(5))
    finally:
        released.set()
    told = found(deployment)
    assert {name: told[name] for name in told if name.endswith("-monthly")} == {
        each.name: ["unreadable-run"] for each in WATCHED.drills
    }


def test_a_ledger_that_cannot_be_read_is_a_finding_of_its_drill_alone(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    passed(deployment)
    event = deployment.watched(WATCHED)
    deployment.deny("dynamodb", "Query", where="files-monthly")
    collect(event, Context())
    assert found(deployment) == {"files-monthly": ["unreadable-run"]}
    facts = {each["name"]: each["facts"] for each in kept(deployment)["drills"]}
    assert facts["files-monthly"]["watched_since"] is None
    lines = emitted(capsys)
    proven = {line["Drill"] for line in lines if "DaysSinceProof" in line}
    assert proven == {"shop-monthly", "password-monthly"}
    overdue = {line["Drill"] for line in lines if line.get("Condition") == "overdue"}
    assert overdue == {each.name for each in WATCHED.drills}


def test_a_ledger_whose_entry_cannot_be_read_is_a_finding(deployment: Deployment) -> None:
    passed(deployment)
    deployment.emulator.client("dynamodb").put_item(
        TableName=deployment.settings.ledger_table,
        Item={
            "drill": {"S": "shop-monthly"},
            "item": {"S": f"run#{datetime.now(UTC):%Y%m%d}-broken"},
            "facts": {"S": "{"},
        },
    )
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"shop-monthly": ["unreadable-run"]}


def test_a_schedule_that_cannot_be_read_is_not_told_as_switched_off(
    deployment: Deployment,
) -> None:
    passed(deployment)
    event = deployment.watched(WATCHED)
    deployment.deny("scheduler", "GetSchedule", where="drill-shop-monthly")
    collect(event, Context())
    assert found(deployment) == {"shop-monthly": ["unreadable-run"]}
    (item,) = state.open_items(kept(deployment))
    assert item.text.startswith("the schedule drill-shop-monthly could not be asked: ClientError:")


def test_a_schedule_that_is_gone_is_told(deployment: Deployment) -> None:
    passed(deployment)
    event = deployment.watched(WATCHED)
    deployment.scheduler.delete_schedule(Name="drill-shop-monthly", GroupName=deployment.group)
    collect(event, Context())
    assert found(deployment) == {"shop-monthly": ["schedule-off"]}


OWN = (
    OwnSchedule(name="collector", expression="rate(1 hour)", timezone="UTC"),
    OwnSchedule(name="sweeper", expression="rate(1 hour)", timezone="UTC"),
    OwnSchedule(name="reminder", expression="cron(0 9 * * ? *)", timezone="America/Sao_Paulo"),
)


def test_the_watch_looks_at_its_own_schedules(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    passed(deployment)
    event = deployment.watched(replace(WATCHED, schedules=OWN))
    collect(event, Context())
    assert found(deployment) == {}
    [counted] = [line for line in emitted(capsys) if line.get("Condition") == "watch-schedule-off"]
    assert counted["Findings"] == [0.0]
    assert counted["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Condition"]]
    deployment.scheduler.delete_schedule(Name="sweeper", GroupName=deployment.group)
    deployment.deny("scheduler", "GetSchedule", where="reminder")
    collect(event, Context())
    told = kept(deployment)
    texts = [finding["text"] for finding in told["watch"]["findings"]]
    assert texts[0] == "the schedule sweeper is not there"
    assert texts[1].startswith("the schedule reminder could not be asked: ClientError:")
    assert found(deployment) == {WATCHED.stack: ["watch-schedule-off"] * 2}
    assert told["open"]["high"] == 2
    [counted] = [line for line in emitted(capsys) if line.get("Condition") == "watch-schedule-off"]
    assert counted["Findings"] == [2.0]


def test_what_was_open_stays_while_nobody_can_look(
    deployment: Deployment, looks: dict[str, Examine], capsys: pytest.CaptureFixture[str]
) -> None:
    """An alarm that rings must not be cleared by a call that failed."""

    def suspended(sources: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        yield sources[0], Health(findings=(Finding(condition="versioning-off", text="Suspended"),))

    def raises(_: Sequence[Source]) -> Iterator[tuple[Source, Health]]:
        raise TimeoutError("no answer")

    def counted() -> dict[str, float]:
        return {
            line["Condition"]: line["Findings"][0]
            for line in emitted(capsys)
            if "Findings" in line and line.get("Source") == "files"
        }

    passed(deployment)
    event = deployment.watched(WATCHED)
    looks["s3_versions"] = suspended
    collect(event, Context())
    first = kept(deployment)
    assert counted()["versioning-off"] == 1.0
    looks["s3_versions"] = raises
    for _ in range(2):
        collect(event, Context())
        assert counted() == {"unreadable": 1.0}
    (unread, carried) = kept(deployment)["sources"][1]["findings"]
    assert unread["condition"] == "unreadable"
    assert carried == {**first["sources"][1]["findings"][0], "seen": first["collected_at"]}
    looks["s3_versions"] = suspended
    collect(event, Context())
    assert kept(deployment)["sources"][1]["findings"] == first["sources"][1]["findings"]
    looks.clear()
    collect(event, Context())
    assert found(deployment) == {}
    capsys.readouterr()


def test_an_overdue_drill_stays_so_while_its_ledger_cannot_be_read(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one that was not is not made so: its alarm takes silence for the worst."""
    passed(deployment)
    event = deployment.watched(WATCHED)
    collect(event, Context())
    earlier = kept(deployment)
    since = {"severity": "medium", "since": "2026-11-02T05:00:00Z"}
    earlier["drills"][0]["findings"] = [{"condition": "overdue", "text": "it was to run", **since}]
    deployment.evidence.put_json(state.STATE_KEY, earlier)
    deployment.deny("dynamodb", "Query")
    capsys.readouterr()
    for _ in range(2):
        collect(event, Context())
        lines = emitted(capsys)
        overdue = {
            line["Drill"]: line["Findings"][0]
            for line in lines
            if line.get("Condition") == "overdue"
        }
        assert overdue == {"shop-monthly": 1.0, "files-monthly": 0.0, "password-monthly": 0.0}
        others = {line.get("Condition") for line in lines if line.get("Drill")}
        assert others == {"overdue", "unreadable-run"}
    (item,) = [i for i in state.open_items(kept(deployment)) if i.condition == "overdue"]
    assert (item.since, item.seen) == (since["since"], earlier["collected_at"])


def test_a_schedule_that_cannot_be_read_clears_nothing_but_what_was_judged(
    deployment: Deployment,
) -> None:
    passed(deployment)
    event = deployment.watched(WATCHED)
    deployment.scheduler.delete_schedule(Name="drill-shop-monthly", GroupName=deployment.group)
    collect(event, Context())
    deployment.deny("scheduler", "GetSchedule", where="drill-shop-monthly")
    collect(event, Context())
    assert found(deployment) == {"shop-monthly": ["schedule-off", "unreadable-run"]}
    told = kept(deployment)["drills"][0]
    assert told["unjudged"] == ["schedule-off"]
    assert "unjudged" not in told["facts"]


def test_a_state_that_cannot_be_stored_is_an_error_after_all_is_counted(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    event = deployment.watched(WATCHED)
    deployment.deny("s3", "PutObject")
    with pytest.raises(ClientError):
        collect(event, Context())
    lines = emitted(capsys)
    assert any("Findings" in line for line in lines)
    assert not any("Collections" in line for line in lines)


# What is watched


def test_an_event_without_a_list_is_answered_by_its_own_schedule(deployment: Deployment) -> None:
    event = deployment.watched(WATCHED)
    deployment.make_schedule("collector", event)
    answer = collect({"source": "aws.rds", "detail": {}}, Context())
    assert (answer["sources"], answer["drills"]) == (3, 3)


@pytest.mark.usefixtures("deployment")
def test_an_event_without_a_list_and_without_a_schedule_is_an_error() -> None:
    with pytest.raises(NotAWatchList, match="the schedule collector of the group"):
        collect({"source": "aws.rds"}, Context())


# The ledger


def kept_of(deployment: Deployment, drill: str = "shop-monthly") -> Remembered:
    told = Ledger.of(deployment.settings, drill).watched()
    assert told
    return Remembered.from_document(told)


def test_of_many_collectors_at_once_one_says_since_when(deployment: Deployment) -> None:
    ledger = Ledger.of(deployment.settings, "shop-monthly")
    first = datetime(2026, 11, 2, 5, tzinfo=UTC)
    drill = WATCHED.drills[0]
    looks = [Remembered.first(drill, first + timedelta(hours=n)).to_document() for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda mine: ledger.watch(mine, instead_of=None), looks))
    assert told == [ledger.watched()] * 8
    known = told[0]
    moved = replace(drill, cron="0 6 ? * 2#1 *")
    times = [first + timedelta(days=30 + n) for n in range(8)]
    changed = [
        remember(Remembered.from_document(known), moved, None, now=time).to_document()
        for time in times
    ]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda mine: ledger.watch(mine, instead_of=known), changed))
    assert told == [ledger.watched()] * 8
    assert told[0]["since"] == known["since"]
    assert ledger.watch(known, instead_of=known) == told[0]
    assert ledger.holder() is None
    assert ledger.runs() == []


def test_a_schedule_that_is_changed_is_remembered(deployment: Deployment) -> None:
    passed(deployment)
    event = deployment.watched(WATCHED)
    collect(event, Context())
    before = kept_of(deployment)
    collect(event, Context())
    assert kept_of(deployment) == before
    event["watched"]["drills"][0].update(cron="0 6 ? * 2#1 *", enabled=False)
    collect(event, Context())
    after = kept_of(deployment)
    assert (after.since, after.cron, after.enabled) == (before.since, "0 6 ? * 2#1 *", False)
    assert after.scheduled_since > before.scheduled_since


def test_a_drill_that_is_overdue_stays_so_when_its_schedule_is_moved(
    deployment: Deployment,
) -> None:
    now = datetime.now(UTC)
    drill = replace(WATCHED.drills[0], cron="0 5 * * ? *")
    since = Remembered.first(drill, now - timedelta(days=9)).to_document()
    Ledger.of(deployment.settings, drill.name).watch(since, instead_of=None)
    watched = replace(WATCHED, drills=(drill,), sources=WATCHED.sources[:1])
    event = deployment.watched(watched)
    collect(event, Context())
    assert found(deployment) == {"shop-monthly": ["overdue"]}
    event["watched"]["drills"][0].update(cron=f"0 5 {(now - timedelta(days=3)).day} * ? *")
    collect(event, Context())
    assert found(deployment) == {"shop-monthly": ["schedule-off", "overdue"]}


def test_what_is_remembered_and_cannot_be_read_is_a_finding(deployment: Deployment) -> None:
    passed(deployment)
    Ledger.of(deployment.settings, "shop-monthly").watch({"since": "ever"}, instead_of=None)
    collect(deployment.watched(WATCHED), Context())
    assert found(deployment) == {"shop-monthly": ["unreadable-run"]}


def test_the_runs_since_a_day_are_the_newest_and_in_order(deployment: Deployment) -> None:
    for run, started in (
        ("20251119-ffffff", "2025-11-19T23:59:59Z"),
        ("20251120-aaaaaa", "2025-11-20T00:00:00Z"),
        ("20261102-bbbbbb", "2026-11-02T09:00:00Z"),
        ("20261102-cccccc", "2026-11-02T05:00:00Z"),
    ):
        deployment.record("shop-monthly", run, started, "PASS")
    ledger = Ledger.of(deployment.settings, "shop-monthly")
    ledger.watch({"since": "2025-11-19T05:00:00Z"}, instead_of=None)
    ledger.take_schedule("2026-11-02T05:00:00Z", "an execution")
    day = datetime(2025, 11, 20, 12, tzinfo=UTC)
    told = [facts["started_at"] for facts in ledger.runs_since(day, most=100)]
    assert told == ["2025-11-20T00:00:00Z", "2026-11-02T05:00:00Z", "2026-11-02T09:00:00Z"]
    assert len(ledger.runs_since(day, most=2)) == 2


def test_more_runs_than_a_page_of_a_megabyte_holds_are_read(deployment: Deployment) -> None:
    first = datetime(2026, 1, 1, 5, tzinfo=UTC)
    starts = [clock.render(first + timedelta(days=day)) for day in range(12)]
    for started in starts:
        run = f"{started[:10].replace('-', '')}-aaaaaa"
        deployment.record("shop-monthly", run, started, "PASS", padding="x" * 200_000)
    ledger = Ledger.of(deployment.settings, "shop-monthly")
    assert [facts["started_at"] for facts in ledger.runs_since(first, most=100)] == starts
