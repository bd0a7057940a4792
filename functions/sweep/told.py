"""What a sweep tells: `_watch/sweep.json`, which is also what the next sweep goes on from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock, naming
from functions.watch.expired import Kind, Left, Scratch, Sweep

KEY: Final = "_watch/sweep.json"
"""Where the latest report of a sweep is, in the evidence bucket."""

VERSION: Final = 1

_NOTED_FOR = timedelta(days=90)
_MOST_TOLD = 1000
"""Of each list; the counts are of all."""

Told = dict[str, Any]
"""A report of a sweep: plain values, as JSON has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What was asked to go, by earlier sweeps and by this one, and what came of it.

    `open` is still to be proven gone; `gone` was asked for earlier, and is not there any more.
    """

    open: tuple[Told, ...]
    gone: tuple[Told, ...]

    @property
    def still_there(self) -> int:
        """How much an earlier sweep has asked for in vain so far."""
        return sum(each["sweeps"] > 1 for each in self.open)


def follow(
    before: Mapping[str, Any],
    *,
    found: Iterable[Scratch],
    asked: Sequence[Scratch],
    blind: Collection[Kind],
    now: datetime,
) -> Asked:
    """What became of all that was asked to go: looked up in what is there now.

    `before` is the last report, `asked` what this sweep asked for after it had listed `found`.
    What could not be listed, the `blind` kinds, is neither gone nor there.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 2, 10, tzinfo=UTC)
    >>> copy = Scratch(kind=Kind.CLUSTER, name="drill-a-20261102-1a2b3c")
    >>> first = follow({}, found=[copy], asked=[copy], blind=(), now=now)
    >>> len(first.open), len(first.gone)
    (1, 0)
    >>> then = follow({"asked": list(first.open)}, found=[], asked=[], blind=(), now=now)
    >>> len(then.open), [each["name"] for each in then.gone]
    (0, ['drill-a-20261102-1a2b3c'])
    """
    at = clock.render(now)
    there = {each.key for each in found}
    open_, gone = dict[tuple[str, str], Told](), list[Told]()
    for told in before.get("asked", []):
        key = (told["kind"], told["handle"])
        if told["kind"] in blind:
            open_[key] = told
        elif key in there:
            open_[key] = {**told, "sweeps": told["sweeps"] + 1}
        else:
            gone.append({**told, "gone_at": at})
    for each in asked:
        first = {**described(each), "asked_at": at, "sweeps": 1}
        open_[each.key] = open_.get(each.key, first)
    return Asked(open=tuple(open_.values()), gone=tuple(gone))


def understood(found: Any) -> Told:
    """A report that was read, as far as the next sweep goes on from it; none of another version.

    Raises ValueError for one that no sweep has written.

    >>> understood({"sweep_version": 0}), understood([])
    ({}, {})
    >>> understood({"sweep_version": 1, "asked": [{}]})
    Traceback (most recent call last):
    ...
    ValueError: asked: {}: expected kind, handle
    """
    if not isinstance(found, dict) or found.get("sweep_version") != VERSION:
        return {}
    for word, texts in _TEXTS.items():
        for each in _listed(found, word):
            if not isinstance(each, dict) or any(not isinstance(each.get(t), str) for t in texts):
                raise ValueError(f"{word}: {each!r}: expected {', '.join(texts)}")
    for each in _listed(found, "asked"):
        if type(each.get("sweeps")) is not int:
            raise ValueError(f"asked: {each!r}: expected a number of sweeps")
    for each in _listed(found, "claims"):
        clock.parse(each["again_at"])
        if not isinstance(each.get("teardown", {}), dict):
            raise ValueError(f"claims: {each!r}: expected the answer of a Teardown")
    for each in _listed(found, "cleared"):
        clock.parse(each["cleared_at"])
    if any(not isinstance(each, str) for each in _listed(found, "drills")):
        raise ValueError("drills: expected their names")
    return found


_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    "asked": ("kind", "handle"),
    "claims": ("execution", "outcome", "again_at"),
    "cleared": ("drill", "run", "cleared_at"),
}


def _listed(found: Told, word: str) -> list[Any]:
    listed = found.get(word, [])
    if not isinstance(listed, list):
        raise ValueError(f"{word}: {listed!r}: expected a list")
    return listed


def report(
    *,
    stack: str,
    now: datetime,
    sweep: Sweep,
    asked: Asked,
    claims: Sequence[Mapping[str, Any]],
    others: Sequence[str],
    failed: Sequence[str],
    drills: Collection[str],
    before: Mapping[str, Any],
) -> Told:
    """All that a sweep saw and did. `drills` are those whose claims the next sweep must ask for."""
    at = clock.render(now)
    cleared = [
        {"drill": each["drill"], "run": each["run"], "cleared_at": at}
        for each in claims
        if each["outcome"] == "cleared"
    ]
    return {
        "sweep_version": VERSION,
        "swept_at": at,
        "stack": stack,
        "counts": {
            "expired": sweep.expired + len(claims),
            "untagged": sweep.counted_untagged + len(others),
            "asked": len(sweep.delete),
            "gone": len(asked.gone),
            "still_there": asked.still_there,
            "late": len(sweep.late),
            "held": len(sweep.held),
            "refused": len(sweep.refused),
            "far": len(sweep.far),
            "claims": len(claims),
            "failed": len(failed),
        },
        "asked": list(asked.open),
        "gone": list(asked.gone)[:_MOST_TOLD],
        "late": _left(sweep.late),
        "held": _left(sweep.held),
        "refused": _left(sweep.refused),
        "untagged": _left(sweep.untagged),
        "far": _left(sweep.far),
        "claims": list(claims),
        "cleared": [*_recent(before.get("cleared", []), now), *cleared][-_MOST_TOLD:],
        "others": list(others)[:_MOST_TOLD],
        "failed": list(failed)[:_MOST_TOLD],
        "drills": sorted(drills),
    }


def described(found: Scratch) -> Told:
    """Something that was found, in a report's words."""
    return {
        "kind": found.kind.value,
        "name": found.name,
        "handle": found.handle or found.name,
        "run": found.tags.get(naming.RUN_TAG, ""),
        "expires": found.tags.get(naming.EXPIRES_TAG, ""),
    }


def _left(left: Sequence[Left]) -> list[Told]:
    return [{**described(each.found), "why": each.why} for each in left[:_MOST_TOLD]]


def _recent(cleared: Iterable[Told], now: datetime) -> list[Told]:
    return [each for each in cleared if clock.parse(each["cleared_at"]) > now - _NOTED_FOR]
