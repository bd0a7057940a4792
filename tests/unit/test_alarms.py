"""CloudWatch's rules, against the tables and the examples of its user guide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import alarm_rules, metric_math
from lab.alarms import ALARM, INSUFFICIENT, OK, Alarm, Change, Query, State, changes, decide
from lab.declared import NotHeard, NotSupported, declared
from lab.series import Metric, Points, UnknownStatistic, moment
from lab.timeline import Composite, NotDeclared, Sent, Timeline, run

RETAIN = None
MISSING = ("missing", "ignore", "breaching", "notBreaching")
GAUGE = Metric.of("N", "Gauge", {"Drill": "a"})
START = 1_000_000 * 60
HOUR = 60


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0-X-X", (OK, OK, OK, OK)),
        ("0----", (OK, OK, OK, OK)),
        ("-----", (INSUFFICIENT, RETAIN, ALARM, OK)),
        ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
        ("--X--", (ALARM, RETAIN, ALARM, OK)),
    ],
)
def test_the_guides_table_of_three_out_of_three(
    points: str, expected: Sequence[State | None]
) -> None:
    assert _decided(points, datapoints=3) == list(expected)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0-X-X", (ALARM, ALARM, ALARM, ALARM)),
        ("00X0X", (ALARM, ALARM, ALARM, ALARM)),
        ("0-X--", (OK, OK, ALARM, OK)),
        ("----0", (OK, OK, ALARM, OK)),
        ("---X-", (ALARM, RETAIN, ALARM, OK)),
    ],
)
def test_the_guides_table_of_two_out_of_three(
    points: str, expected: Sequence[State | None]
) -> None:
    assert _decided(points, datapoints=2) == list(expected)


def _decided(points: str, *, datapoints: int) -> list[State | None]:
    return [
        decide(points, periods=3, datapoints=datapoints, missing=missing) for missing in MISSING
    ]


@pytest.mark.parametrize("points", ["----X", "---X-"])
def test_one_breaching_point_is_not_yet_three(points: str) -> None:
    assert decide(points, periods=3, datapoints=3, missing="missing") is RETAIN


@pytest.mark.parametrize("points", ["---X0", "--X-0"])
def test_a_good_point_after_it_ends_the_doubt(points: str) -> None:
    assert decide(points, periods=3, datapoints=3, missing="missing") == OK


@given(st.text(alphabet="0X-", min_size=5, max_size=5), st.integers(1, 3))
def test_missing_points_decide_nothing_where_three_are_real(points: str, datapoints: int) -> None:
    decided = set(_decided(points, datapoints=datapoints))
    if len(points.replace("-", "")) >= 3:
        assert len(decided) == 1


@given(st.text(alphabet="0X-", min_size=5, max_size=5), st.integers(1, 3))
def test_breaching_rings_wherever_any_other_does(points: str, datapoints: int) -> None:
    others = [
        decide(points, periods=3, datapoints=datapoints, missing=missing)
        for missing in ("ignore", "notBreaching")
    ]
    if ALARM in others:
        assert decide(points, periods=3, datapoints=datapoints, missing="breaching") == ALARM


def alarm(**other: Any) -> Alarm:
    """An alarm at the first count of a gauge, three hours in a row."""
    properties: dict[str, Any] = {
        "name": "a",
        "description": "high: a",
        "queries": (Query(id="m", metric=GAUGE, statistic="Maximum"),),
        "expression": metric_math.parse("m"),
        "operator": "GreaterThanOrEqualToThreshold",
        "threshold": 1.0,
        "period": HOUR,
        "periods": 3,
        "datapoints": 3,
        "missing": "breaching",
        "actions": {"ALARM": ("topic",)},
    }
    return Alarm(**{**properties, **other})


def hourly(values: Mapping[int, float], *, minute: int = 7) -> Points:
    """Datapoints by the hour since the alarm was made."""
    points = Points()
    for hour, value in values.items():
        points.add(GAUGE, moment(START + hour * HOUR + minute), value)
    return points


def told(found: Sequence[Change]) -> list[tuple[int, State]]:
    """Which hour, which state."""
    return [((change.minute - START) // HOUR, change.after) for change in found]


def changed(watched: Alarm, points: Points, hours: int = 48, extra: int = 2) -> list[Change]:
    return list(changes(watched, points, start=START, end=START + hours * HOUR, extra=extra))


def test_it_rings_at_the_third_hour_and_clears_with_the_first_good_one() -> None:
    values = dict.fromkeys(range(48), 0.0) | dict.fromkeys((20, 21, 22), 1.0)
    assert told(changed(alarm(warm_up=120), hourly(values))) == [(2, OK), (22, ALARM), (23, OK)]


def test_without_a_warm_up_it_rings_before_the_first_data() -> None:
    found = changed(alarm(), hourly(dict.fromkeys(range(48), 0.0)))
    assert [change.after for change in found] == [ALARM, OK]


def test_a_warm_up_ends_early_once_the_data_fill_it() -> None:
    watched = alarm(warm_up=2880)
    found = changed(watched, hourly(dict.fromkeys(range(60), 0.0)), hours=60)
    assert told(found) == [(2, OK)]


def test_a_warm_up_that_waits_waits_to_its_end() -> None:
    watched = alarm(warm_up=2880, whole_warm_up=True)
    found = changed(watched, hourly(dict.fromkeys(range(60), 0.0)), hours=60)
    assert told(found) == [(48, OK)]


def test_what_never_comes_rings_at_the_end_of_the_warm_up() -> None:
    assert told(changed(alarm(warm_up=600), Points(), hours=12)) == [(10, ALARM)]


@pytest.mark.parametrize(("extra", "hour"), [(0, 20), (2, 22), (4, 24)])
def test_a_metric_that_stops_rings_the_later_the_more_periods_are_fetched(
    extra: int, hour: int
) -> None:
    points = hourly(dict.fromkeys(range(18), 0.0))
    found = changed(alarm(warm_up=60), points, extra=extra)
    assert told(found)[-1] == (hour, ALARM)


def test_points_that_come_a_minute_late_are_no_gap() -> None:
    points = Points()
    for hour in range(48):
        points.add(GAUGE, moment(START + hour * HOUR + 7 + hour % 3), 0.0)
    assert told(changed(alarm(warm_up=240), points)) == [(2, OK)]


def test_one_missed_hour_changes_nothing() -> None:
    values = dict.fromkeys(range(48), 0.0)
    del values[30]
    for missing in MISSING:
        found = changed(alarm(warm_up=240, missing=missing), hourly(values))
        assert told(found) == [(2, OK)]


def test_ignored_missing_points_keep_the_state() -> None:
    values = dict.fromkeys(range(10), 0.0) | dict.fromkeys(range(10, 20), 1.0)
    found = changed(alarm(missing="ignore", warm_up=240), hourly(values))
    assert told(found) == [(2, OK), (12, ALARM)]


def test_a_look_each_minute_finds_nothing_more() -> None:
    points = Points()
    for hour, minute, value in ((1, 3, 0.0), (2, 50, 1.0), (4, 1, 1.0), (4, 59, 1.0), (9, 0, 0.0)):
        points.add(GAUGE, moment(START + hour * HOUR + minute), value)
    for minute in range(48 * HOUR):
        points.add(Metric.of("N", "Other"), moment(START + minute), 0.0)
    queries = alarm().queries
    other = Query(id="other", metric=Metric.of("N", "Other"), statistic="Sum")
    for missing in MISSING:
        few = changed(alarm(missing=missing), points)
        every = changed(alarm(missing=missing, queries=(*queries, other)), points)
        assert few == every


def test_a_statistic_that_is_not_computed_is_refused() -> None:
    watched = alarm(queries=(Query(id="m", metric=GAUGE, statistic="p99"),))
    with pytest.raises(UnknownStatistic, match="p99"):
        changed(watched, hourly({0: 1.0}))


def test_many_minutes_in_one_period_make_one_value() -> None:
    points = Points()
    for minute in (10, 5, 10):
        points.add(GAUGE, moment(minute), float(minute))
    statistics = [
        points.statistic(GAUGE, name, 0, 60)
        for name in ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
    ]
    assert statistics == [25 / 3, 10.0, 5.0, 3.0, 25.0]


@pytest.mark.parametrize(
    "expression", ["", "m +", "other", "m / 2", "RATE(m)", "FILL(m, REPEAT)", "m if m else 1"]
)
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(metric_math.NotUnderstood):
        metric_math.parse(expression)({"m": 1.0})


@pytest.mark.parametrize(
    "rule", ["", "ALARM(a", "ALARM(a) ALARM(b)", "(ALARM(a)", "a", "NOT", "ALARM(a))", "AND"]
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(alarm_rules.NotARule):
        alarm_rules.parse(rule)


def composite(rule: str, **other: Any) -> Composite:
    """A composite alarm that tells of ringing and of its end."""
    given: dict[str, Any] = {
        "name": "all",
        "description": "medium: all",
        "rule": alarm_rules.parse(rule),
        "actions": {"ALARM": ("topic",), "OK": ("topic",)},
    }
    return Composite(**{**given, **other})


def together(
    composites: Sequence[Composite], rings: Mapping[str, tuple[int, int]], hours: int = 48
) -> Timeline:
    """Alarms that ring from an hour to another, with nobody to tell, and composites of them."""
    points, alarms = Points(), []
    for name, (first, last) in rings.items():
        metric = Metric.of("N", name)
        for hour in range(hours):
            value = float(first <= hour < last)
            points.add(metric, moment(START + hour * HOUR), value)
        query = Query(id="m", metric=metric, statistic="Maximum")
        alarms.append(alarm(name=name, queries=(query,), periods=1, datapoints=1, actions={}))
    return run(alarms, composites, points, start=START, end=START + hours * HOUR)


def sent(timeline: Timeline) -> list[tuple[int, State, str]]:
    """Which hour, which state, and what held it back."""
    return [((each.minute - START) // HOUR, each.after, each.held) for each in timeline.sent]


def test_a_composite_rings_with_the_first_and_clears_with_the_last() -> None:
    found = together([composite("ALARM(a) OR ALARM(b)")], {"a": (5, 9), "b": (7, 20)})
    assert sent(found) == [(0, OK, ""), (5, ALARM, ""), (20, OK, "")]


def test_composites_may_be_of_composites() -> None:
    inner = composite("ALARM(a)", name="inner", actions={})
    found = together(
        [composite("ALARM(inner) AND NOT ALARM(b)"), inner], {"a": (5, 9), "b": (7, 8)}
    )
    assert [entry[:2] for entry in sent(found)] == [
        (0, OK),
        (5, ALARM),
        (7, OK),
        (8, ALARM),
        (9, OK),
    ]


def test_a_composite_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(NotDeclared, match="nothing"):
        together([composite("ALARM(nothing)")], {"a": (1, 2)})
    with pytest.raises(NotDeclared, match="nobody"):
        together([composite("ALARM(a)", suppressor="nobody")], {"a": (1, 2)})


SUPPRESSED = {"suppressor": "silent", "wait": 2 * HOUR, "extension": 3 * HOUR}


def test_what_rings_while_the_suppressor_does_is_not_told() -> None:
    found = together([composite("ALARM(a)", **SUPPRESSED)], {"a": (10, 15), "silent": (5, 20)})
    assert [entry for entry in sent(found) if not entry[2]] == [(2, OK, "")]
    assert [entry[:2] for entry in sent(found) if entry[2]] == [(0, OK), (10, ALARM), (15, OK)]


def test_what_still_rings_after_the_suppressor_is_told_after_the_extension() -> None:
    found = together([composite("ALARM(a)", **SUPPRESSED)], {"a": (10, 30), "silent": (5, 20)})
    assert [entry for entry in sent(found) if not entry[2]] == [
        (2, OK, ""),
        (23, ALARM, ""),
        (30 + 2, OK, ""),
    ]


def test_a_suppressor_that_comes_in_time_holds_back_what_rang_before_it() -> None:
    found = together([composite("ALARM(a)", **SUPPRESSED)], {"a": (10, 15), "silent": (11, 20)})
    assert [entry for entry in sent(found) if not entry[2]] == [(2, OK, "")]


def test_a_suppressor_that_does_not_come_delays_by_the_wait() -> None:
    found = together([composite("ALARM(a)", **SUPPRESSED)], {"a": (10, 15), "silent": (40, 41)})
    assert [entry for entry in sent(found) if not entry[2]] == [
        (2, OK, ""),
        (12, ALARM, ""),
        (17, OK, ""),
    ]


def test_a_message_comes_to_those_who_want_its_severity() -> None:
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "Wants": _subscription("wants@example.com", "high: "),
        "Other": _subscription("other@example.com", "low: "),
        "Silent": {"Type": "AWS::CloudWatch::Alarm", "Properties": _PROPERTIES},
        "All": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "Properties": {
                "AlarmName": "all",
                "AlarmRule": {
                    "Fn::Join": ["", ['ALARM("', {"Fn::GetAtt": ["Silent", "Arn"]}, '")']]
                },
                "ActionsSuppressor": {"Ref": "Silent"},
                "ActionsSuppressorWaitPeriod": 61,
            },
        },
    }
    found = declared(resources)
    assert found.names() == ["all", "silent"]
    assert found.composites[0].rule.names == ("silent",)
    assert (found.composites[0].suppressor, found.composites[0].wait) == ("silent", 2)
    message = Sent(
        minute=0,
        alarm="silent",
        description=found.alarms[0].description,
        before=OK,
        after=ALARM,
        topics=found.alarms[0].actions[ALARM],
    )
    assert found.who(message) == ["wants@example.com"]


def test_what_an_alarm_asks_for_beyond_this_is_refused() -> None:
    for other in ({"ThresholdMetricId": "x"}, {"Period": 30}, {"ExtendedStatistic": "p99"}):
        properties = {**_PROPERTIES, "AlarmActions": [], **other}
        with pytest.raises(NotSupported, match="Silent"):
            declared({"Silent": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}})


@pytest.mark.parametrize("allowed", ["cloudwatch.amazonaws.com", "events.amazonaws.com", ""])
def test_an_alarm_that_its_topic_does_not_let_publish_is_refused(allowed: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": allowed},
        "Action": "sns:Publish",
        "Resource": {"Ref": "Topic"},
    }
    told = {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Statement": [statement]}}
    resources: dict[str, dict[str, Any]] = {
        "Silent": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {**_PROPERTIES, "AlarmActions": [{"Ref": "Topic"}]},
        },
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Policy": {"Type": "AWS::SNS::TopicPolicy", "Properties": told},
    }
    if allowed.startswith("cloudwatch"):
        assert declared(resources).names() == ["silent"]
    else:
        with pytest.raises(NotHeard, match="alarm silent tells topic Topic, whose policy"):
            declared(resources)


def _subscription(endpoint: str, prefix: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SNS::Subscription",
        "Properties": {
            "TopicArn": {"Ref": "Topic"},
            "Protocol": "email",
            "Endpoint": endpoint,
            "FilterPolicy": {"AlarmDescription": [{"prefix": prefix}]},
            "FilterPolicyScope": "MessageBody",
        },
    }


_PROPERTIES: dict[str, Any] = {
    "AlarmName": "silent",
    "AlarmDescription": "high: silent",
    "AlarmActions": [{"Ref": "Topic"}],
    "ComparisonOperator": "LessThanThreshold",
    "EvaluationPeriods": 3,
    "MetricName": "Collections",
    "Namespace": "BackupDrills",
    "Period": 3600,
    "Statistic": "Sum",
    "Threshold": 1,
    "TreatMissingData": "breaching",
}
