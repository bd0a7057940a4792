"""What the daily reminder says, as people read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from textwrap import dedent

from functions.health import Finding, Health
from functions.watch import state
from functions.watch.conditions import RESPONSE, SEVERITIES
from functions.watch.reminding import Item, Ringing, items, messages
from tests.unit.watch_samples import NOW, WATCHED, healthy_drill

SINCE = datetime(2026, 11, 18, 5, 0, tzinfo=UTC)


def told(at: datetime = SINCE, **conditions: str) -> state.State:
    """A state of that time: by name of a source or drill, with one condition each."""

    def health(name: str, well: Health) -> Health:
        condition = conditions.get(name.replace("-", "_"))
        if condition is None:
            return well
        found = Finding(condition=condition, text=f"{name}: {condition} was found")
        return Health(findings=(found,), facts=well.facts)

    return state.document(
        WATCHED,
        sources={(s.kind, s.name): health(s.name, Health()) for s in WATCHED.sources},
        drills={d.name: health(d.name, healthy_drill()) for d in WATCHED.drills},
        now=at,
    )


def alarm(name: str, description: str = "high: it rings", rule: str = "") -> Ringing:
    return Ringing(name=name, description=description, since=SINCE, rule=rule)


def fresh(known: state.State) -> state.State:
    """The same findings, collected just now."""
    return {**known, "collected_at": "2026-11-20T08:30:00Z"}


def test_nothing_is_open() -> None:
    found = items(fresh(told()), [], now=NOW)
    assert found == []
    assert messages(found, state=told(), bucket="evidence", now=NOW) == []


def test_a_message_as_it_is_read() -> None:
    known = fresh(told(shop="backup-stale", shop_monthly="overdue", files="advice"))
    ringing = [
        alarm("drill-backup-drills-aurora-shop-backup-stale", "high: its backups stand still"),
        alarm("drill-backup-drills-missed", "high: a drill could not be started at its time."),
    ]
    high, medium, low = messages(
        items(known, ringing, now=NOW), state=known, bucket="evidence", now=NOW
    )
    assert high.attributes == {"severity": "high"}
    assert high.subject == (
        "Reminder (high): 2 things are open, the first since 18 Nov 2026, 05:00 UTC"
    )
    assert high.body == dedent(
        """\
        high: 2 things are open on 20 Nov 2026, 09:00 UTC. Look {response}.

        1. aurora shop: backup-stale was found
           Means: the latest restorable time stands still: what was written since would be lost
           Since: 18 Nov 2026, 05:00 UTC, 2 d 4 h ago
           First: Look at the cluster's state and events, then open a case with AWS.
           Alarm: drill-backup-drills-aurora-shop-backup-stale

        2. a drill could not be started at its time.
           Since: 18 Nov 2026, 05:00 UTC, 2 d 4 h ago
           Alarm: drill-backup-drills-missed

        All of it: python -m cli status
        State: s3://evidence/_watch/state.json, of 20 Nov 2026, 08:30:00 UTC"""
    ).format(response=RESPONSE["high"])
    assert high.steps == ("Look at the cluster's state and events, then open a case with AWS.",)
    assert medium.subject.startswith("Reminder (medium): 1 thing is open, the first since")
    assert "First: Start it by hand: python -m cli run shop-monthly --watch." in medium.body
    assert "Alarm:" not in medium.body
    assert low.attributes == {"severity": "low"}
    assert "1. s3_versions files: advice was found" in low.body


def test_what_nobody_could_look_at_since_says_so() -> None:
    first = told(files="versioning-off")
    blind = Finding(condition="unreadable", text="GetBucketVersioning could not be asked")
    known = state.document(
        WATCHED,
        sources={(s.kind, s.name): Health(findings=(blind,)) for s in WATCHED.sources},
        drills={d.name: healthy_drill() for d in WATCHED.drills},
        now=NOW,
        before=first,
    )
    [critical, high] = messages(items(known, [], now=NOW), state=known, bucket="b", now=NOW)
    assert "   Seen: not since 18 Nov 2026, 05:00 UTC\n" in critical.body
    assert "Seen:" not in high.body


