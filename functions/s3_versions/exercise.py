"""Bring back what was lost: a canary's objects where they were, or the real ones elsewhere.

Both by the planner and the copier that an operator's restore runs, and timed: one object from the
request until it is read, and all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from functions import clock
from functions.errors import DrillError
from functions.evidence import Evidence
from functions.model import Answer
from functions.s3_versions import objects
from functions.s3_versions.canary import SINGLE, Fate, specimens
from functions.s3_versions.copier import Copier, Outcome, Result
from functions.s3_versions.restore import Tally, plan_range
from functions.s3_versions.values import Action, How
from functions.s3_versions.wire import Bucket
from functions.step import done, waiting

MARGIN_SECONDS = 120
"""A rehearsal's call stops so long before its function's own time is over."""

MOST_TOLD = 5
"""Of the keys that did not come back, how many the answer names."""

NO_ETAG = "0" * 32
"""What no object has: a copy that expects it must be refused."""

_BACK = (Result.DONE, Result.ALREADY)


class NothingToBringBack(DrillError):
    """When the plan holds no action for an object that was lost."""


def bring_back(
    *, plan: Mapping[str, Any], witness: Mapping[str, Any], evidence: Evidence
) -> Answer:
    """Bring the canary's objects back, the first of each fate by itself.

    What is back already is found to be so: the step may be called again after it was interrupted.
    """
    bucket, attempt, at = plan["place"]["bucket"], witness["attempt"], witness["at"]
    requested = _now()
    with (
        Bucket(bucket, client=objects.client(), owner=plan["account"]) as wire,
        Copier(wire, wire) as copier,
    ):
        guarded = _is_guarded(bucket, attempt, evidence.get_json(witness["key"]))
        singles = {
            one.fate.value: _single(
                copier,
                plan_range(wire, at, prefix=one.key, undelete=one.fate is Fate.UNDELETED),
                key=one.key,
            )
            for one in specimens(attempt)
            if one.form.name == SINGLE
        }
        tally, told = Tally(), Told()
        began = time.perf_counter()
        for fate in Fate:
            actions = plan_range(
                wire, at, prefix=f"{attempt}{fate.value}/", undelete=fate is Fate.UNDELETED
            )
            told.follow(tally, copier.apply(copier.resolve(_counted(tally, actions))))
        seconds = time.perf_counter() - began
    return done(
        requested_at=requested,
        restored_at=_now(),
        guarded=guarded,
        object_seconds=_slowest(singles),
        singles=singles,
        **_measured(tally, seconds),
        **told.facts(),
    )


def _is_guarded(bucket: str, attempt: str, written: Iterable[Mapping[str, Any]]) -> bool:
    """Whether S3 refuses a copy that expects another object than is there."""
    one = next(
        one
        for one in specimens(attempt)
        if one.fate is Fate.OVERWRITTEN and one.form.name == SINGLE
    )
    version = next(record["version"] for record in written if record["key"] == one.key)
    return not objects.copy_if(bucket, one.key, version, expects=NO_ETAG)


def _single(copier: Copier, actions: Iterable[Action], *, key: str) -> float | None:
    """How long it takes to bring one object back and to read it, in seconds.

    None where it was back already, or did not come back.
    """
    began = time.perf_counter()
    wanted = [action for action in actions if action.key == key]
    if not wanted:
        raise NothingToBringBack(f"{key}: no version is from T or before: expected one")
    outcomes = list(copier.apply(copier.resolve(wanted)))
    if not any(outcome.result is Result.DONE for outcome in outcomes):
        return None
    objects.digest(copier.target.name, key)
    return round(time.perf_counter() - began, 3)


def _slowest(singles: Mapping[str, float | None]) -> float | None:
    measured = [seconds for seconds in singles.values() if seconds is not None]
    return max(measured) if len(measured) == len(singles) else None


def restore_elsewhere(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    previous: Mapping[str, Any],
    horizon: str,
    remaining_seconds: Callable[[], float],
) -> Answer:
    """Restore what the source was at T into the scratch bucket, as far as a call's time goes."""
    requested = previous.get("requested_at") or _now()
    tally = Tally.from_record(previous["tally"]) if "tally" in previous else Tally()
    told = Told.of(previous)
    source, target = drill["bucket"], plan["place"]["bucket"]
    at, prefix = witness["at"], drill["prefix"]
    with (
        Bucket(source, client=objects.client(), owner=plan["account"]) as wire,
        Bucket(target, client=objects.client(), owner=plan["account"]) as scratch,
        Copier(wire, scratch) as copier,
    ):
        began = time.perf_counter()
        single = previous.get("object_seconds")
        if "position" not in previous and witness["single"]:
            key = witness["single"]
            single = _single(copier, plan_range(wire, at, to=scratch, prefix=key), key=key)
        stretch = _Stretch(
            plan_range(
                wire,
                at,
                to=scratch,
                prefix=prefix,
                after=previous.get("position", ""),
                horizon=horizon,
            ),
            enough=lambda: remaining_seconds() < MARGIN_SECONDS,
        )
        readable = _Readable(stretch, archived=previous.get("archived", 0))
        told.follow(tally, copier.apply(copier.resolve(_counted(tally, readable))))
        seconds = previous.get("seconds", 0.0) + time.perf_counter() - began
    facts: dict[str, Any] = {
        "requested_at": requested,
        "object_seconds": single,
        "archived": readable.archived,
        **_measured(tally, seconds),
        **told.facts(),
    }
    if stretch.stopped_at:
        return waiting(
            1,
            "the rest of the bucket",
            position=stretch.stopped_at,
            tally=tally.to_record(),
            **facts,
        )
    return done(restored_at=_now(), **facts)


