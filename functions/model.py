"""The values that all kinds share. Pure; the shapes are those of docs/report.schema.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Document = dict[str, Any]
"""What an execution carries from state to state: docs/design.md, "The document"."""

Answer = dict[str, Any]
"""What a step returns: `done`, `wait_seconds` while it is not, and facts."""


class Verdict(StrEnum):
    """How a drill ended."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    REFUSED = "REFUSED"
    SKIPPED = "SKIPPED"


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not_run"


class CheckClass(StrEnum):
    """What a check is evidence of; a kind requires at least one passed check of some classes."""

    ACCESS = "access"
    RESTORE_POINT = "restore_point"
    SCHEMA = "schema"
    ISOLATION = "isolation"
    CONTENT = "content"
    INTEGRITY = "integrity"
    PROTECTION = "protection"
    ROTATION = "rotation"
    PRIVILEGES = "privileges"
    CUSTOM = "custom"
    OBJECTIVE = "objective"
    TEARDOWN = "teardown"


class Level(StrEnum):
    """How closely a table was compared, best first."""

    EXACT = "exact"
    BOUNDED = "bounded"
    COUNTED = "counted"
    NONE = "none"

    def reaches(self, required: Level) -> bool:
        """Whether this level is at least the required one.

        >>> Level.BOUNDED.reaches(Level.COUNTED), Level.COUNTED.reaches(Level.BOUNDED)
        (True, False)
        """
        order = list(Level)
        return order.index(self) <= order.index(required)


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One comparison and its outcome: names, counts and digests only, never a row's content.

    `by_configuration` marks a check that the configuration switched off, or that no backup could
    answer (an unlogged table): it is shown as not run, and does not make the drill inconclusive.
    """

    name: str
    check_class: CheckClass
    target: str
    status: Status
    expected: str
    observed: str
    detail: str = ""
    seconds: float = 0.0
    level: Level | None = None
    by_configuration: bool = False

    def to_document(self) -> dict[str, Any]:
        """The record as it is stored: `check_class` is called `class` there."""
        record = asdict(self)
        record["class"] = record.pop("check_class")
        record["seconds"] = round(self.seconds, 3)
        return record

    @classmethod
    def from_document(cls, record: Mapping[str, Any]) -> Check:
        """The check of a stored record. Raises ValueError or KeyError for one that is not a record.

        >>> check = Check(name="login", check_class=CheckClass.ACCESS, target="drill-x",
        ...               status=Status.PASSED, expected="accepted", observed="accepted")
        >>> Check.from_document(check.to_document()) == check
        True
        """
        return cls(
            name=record["name"],
            check_class=CheckClass(record["class"]),
            target=record["target"],
            status=Status(record["status"]),
            expected=record["expected"],
            observed=record["observed"],
            detail=record["detail"],
            seconds=record["seconds"],
            level=Level(record["level"]) if record["level"] else None,
            by_configuration=record["by_configuration"],
        )


def tally(checks: Iterable[Check]) -> dict[str, int]:
    """How many checks passed, failed and were not run.

    >>> tally([])
    {'passed': 0, 'failed': 0, 'not_run': 0}
    """
    counts = {status.value: 0 for status in Status}
    for check in checks:
        counts[check.status.value] += 1
    return counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A stretch of the drill. `in_rto` says whether it counts towards the recovery time."""

    name: str
    started_at: str
    ended_at: str
    seconds: float
    in_rto: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """Something the drill made, or deleted."""

    type: str
    name: str
    arn: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """Something worth knowing of a run that no check judges."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What a kind tells the report, computed from the document alone.

    `rto_seconds` and `rpo_seconds` are None where they were not measured; `objectives` then holds
    the check that was not run. `proven` says that teardown saw with its own eyes that all is gone.
    `remedy` is what to do, one thing after the other; `emergency` what outranks all else: it is
    the headline then, and critical. `restores` is false for a kind that restores nothing, and so
    has no restore point.
    """

    restores: bool = True

    source_name: str = ""
    source_arn: str = ""
    source_version: str = ""
    restore_from: str = ""
    restore_asked: str = ""
    restore_time: str | None = None
    rto_seconds: float | None = None
    rpo_seconds: float | None = None
    phases: tuple[Phase, ...] = ()
    facts: tuple[Fact, ...] = ()
    objectives: tuple[Check, ...] = ()
    created: tuple[Resource, ...] = ()
    deleted: tuple[Resource, ...] = ()
    leftovers: tuple[Resource, ...] = field(default=())
    remedy: tuple[str, ...] = ()
    emergency: str = ""
    proven: bool = False
