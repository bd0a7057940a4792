"""A run as the ledger keeps it, and as all commands tell it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from functions import clock
from functions.model import Level, Verdict

_RUN_ID: Final = re.compile(r"\d{8}-[0-9a-f]{6}")
_STEPS: Final = "▁▂▃▄▅▆▇█"
_NO_PROOF: Final = ("SKIPPED", "REFUSED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run after its end. `level` is the weakest at which a table was compared; empty for none.

    `checks` says how many passed, failed and were not run.
    """

    id: str
    drill: str
    verdict: str
    started_at: str
    seconds: float | None
    scheduled_time: str | None
    rto_seconds: float | None
    rpo_seconds: float | None
    level: str
    checks: Mapping[str, int]
    cause: str
    key: str

    @property
    def counts(self) -> bool:
        """Whether it tested anything."""
        return self.verdict not in _NO_PROOF

    def to_document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "checks": dict(self.checks)}


def read(drill: str, facts: Mapping[str, Any]) -> Run:
    """The run of a ledger's facts; what an older version did not write down is not known.

    >>> run = read("d", {"verdict": "PASS", "started_at": "2026-11-02T08:00:00Z",
    ...     "reported_at": "2026-11-02T08:20:00Z", "key": "d/2026/20261102-1a2b3c",
    ...     "levels": {"exact": 3, "bounded": 1, "counted": 0, "none": 0}})
    >>> run.id, run.seconds, run.level, run.rto_seconds
    ('20261102-1a2b3c', 1200.0, 'bounded', None)
    """
    key = str(facts.get("key") or "")
    checks = facts.get("checks") or {}
    return Run(
        id=key.rpartition("/")[2],
        drill=drill,
        verdict=str(facts["verdict"]),
        started_at=str(facts["started_at"]),
        seconds=clock.seconds_between(facts.get("started_at"), facts.get("reported_at")),
        scheduled_time=facts.get("scheduled_time"),
        rto_seconds=facts.get("rto_seconds"),
        rpo_seconds=facts.get("rpo_seconds"),
        level=_weakest(facts.get("levels") or {}),
        checks={what: int(checks.get(what, 0)) for what in ("passed", "failed", "not_run")},
        cause=str(facts.get("cause") or ""),
        key=key,
    )


def _weakest(levels: Mapping[str, int]) -> str:
    reached = [level.value for level in Level if levels.get(level.value)]
    return reached[-1] if reached else ""


def is_run_id(text: str) -> bool:
    """Whether a text is a run's id, and so no drill's name.

    >>> is_run_id("20261102-1a2b3c"), is_run_id("aurora-prod-monthly")
    (True, False)
    """
    return _RUN_ID.fullmatch(text) is not None


def newest_first(runs: Sequence[Run]) -> list[Run]:
    """The runs, the latest begun first."""
    return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)


def last(runs: Sequence[Run]) -> tuple[Run | None, int]:
    """The latest run that was not skipped, and how many later ones were.

    Of a drill whose runs all were skipped, the latest of them.
    """
    newest = newest_first(runs)
    for skipped, run in enumerate(newest):
        if run.verdict != Verdict.SKIPPED:
            return run, skipped
    return (newest[0], 0) if newest else (None, 0)


def trend(runs: Sequence[Run]) -> list[float]:
    """The recovery times of the runs that passed, oldest first."""
    return [
        run.rto_seconds
        for run in reversed(newest_first(runs))
        if run.rto_seconds is not None and run.verdict == Verdict.PASS
    ]


def steps(values: Sequence[float]) -> str:
    """Values as a line of bars, from the lowest to the highest of them.

    >>> steps([600, 660, 720, 900]), steps([600, 600]), steps([])
    ('▁▂▄█', '▁▁', '')
    """
    if not values:
        return ""
    low, high = min(values), max(values)
    whole = (high - low) or 1.0
    return "".join(_STEPS[round((value - low) / whole * (len(_STEPS) - 1))] for value in values)


def direction(values: Sequence[float]) -> str:
    """Where values go: the last against the middle of those before.

    >>> direction([600, 620, 610, 900]), direction([600, 610]), direction([600, 620, 610, 620])
    ('48% slower than before', '', 'as before')
    >>> direction([600, 620, 610, 300])
    '51% faster than before'
    """
    if len(values) < 3:
        return ""
    before = sorted(values[:-1])
    middle = before[len(before) // 2]
    change = (values[-1] - middle) / middle if middle else 0.0
    if abs(change) < 0.1:
        return "as before"
    return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'} than before"