def test_a_schedule_of_the_watch_itself_is_told_with_its_alarm() -> None:
    off = Finding(condition="watch-schedule-off", text="the schedule sweeper is not there")
    known = state.document(
        WATCHED,
        sources={(s.kind, s.name): Health() for s in WATCHED.sources},
        drills={d.name: healthy_drill() for d in WATCHED.drills},
        watch=[off],
        now=NOW,
    )
    [item] = items(known, [alarm("drill-watch-schedule-off")], now=NOW)
    assert item.what == "watch backup-drills: the schedule sweeper is not there"
    assert item.alarm == "drill-watch-schedule-off"
    assert "it may never start again" in item.means


def test_a_composite_alarm_is_not_told_beside_what_it_is_made_of() -> None:
    rule = 'ALARM("arn:aws:cloudwatch:sa-east-1:1:alarm:drill-shop-monthly-overdue")'
    ringing = [
        alarm("drill-backup-drills-overdue", "medium: a drill is overdue", rule),
        alarm("drill-shop-monthly-overdue", "medium: overdue"),
    ]
    (item,) = items(fresh(told(shop_monthly="overdue")), ringing, now=NOW)
    assert item.alarm == "drill-shop-monthly-overdue"


def test_a_composite_alarm_whose_parts_are_silent_is_told() -> None:
    ringing = [alarm("drill-x-overdue", "medium: a drill is overdue", 'ALARM("drill-gone")')]
    (item,) = items(fresh(told()), ringing, now=NOW)
    assert (item.severity, item.what) == ("medium", "a drill is overdue")


def test_an_alarm_that_does_not_say_how_urgent_it_is_counts_as_high() -> None:
    ringing = [alarm("drill-own", "somebody's own"), alarm("drill-bare", "")]
    found = items(fresh(told()), ringing, now=NOW)
    assert [(item.severity, item.what) for item in found] == [
        ("high", "somebody's own"),
        ("high", "drill-bare"),
    ]


def test_no_state_at_all_is_open_itself() -> None:
    (item,) = items(None, [], now=NOW)
    assert item.severity == "high"
    assert "nothing is known of any backup" in item.what
    (message,) = messages([item], state=None, bucket="evidence", now=NOW)
    assert "State:" not in message.body


def test_a_state_that_is_old_is_open_itself_beside_what_it_says() -> None:
    old = told(NOW - timedelta(hours=3, seconds=1), files="versioning-off")
    found = items(old, [], now=NOW)
    assert [item.severity for item in found] == ["critical", "high"]
    assert found[1].since == old["collected_at"]
    assert "the collector is silent" in found[1].what
    assert items(told(NOW - timedelta(hours=3)), [], now=NOW) == []


def test_what_could_not_be_asked_is_open_itself() -> None:
    (item,) = items(fresh(told()), [], now=NOW, trouble=["the alarms cannot be read: Denied"])
    assert (item.severity, item.what) == ("high", "the alarms cannot be read: Denied")


def test_what_is_open_for_longest_comes_first() -> None:
    older = Ringing(name="drill-a", description="high: a", since=SINCE - timedelta(days=1))
    known = fresh(told(shop="backup-stale"))
    found = items(known, [older], now=NOW)
    assert [item.what for item in found] == ["a", "aurora shop: backup-stale was found"]


def test_a_subject_fits_and_is_one_line_whatever_is_open() -> None:
    for severity in SEVERITIES:
        found = [Item(severity=severity, what="x", since="2026-11-18T05:00:00Z")] * 12_345
        (message,) = messages(found, state=None, bucket="evidence", now=NOW)
        assert len(message.subject) < 100
        assert message.subject.isascii()
        assert message.subject.isprintable()


def test_a_long_list_is_cut_and_says_so() -> None:
    found = [Item(severity="low", what=f"x\n{'y' * 900}", since="2026-11-18T05:00:00Z")] * 30
    (message,) = messages(found, state=None, bucket="evidence", now=NOW)
    assert "And 5 more things." in message.body
    assert len(message.body) < 30_000
    assert max(len(line) for line in message.body.splitlines()) <= 500