class _Stretch:
    """The actions of a plan, until it is enough: `stopped_at` is then the last key of them."""

    def __init__(self, actions: Iterable[Action], *, enough: Callable[[], bool]) -> None:
        self._actions = actions
        self._enough = enough
        self.stopped_at = ""

    def __iter__(self) -> Iterator[Action]:
        for action in self._actions:
            yield action
            if self._enough():
                self.stopped_at = action.key
                return


class _Readable:
    """The actions of what can be read now; `archived` counts the others, which a drill lets be.

    To ask an archived version back costs money, and changes the source.
    """

    def __init__(self, actions: Iterable[Action], *, archived: int) -> None:
        self._actions = actions
        self.archived = archived

    def __iter__(self) -> Iterator[Action]:
        for action in self._actions:
            if action.how is How.THAW:
                self.archived += 1
            else:
                yield action


class Told:
    """What did not come back: how many keys, and the first of them by name."""

    def __init__(self, number: int = 0, first: Iterable[str] = ()) -> None:
        """Go on from there."""
        self.number = number
        self.first = list(first)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Told:
        """As an earlier answer told."""
        return cls(answer.get("not_back", 0), answer.get("not_back_first", ()))

    def follow(self, tally: Tally, outcomes: Iterable[Outcome]) -> None:
        """Count outcomes as they come."""
        for outcome in outcomes:
            tally.happened(outcome)
            if outcome.result not in _BACK:
                self.number += 1
                if len(self.first) < MOST_TOLD:
                    why = outcome.detail or outcome.result.value
                    self.first.append(f"{outcome.action.key}: {why}")

    def facts(self) -> dict[str, Any]:
        """As an answer holds it."""
        return {"not_back": self.number, "not_back_first": self.first}


def _now() -> str:
    return clock.render(datetime.now(UTC))


def _counted(tally: Tally, actions: Iterable[Action]) -> Iterator[Action]:
    for action in actions:
        tally.planned(action)
        yield action


def _measured(tally: Tally, seconds: float) -> dict[str, Any]:
    """What was moved, and how fast: objects and bytes per second."""
    moved = tally.results[Result.DONE.value]
    return {
        "objects": moved,
        "bytes": tally.copied_bytes,
        "seconds": round(seconds, 3),
        "objects_per_second": round(moved / seconds, 1) if seconds else 0.0,
        "bytes_per_second": round(tally.copied_bytes / seconds) if seconds else 0,
        "caveats": {name: count for name, count in tally.caveats.items() if count},
    }
