"""What the kinds tell the report in the same way: objectives, phases, resources. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from functions import clock
from functions.model import Check, CheckClass, Phase, Resource, Status

Span: TypeAlias = tuple[str, str | None, str | None, bool]
"""A phase that may not have happened: name, began at, ended at, is it part of the recovery."""


def objective(
    name: str, target: str, measured: float | None, *, allowed: float, why: str, digits: int = 1
) -> Check:
    """The check that `measured` seconds are within `allowed`; what was not measured has not run.

    `why` says why there is no measure.

    >>> objective("rto", "a", 2.04, allowed=60, why="").observed
    '2.0 s'
    >>> objective("rto", "a", 60.5, allowed=60, why="").status
    <Status.FAILED: 'failed'>
    >>> objective("rto", "a", None, allowed=60, why="nobody was let in").status
    <Status.NOT_RUN: 'not_run'>
    """
    if measured is None:
        status, observed = Status.NOT_RUN, "not measured"
    else:
        status = Status.PASSED if measured <= allowed else Status.FAILED
        observed = f"{measured:.{digits}f} s"
    return Check(
        name=name,
        check_class=CheckClass.OBJECTIVE,
        target=target,
        status=status,
        expected=f"at most {allowed:.10g} s",
        observed=observed,
        detail="" if measured is not None else why,
    )


def phases(spans: Iterable[Span]) -> tuple[Phase, ...]:
    """The phases that have begun and ended, with their seconds (never fewer than none)."""
    return tuple(
        Phase(
            name=name,
            started_at=start,
            ended_at=end,
            seconds=round(max(0.0, (clock.parse(end) - clock.parse(start)).total_seconds()), 3),
            in_rto=in_rto,
        )
        for name, start, end, in_rto in spans
        if start and end
    )


def resources(told: Iterable[Mapping[str, Any]] | None) -> tuple[Resource, ...]:
    """The resources that a step told of, each a mapping with type, name and perhaps arn."""
    return tuple(Resource(type=e["type"], name=e["name"], arn=e.get("arn", "")) for e in told or ())
