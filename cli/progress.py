"""How far a piece of work is: redrawn in place on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cli.journal import Standing
from cli.stopping import FINISHING
from cli.words import rate, size
from functions.report.words import count, duration
from functions.s3_versions.outcome import Result
from functions.s3_versions.values import Action, Entry

_LINE_SECONDS: Final = 10.0
"""Between two lines where there is no terminal."""

_TROUBLE: Final = {
    Result.CONFLICT: "conflicts",
    Result.FAILED: "failed",
    Result.THAWING: "thawing",
}


@dataclass(kw_only=True, slots=True)
class Reading:
    """How much of a listing was read."""

    keys: int = 0
    versions: int = 0

    def entries(self, found: Iterable[Entry]) -> Iterator[Entry]:
        """The entries, counted as they pass."""
        for entry in found:
            self.versions += 1
            yield entry

    def actions(self, decided: Iterable[Action]) -> Iterator[Action]:
        """The actions, one a key, counted as they pass."""
        for action in decided:
            self.keys += 1
            yield action

    def line(self, seconds: float) -> str:
        """What is said of it after so many seconds.

        >>> Reading(keys=1000, versions=3400).line(2.0)
        '1,000 keys, 3,400 versions read, 1,700 a second'
        """
        return (
            f"{self.keys:,} keys, {self.versions:,} versions read,"
            f" {rate(self.versions, seconds):,.0f} a second"
        )


@dataclass(kw_only=True, slots=True)
class Writing:
    """How many of so many actions were gone through: `passed` since it began, when so many were
    `good` and so many bytes copied before. `stopping` once it was asked to stop.
    """

    standing: Standing
    total: int
    good_before: int = 0
    bytes_before: int = 0
    passed: int = 0
    stopping: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes were copied since it began."""
        return self.standing.bytes - self.bytes_before

    def line(self, seconds: float) -> str:
        """What is said of it after so many seconds.

        >>> Writing(standing=Standing(9), total=9, passed=4).line(2.0)
        '0 of 9 done, 2 a second, 0 B/s, about 2.5 s left'
        """
        counts = self.standing.counts
        told = [f"{self.standing.good:,} of {self.total:,} done"]
        for result, words in _TROUBLE.items():
            if counts[result]:
                told.append(f"{counts[result]:,} {words}")
        per_second = rate(self.passed, seconds)
        told.append(f"{per_second:,.0f} a second")
        told.append(f"{size(rate(self.bytes, seconds))}/s")
        left = self.total - self.good_before - self.passed
        if self.stopping:
            told.append(FINISHING)
        elif left > 0 and per_second > 0:
            told.append(f"about {duration(left / per_second)} left")
        return ", ".join(told)


@dataclass(kw_only=True, slots=True)
class Sampling:
    """How many objects of a sample were read back, and how many of them are not what they were."""

    read: int = 0
    unlike: int = 0

    def line(self, seconds: float) -> str:
        """What is said of it.

        >>> Sampling(read=20, unlike=1).line(2.0)
        '20 objects read in full in 2.0 s, 1 is not what it was'
        """
        told = f"{count(self.read, 'object')} read in full in {duration(seconds)}"
        verb = "is" if self.unlike == 1 else "are"
        return f"{told}, {self.unlike:,} {verb} not what it was" if self.unlike else told


class Work(Protocol):
    """Something of which a line can be said."""

    def line(self, seconds: float) -> str:
        """What is said of it after so many seconds."""


class Follow:
    """Shows a line that changes while work goes on, and once more at its end."""

    def __init__(self, console: Console, title: str, work: Work) -> None:
        self._console, self._title, self._work = console, title, work
        self._began = time.monotonic()
        in_place = console.is_terminal and not console.is_dumb_terminal
        self._live = (
            Live(console=console, get_renderable=self._text, transient=True) if in_place else None
        )
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()
        self._console.print(self._text())

    @property
    def seconds(self) -> float:
        """How long it has been followed."""
        return time.monotonic() - self._began

    def tick(self) -> None:
        """Say how it stands, where there is no terminal and it was not said for a while."""
        if self._live is None and time.monotonic() - self._told > _LINE_SECONDS:
            self._told = time.monotonic()
            self._console.print(self._text())

    def _text(self) -> Text:
        return Text.assemble((f"{self._title:<13}", "dim"), self._work.line(self.seconds))
