"""What stands between the drills costs this much a month: `python -m bench.standing`.

Counted in the synthesized template, and in what the watch publishes in a month in which nothing is
wrong, hour by hour: CloudWatch bills a metric for the hours in which it hears of it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from functions.watch import cost
from lab.lab import DRILLS
from lab.simulation import Simulation, watch_list
from lab.synthesis import resources

DAYS: Final = 30
_HOURS_OF_A_MONTH: Final = 730
_BEGINS: Final = datetime(2027, 1, 1, tzinfo=UTC)

_COUNTED: Final = {
    "AWS::KMS::Key": "keys",
    "AWS::CloudWatch::CompositeAlarm": "composites",
    "AWS::CloudWatch::Dashboard": "dashboards",
    "AWS::SecretsManager::Secret": "secrets",
}


@dataclass(kw_only=True)
class Heard(Simulation):
    """A deployment that notes in which hours CloudWatch heard of which metric."""

    hours: set[tuple[object, ...]] = field(default_factory=set)

    def publish(
        self,
        name: str,
        now: datetime,
        value: float,
        dimensions: Mapping[str, str] | None = None,
    ) -> None:
        """A datapoint of the deployment's own namespace."""
        super().publish(name, now, value, dimensions)
        self.hours.add((name, *(dimensions or {}).items(), now.replace(minute=0)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.standing", description=__doc__)
    parser.add_argument("--drills", type=Path, default=DRILLS, metavar="FILE")
    given = parser.parse_args(arguments)
    template = resources(given.drills)
    metric_hours = _metric_hours(template)
    lines = cost.standing(
        {
            **_counts(template),
            "alarms": sum(_metrics_of_alarms(template)),
            "metrics": round(metric_hours / DAYS * 365 / 12 / _HOURS_OF_A_MONTH),
        }
    )
    table = Table(title=f"What stands, of {given.drills.name}, per month")
    for column in ("what", "how many", "US dollars"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for line in lines:
        table.add_row(line.name, f"{line.count:g}", f"{line.dollars:.2f}")
    table.add_row("together", "", f"{cost.total(lines):.2f}")
    console = Console(highlight=False, width=80)
    console.print(table)
    console.print(
        "Estimates of us-east-1, without free allowances. An alarm of metric math counts once for"
        " each metric that it reads; metrics are whole ones, for all hours of a month."
    )
    return 0


def _counts(template: Mapping[str, Any]) -> dict[str, int]:
    counts = dict.fromkeys(_COUNTED.values(), 0)
    for resource in template.values():
        if name := _COUNTED.get(resource["Type"]):
            counts[name] += 1
    return counts


def _metrics_of_alarms(template: Mapping[str, Any]) -> Iterator[int]:
    """Of each alarm, how many metrics it reads."""
    for resource in template.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            queries = resource["Properties"].get("Metrics")
            yield sum("MetricStat" in query for query in queries) if queries else 1


def _metric_hours(template: Mapping[str, Any]) -> int:
    """For how many hours of `DAYS` CloudWatch hears of a metric, all metrics together."""
    simulation = Heard(watched=watch_list(template), began=_BEGINS)
    for hour in range(DAYS * 24):
        now = _BEGINS + timedelta(hours=hour, minutes=7)
        simulation.collect(now)
        simulation.sweep(now)
    return len(simulation.hours)


if __name__ == "__main__":
    sys.exit(main())
