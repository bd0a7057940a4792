"""A lab as its dashboard shows it: what the watch has left, and what its alarms make of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from botocore.exceptions import ClientError

from functions import clock
from functions.aws import code_of
from functions.watch import state
from functions.watch.state import State
from lab.cloudwatch import CloudWatch
from lab.dashboard import Seen
from lab.declared import declared
from lab.lab import Lab, LabError
from lab.series import minute_of
from lab.simulation import watch_list
from lab.template import Template
from lab.timeline import run

WATCH: Final = ("collector", "sweeper")
"""The schedules of what watches, by name."""

_A_LOOK_SECONDS: Final = 0.2
_UNTIL_SEEN: Final = 2
"""Minutes until an alarm has seen what is published now."""


def run_drills(lab: Lab, names: Sequence[str]) -> None:
    """Run drills, all at once, to their ends; `lab.tell` hears how each ended."""
    states = lab.emulator.client("stepfunctions")
    executions = {name: lab.start_drill(name) for name in names}
    while executions:
        for name, execution in list(executions.items()):
            status = states.describe_execution(executionArn=execution)["status"]
            if status != "RUNNING":
                lab.tell(f"{name}: {status}")
                del executions[name]
        time.sleep(_A_LOOK_SECONDS)


def watch(lab: Lab) -> None:
    """Fire the schedules of what watches, once each. Raises LabError for one that failed."""
    for name in WATCH:
        answer = json.loads(lab.emulator.fire_schedule(name, clock.render(datetime.now(UTC))))
        if isinstance(answer, dict) and "errorType" in answer:
            raise LabError(f"{name}: {answer['errorType']}: {answer['errorMessage']}")
        lab.tell(f"{name}: {json.dumps(answer)}")


def look(lab: Lab, metrics: CloudWatch) -> Seen:
    """All that the dashboard shows. Raises what `lab.declared.declared` raises."""
    resources = Template.of(lab.folder / "cdk.out").resources
    points, alarms, now = metrics.points(), declared(resources), datetime.now(UTC)
    return Seen(
        watched=watch_list(resources),
        state=_state(lab),
        points=points,
        declared=alarms,
        timeline=run(
            alarms.alarms,
            alarms.composites,
            points,
            start=minute_of(metrics.began) - 1,
            end=minute_of(now) + _UNTIL_SEEN,
        ),
        now=now,
    )


def _state(lab: Lab) -> State | None:
    """What the collector left last; None where it has left nothing."""
    try:
        return state.read(json.loads(lab.evidence(state.STATE_KEY)))
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        return None
