"""A range of a bucket's keys, planned, and the count of what is planned and done.

What the drill, the operator's command line and the shards of a fan-out have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

from functions.s3_versions import state_at
from functions.s3_versions.copier import Outcome, Result
from functions.s3_versions.listing import Position
from functions.s3_versions.values import Action, Caveat, Diff, Entry
from functions.s3_versions.wire import Bucket


def entries(
    bucket: Bucket, *, prefix: str = "", after: str = "", until: str = ""
) -> Generator[Entry]:
    """The versions and markers of the keys in (`after`, `until`] below a prefix, in wire order.

    An empty end is open.
    """
    position = Position(after, "") if after else None
    for page in bucket.versions(prefix=prefix, after=position, until=until or None):
        yield from page.entries


def plan_range(
    source: Bucket,
    at: str,
    *,
    to: Bucket | None = None,
    prefix: str = "",
    after: str = "",
    until: str = "",
    undelete: bool = False,
    horizon: str = "",
    etags_tell: bool = True,
    doubts: bool = False,
    through: Callable[[Iterator[Entry]], Iterator[Entry]] = iter,
    through_there: Callable[[Iterator[Entry]], Iterator[Entry]] = iter,
) -> Generator[Action]:
    """The actions for the keys in (`after`, `until`] below a prefix: one a key, in order.

    `at` and `horizon` are as `values.moment` writes them, `etags_tell` and `doubts` as in
    `state_at.plan`. In place, or into the bucket `to`. The entries of the source come `through`
    what may end them early, between two keys; those of `to` come `through_there`, whole. Close it,
    or read it to the end: a page may be on its way. Raises ListingOutOfOrder.
    """
    with ExitStack() as opened:
        listed = opened.enter_context(
            closing(entries(source, prefix=prefix, after=after, until=until))
        )
        if to is None:
            yield from state_at.plan(
                through(listed),
                at,
                undelete=undelete,
                horizon=horizon,
                etags_tell=etags_tell,
                doubts=doubts,
            )
            return
        there = opened.enter_context(closing(entries(to, prefix=prefix, after=after, until=until)))
        yield from state_at.plan_elsewhere(
            through(listed),
            through_there(there),
            at,
            horizon=horizon,
            etags_tell=etags_tell,
            doubts=doubts,
        )


@dataclass(kw_only=True, slots=True)
class Tally:
    """How many keys, and bytes of what was current at T: by diff, by caveat, by result."""

    keys: dict[str, int] = field(default_factory=lambda: {diff.value: 0 for diff in Diff})
    bytes: dict[str, int] = field(default_factory=lambda: {diff.value: 0 for diff in Diff})
    caveats: dict[str, int] = field(default_factory=lambda: {one.value: 0 for one in Caveat})
    results: dict[str, int] = field(default_factory=lambda: {one.value: 0 for one in Result})
    copied_bytes: int = 0

    def planned(self, action: Action) -> None:
        """Count an action of a plan."""
        self.keys[action.diff.value] += 1
        self.bytes[action.diff.value] += action.size
        for caveat in action.caveats:
            self.caveats[caveat.value] += 1

    def happened(self, outcome: Outcome) -> None:
        """Count what came of an action."""
        self.results[outcome.result.value] += 1
        self.copied_bytes += outcome.bytes

    def add(self, other: Tally) -> None:
        """Count what another tally has counted."""
        for mine, theirs in (
            (self.keys, other.keys),
            (self.bytes, other.bytes),
            (self.caveats, other.caveats),
            (self.results, other.results),
        ):
            for name, number in theirs.items():
                mine[name] += number
        self.copied_bytes += other.copied_bytes

    def to_record(self) -> dict[str, Any]:
        """As it travels in an answer."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Tally:
        """The tally of an answer.

        >>> Tally.from_record(Tally().to_record()) == Tally()
        True
        """
        return cls(**record)

    @property
    def changes(self) -> int:
        """How many keys are to be created, changed or removed."""
        return sum(self.keys[diff.value] for diff in (Diff.CREATE, Diff.CHANGE, Diff.REMOVE))
