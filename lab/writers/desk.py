"""What a piece of the hard writer's work is, and what it gets to work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any, TypeAlias

import psycopg

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


class Crew(StrEnum):
    """Those who share a kind of work: quick, long, prepared, upkeep, reshaping."""

    QUICK = "quick"
    LONG = "long"
    PREPARED = "prepared"
    UPKEEP = "upkeep"
    RESHAPING = "reshaping"


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """A connection (autocommit), dice of one's own, and a name that nobody else has.

    `rest` waits so many seconds, less when the writer is to stop.
    """

    connection: Connection
    dice: Random
    name: str
    rest: Callable[[float], object]

    def run(self, statement: str, *parameters: object) -> int:
        """Run a statement; how many rows it touched. Raises psycopg.Error."""
        return self.connection.execute(statement.encode(), parameters or None).rowcount

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows of a statement. Raises psycopg.Error."""
        return self.connection.execute(statement.encode(), parameters or None).fetchall()

    def some(self, most: int) -> int:
        """A number from 1 to `most`."""
        return self.dice.randint(1, most)

    def now_and_then(self, share: float) -> bool:
        """Yes, so often."""
        return self.dice.random() < share


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One kind of work: `do` does it once. In each round of its crew it is done `times` times."""

    name: str
    do: Callable[[Desk], None]
    crew: Crew = Crew.QUICK
    times: int = 1
