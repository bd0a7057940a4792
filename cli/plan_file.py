"""A plan on disk: a line for each key, and a seal that says of what it is the plan.

The seal is written last and removed first, so a plan without one was never finished.
"""

from __future__ import annotations

import gzip
import heapq
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cli.errors import CannotRun
from functions import clock
from functions.s3_versions.restore import Tally
from functions.s3_versions.state_at import ELSEWHERE_ONLY
from functions.s3_versions.values import LARGEST_COPY, Action, Caveat, Diff, How

GOOD_FOR: Final = timedelta(hours=24)
"""How old the plan of an interrupted restore may be; an older one is made anew."""

DOUBTS: Final = frozenset({Caveat.NULL_OVERWRITTEN, Caveat.MAYBE_EXPIRED})
"""The caveats of a key of which the listing may not show what was current."""

_PRIVATE: Final = 0o700
_COPIES: Final = (How.COPY, How.COMPARE, How.THAW)


@dataclass(kw_only=True, slots=True)
class Counts:
    """What a plan holds. `keys` and `bytes` are by what is to be done; `kept` are the keys that
    only the other bucket has; `lines` are those of the file. `in_parts` are the keys that are
    copied in parts, for they are large. In doubt are the `doubted`, which are left alone, and the
    `guessed`, which are made what the listing shows.
    """

    tally: Tally = field(default_factory=Tally)
    keys: dict[str, int] = field(default_factory=lambda: {how.value: 0 for how in How})
    bytes: dict[str, int] = field(default_factory=lambda: {how.value: 0 for how in How})
    kept: int = 0
    lines: int = 0
    in_parts: int = 0
    doubted: int = 0
    guessed: int = 0

    def count(self, action: Action) -> None:
        """Count an action of a plan."""
        self.tally.planned(action)
        self.keys[action.how.value] += 1
        self.bytes[action.how.value] += action.size
        self.kept += action.reason == ELSEWHERE_ONLY
        self.in_parts += action.how in _COPIES and action.size > LARGEST_COPY
        if not DOUBTS.isdisjoint(action.caveats):
            left_alone = action.diff is Diff.UNRESTORABLE
            self.doubted += left_alone
            self.guessed += not left_alone

    @property
    def actions(self) -> int:
        """How many keys there is something to be done with."""
        return sum(number for how, number in self.keys.items() if how != How.NOTHING)

    @property
    def unrestorable(self) -> int:
        """How many keys cannot be restored."""
        return self.tally.keys[Diff.UNRESTORABLE.value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seal:
    """Of what a plan is the plan. `versions` were read for it in `seconds`."""

    command: Mapping[str, Any]
    made_at: str
    horizon: str
    counts: Counts
    versions: int
    seconds: float
    ended_at: str = ""

    def to_record(self) -> dict[str, Any]:
        """As it is written beside the plan."""
        return {**asdict(self), "counts": asdict(self.counts)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Seal:
        """The seal that was written. Raises KeyError or TypeError for another document."""
        counts = {**record["counts"], "tally": Tally.from_record(record["counts"]["tally"])}
        return cls(**{**record, "counts": Counts(**counts)})


class PlanFile:
    """The plan in a folder of its own, with its journal beside it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made where it is not there."""
        self.folder = folder
        self.path = folder / "plan.jsonl.gz"
        self.journal = folder / "journal.jsonl"
        self.differing = folder / "differing.jsonl"
        self.known = folder / "known.jsonl"
        self.uploads = folder / "uploads.jsonl"
        self._seal = folder / "plan.json"
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)

    def write(self, actions: Iterable[Action]) -> Counts:
        """Write what is to be done, as it comes; of an earlier restore the files are set aside.

        Keys that stay as they are, for sure, are counted and have no line.
        """
        self._set_aside()
        counts = Counts()
        part = self.path.with_suffix(".part")
        try:
            with gzip.open(part, "wt", encoding="ascii", compresslevel=3) as file:
                for action in actions:
                    counts.count(action)
                    if action.how is not How.NOTHING or action.reason or action.caveats:
                        file.write(json.dumps(action.to_record(), separators=(",", ":")) + "\n")
                        counts.lines += 1
            _replace_durably(part, self.path)
        finally:
            part.unlink(missing_ok=True)
        return counts

    def _set_aside(self) -> None:
        """Keep plan and journal of a restore that wrote something, in a folder named for its end.

        The seal goes first: without it there is no restore to go on with.
        """
        self._seal.unlink(missing_ok=True)
        if self.journal.exists() and self.journal.stat().st_size:
            ended = datetime.fromtimestamp(self.journal.stat().st_mtime, UTC)
            kept = self.folder / f"until-{ended:%Y%m%dT%H%M%S.%fZ}"
            kept.mkdir(mode=_PRIVATE, exist_ok=True)
            self.path.replace(kept / self.path.name)
            self.journal.replace(kept / self.journal.name)
        self.journal.unlink(missing_ok=True)

    def read(self) -> Iterator[Action]:
        """The actions, in the order of their keys. Raises CannotRun for a file that is damaged."""
        return _read(self.path)

    def touched(self) -> Iterator[str]:
        """The keys that this restore, or an earlier one of the same, may have written; in order.

        Raises CannotRun for a plan that is damaged.
        """
        begun = (
            folder / self.path.name
            for folder in (self.folder, *self.folder.glob("until-*"))
            if (folder / self.journal.name).exists()
        )
        keys = ((a.key for a in _read(path) if a.how is not How.NOTHING) for path in begun)
        return heapq.merge(*keys)

    def seal(self, seal: Seal) -> None:
        """Say that the plan is whole, and of what."""
        part = self._seal.with_suffix(".part")
        part.write_text(json.dumps(seal.to_record()))
        _replace_durably(part, self._seal)

    def end(self, seal: Seal, *, now: datetime) -> None:
        """Say that all of the plan has been gone through: there is nothing to go on with."""
        self.seal(replace(seal, ended_at=clock.render(now)))

    def pending(self, command: Mapping[str, Any], *, now: datetime) -> Seal | None:
        """The seal of a restore that was begun and not ended; None where there is none to go on
        with, or its plan is older than a day.
        """
        if not self.journal.exists() or not self._seal.exists() or not self.path.exists():
            return None
        try:
            seal = Seal.from_record(json.loads(self._seal.read_text()))
            age = now - clock.parse(seal.made_at)
        except (ValueError, KeyError, TypeError):
            return None
        same = dict(seal.command) == dict(command)
        return seal if same and not seal.ended_at and age < GOOD_FOR else None


def _read(path: Path) -> Iterator[Action]:
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            for line in file:
                yield Action.from_record(json.loads(line))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path}: {error}: expected a plan; --anew makes another") from error


def _replace_durably(part: Path, path: Path) -> None:
    """Rename, so that after a loss of power there is the old file or the new one, whole."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
