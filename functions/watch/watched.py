"""What is watched: the list that the deployment hands to the collector, the sweeper, the reminder.

It is the input of their schedules. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.errors import DrillError


class NotAWatchList(DrillError):
    """When the input of the collector is not what a deployment writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A cluster, a bucket or a secret, once, whatever number of drills it has.

    `wanted` is what its kind's `health.look` and `health.judge` need: what drills.yaml asks for.
    """

    kind: str
    name: str
    wanted: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drill:
    """A drill, as far as its runs are watched.

    `cron` and `timezone` are its schedule, `enabled` whether the configuration switches it on.
    `grace_seconds` is how long after a scheduled time its PASS may be missing. `machine` and
    `schedule` are names in AWS. `retention_days` is how far back its source can be restored, and
    `at` what moment it restores (latest, oldest, random, a time); both empty where neither applies.
    """

    name: str
    kind: str
    source: str
    severity: str
    cron: str
    timezone: str
    enabled: bool
    grace_seconds: int
    machine: str
    schedule: str
    at: str = ""
    retention_days: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnSchedule:
    """A schedule of the watch itself, as deployed: of the collector, the sweeper, the reminder.

    `expression` is as EventBridge Scheduler tells it: cron(...) or rate(...).
    """

    name: str
    expression: str
    timezone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """All that a deployment watches. `schedule_group` is the name of the group of its schedules."""

    stack: str
    schedule_group: str
    sources: tuple[Source, ...] = ()
    drills: tuple[Drill, ...] = ()
    schedules: tuple[OwnSchedule, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "stack": self.stack,
            "schedule_group": self.schedule_group,
            "sources": [
                {"kind": source.kind, "name": source.name, "wanted": dict(source.wanted)}
                for source in self.sources
            ],
            "drills": [
                {name: getattr(drill, name) for name in Drill.__slots__} for drill in self.drills
            ],
            "schedules": [
                {name: getattr(schedule, name) for name in OwnSchedule.__slots__}
                for schedule in self.schedules
            ],
        }

    @classmethod
    def from_document(cls, document: Any) -> Watched:
        """The list of an event.

        >>> watched = Watched(stack="s", schedule_group="g",
        ...                   sources=(Source(kind="aurora", name="c", wanted={"a": 1}),),
        ...                   schedules=(OwnSchedule(name="sweeper", expression="rate(1 hours)",
        ...                                          timezone="UTC"),))
        >>> Watched.from_document(watched.to_document()) == watched
        True
        >>> Watched.from_document({"stack": "s"})
        Traceback (most recent call last):
        ...
        functions.watch.watched.NotAWatchList: watched: 'schedule_group' is missing

        Raises NotAWatchList.
        """
        try:
            return cls(
                stack=document["stack"],
                schedule_group=document["schedule_group"],
                sources=tuple(Source(**source) for source in document["sources"]),
                drills=tuple(Drill(**drill) for drill in document["drills"]),
                schedules=tuple(OwnSchedule(**one) for one in document.get("schedules", ())),
            )
        except KeyError as error:
            raise NotAWatchList(f"watched: {error} is missing") from error
        except TypeError as error:
            raise NotAWatchList(f"watched: {error}") from error
