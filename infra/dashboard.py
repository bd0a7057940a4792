"""CloudWatch's dashboard: the layout of functions/watch/board.py, as widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from functions import naming
from functions.watch.board import Objectives, Row, Series, Widget, rows
from functions.watch.conditions import SEVERITIES, Severity
from functions.watch.watched import Watched

MOST_ALARMS: Final = 100
"""What one widget shows; the worst are shown."""

_WIDTH: Final = 24
_HEIGHTS: Final = {"text": 2, "alarms": 4, "number": 4, "line": 5}


def dashboard(
    scope: Construct,
    *,
    watched: Watched,
    objectives: Mapping[str, Objectives],
    namespace: str,
    alarms: Sequence[tuple[Severity, cloudwatch.IAlarm]],
) -> cloudwatch.Dashboard:
    """The one dashboard of a deployment; `alarms` are all that there are."""
    worst_first = sorted(alarms, key=lambda each: SEVERITIES.index(each[0]))
    shown = [alarm for _, alarm in worst_first[:MOST_ALARMS]]
    made = cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=f"{naming.PREFIX}{watched.stack}",
        default_interval=Duration.days(7),
    )
    for row in rows(watched, objectives):
        for line in _lines(row):
            made.add_widgets(*(_widget(widget, namespace, shown) for widget in line))
    return made


def _lines(row: Row) -> Iterator[list[Widget]]:
    """A title, and below it as many widgets side by side as there is room for."""
    yield [Widget(title="", kind="text", text=f"## {row.title}", width=_WIDTH)]
    line: list[Widget] = []
    for widget in row.widgets:
        if sum(each.width for each in line) + widget.width > _WIDTH:
            yield line
            line = []
        line.append(widget)
    yield line


def _widget(
    widget: Widget, namespace: str, alarms: Sequence[cloudwatch.IAlarm]
) -> cloudwatch.IWidget:
    height = 1 if widget.text.startswith("## ") else _HEIGHTS[widget.kind]
    match widget.kind:
        case "text":
            return cloudwatch.TextWidget(
                markdown=widget.text,
                width=widget.width,
                height=height,
                background=cloudwatch.TextWidgetBackground.TRANSPARENT,
            )
        case "alarms":
            return cloudwatch.AlarmStatusWidget(
                alarms=list(alarms),
                height=height + len(alarms) // 20,
                sort_by=cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
                title=widget.title,
                width=widget.width,
            )
        case "number":
            return cloudwatch.SingleValueWidget(
                height=height,
                metrics=[_metric(series, widget, namespace) for series in widget.series],
                start=f"-P{widget.days}D",
                title=widget.title,
                width=widget.width,
            )
        case "line":
            return _graph(widget, namespace, height)
        case _:
            assert_never(widget.kind)


def _graph(widget: Widget, namespace: str, height: int) -> cloudwatch.GraphWidget:
    objective = widget.objective
    level = (
        [cloudwatch.HorizontalAnnotation(value=objective, label="objective")]
        if objective is not None
        else []
    )
    return cloudwatch.GraphWidget(
        height=height,
        left=[_metric(series, widget, namespace) for series in widget.series],
        left_annotations=level,
        left_y_axis=cloudwatch.YAxisProps(min=0),
        start=f"-P{widget.days}D",
        title=widget.title,
        width=widget.width,
    )


def _metric(series: Series, widget: Widget, namespace: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=series.namespace or namespace,
        metric_name=series.metric,
        dimensions_map=dict(series.dimensions),
        label=series.label,
        period=Duration.seconds(widget.period),
        statistic=series.statistic,
    )
