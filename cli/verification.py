"""What differs still after a restore, and why; and a sample of what was restored, read in full."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from cli import journal, known
from cli.journal import Noted, Standing
from cli.plan_file import PlanFile
from cli.preflight import Place, Preflight
from functions.aws import code_of
from functions.s3_versions import objects
from functions.s3_versions.confirmed import Copy
from functions.s3_versions.outcome import Result
from functions.s3_versions.values import LARGEST_COPY, Action, Diff, How


class Why(StrEnum):
    """Why a key differs from what it was at the time."""

    CONFLICT = "conflict"
    """somebody else wrote it between the plan and its turn; their write is kept"""
    WRITTEN_SINCE = "written_since"
    """somebody else wrote it after its turn, or it was not to be changed; their write is kept"""
    UNRESTORABLE = "unrestorable"
    THAWING = "thawing"
    FAILED = "failed"
    WRONG = "wrong"
    """what was written by this restore is not what was there at the time"""


_OF_RESULT: Final = {
    Result.CONFLICT: Why.CONFLICT,
    Result.THAWING: Why.THAWING,
    Result.FAILED: Why.FAILED,
}


class Differing(NamedTuple):
    """A key that is not what it was; `current` is the id of its current version, empty for none."""

    key: str
    why: Why
    current: str


class Sampled(NamedTuple):
    """An object read back in full: `problem` is empty where its bytes are those of the version."""

    key: str
    source: str
    made: str
    digest: str
    problem: str


@dataclass(kw_only=True, slots=True)
class Verification:
    """What was found. `differing` counts keys by why; the keys are in the plan's folder."""

    differing: dict[Why, int] = field(default_factory=lambda: dict.fromkeys(Why, 0))
    sample: list[Sampled] = field(default_factory=list)

    @property
    def differs(self) -> int:
        """How many keys are not what they were."""
        return sum(self.differing.values())

    @property
    def unlike(self) -> list[Sampled]:
        """What of the sample is not what it should be."""
        return [one for one in self.sample if one.problem]

    def to_record(self) -> dict[str, Any]:
        """As it stands in the report; the keys that differ stand in a list of their own."""
        return {
            "differing": {why.value: number for why, number in self.differing.items()},
            "sample": [one._asdict() for one in self.sample],
        }


def compare(
    actions: Iterable[Action],
    plan: PlanFile,
    standing: Standing,
    *,
    is_copy: Callable[[Noted], bool],
) -> dict[Why, int]:
    """How many keys differ still, by why. `actions` are those of a second plan of the same.

    `is_copy` tells of a copy that could not be proven whether all that is told of it agrees. The
    keys are written into the plan's folder, such copies too. Raises CannotRun where plan or journal
    is damaged.
    """
    counts = dict.fromkeys(Why, 0)
    suspects: dict[str, str] = {}
    with plan.differing.open("w", encoding="ascii") as file:

        def tell(differing: Differing) -> None:
            counts[differing.why] += 1
            file.write(json.dumps(differing) + "\n")

        for action, number in _numbered(actions, plan.read()):
            if action.diff is Diff.UNCHANGED:
                continue
            result = standing.result(number) if number is not None else None
            if action.diff is Diff.UNRESTORABLE:
                tell(Differing(action.key, Why.UNRESTORABLE, action.current))
            elif result in (Result.DONE, Result.ALREADY):
                suspects[action.key] = action.current
            else:
                why = _OF_RESULT[result] if result else Why.WRITTEN_SINCE
                tell(Differing(action.key, why, action.current))
        copies = []
        for noted in journal.standing(plan.journal, standing) if suspects else ():
            current = suspects.get(noted.key)
            if current is None:
                continue
            if not current or current != noted.made:
                tell(Differing(noted.key, Why.WRITTEN_SINCE, current))
            elif noted.how is not How.MARKER and is_copy(noted):
                copies.append(Copy(noted.key, noted.source, noted.made))
            else:
                tell(Differing(noted.key, Why.WRONG, current))
        known.add(plan.known, sorted(copies))
    return counts


def _numbered(
    actions: Iterable[Action], planned: Iterable[Action]
) -> Iterator[tuple[Action, int | None]]:
    """Each action with the number that its key has in a plan, None for a key that is not in it.

    Both are in the order of their keys.
    """
    lines = enumerate(planned)
    number, known = next(lines, (None, None))
    for action in actions:
        while known is not None and known.key < action.key:
            number, known = next(lines, (None, None))
        yield action, number if known is not None and known.key == action.key else None


def differing(path: Path) -> Iterator[Differing]:
    """The keys that differed at the last verification."""
    if path.exists():
        with path.open(encoding="ascii") as file:
            for line in file:
                key, why, current = json.loads(line)
                yield Differing(key, Why(why), current)


def sample(
    done: Iterable[Noted], size: int, found: Preflight, *, chance: random.Random
) -> Iterator[Sampled]:
    """So many of the restored objects, chosen by chance, read back in full: both sides.

    What is archived as its version was is left out: it cannot be read.
    """
    for noted in sorted(_chosen(done, size, chance)):
        read = _read_back(noted, found)
        if read is not None:
            yield read


def _chosen(done: Iterable[Noted], size: int, chance: random.Random) -> list[Noted]:
    """So many of them, each with the same chance, however many there are.

    >>> _chosen([], 3, random.Random(1))
    []
    """
    chosen: list[Noted] = []
    seen = 0
    for noted in done:
        if noted.result not in (Result.DONE, Result.ALREADY) or noted.how is How.MARKER:
            continue
        if noted.bytes > LARGEST_COPY:
            continue
        seen += 1
        if len(chosen) < size:
            chosen.append(noted)
        elif (place := chance.randrange(seen)) < size:
            chosen[place] = noted
    return chosen


def _read_back(noted: Noted, found: Preflight) -> Sampled | None:
    """The digest of what was made, against that of the version that it was made from."""
    try:
        wanted = _digest(found.source, noted.key, noted.source)
        made = _digest(found.target, noted.key, noted.made)
    except (ClientError, BotoCoreError) as error:
        if isinstance(error, ClientError) and code_of(error) == "InvalidObjectState":
            return None
        return Sampled(noted.key, noted.source, noted.made, "", f"cannot be read: {error}")
    problem = "" if made == wanted else f"its SHA-256 is {made}: expected {wanted}"
    return Sampled(noted.key, noted.source, noted.made, made, problem)


def _digest(place: Place, key: str, version: str) -> str:
    return objects.digest(place.facts.name, key, version, owner=place.owner)
