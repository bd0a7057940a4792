"""The catalogs of a server, read kind by kind: the same questions to the source and to the copy.

A kind is one statement and one short transaction. To show an expression as text, PostgreSQL locks
its table for a moment; where somebody else holds that, the kind is read again without those texts,
which are for people: what is compared is what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.aurora import database
from functions.aurora.database import QueryFailed, Session
from functions.aurora.definitions import Entry
from functions.aurora.fingerprint import MOST_OBJECTS
from functions.aurora.sequences import Ends, Value

PAGE = 4000
"""How many objects one file of evidence holds, and how many are in memory at a time."""

LOCK_SECONDS = 0.2

ATTEMPTS = 5
"""How often a kind is read anew where an object went away, or was locked, while it was read."""


@dataclass(slots=True)
class Reading:
    """Reads the kinds of one server; afterwards, how many objects there were and what was not read.

    `alive`: others may change the catalogs meanwhile, so what fails may succeed a moment later.
    """

    session: Session
    kinds: Sequence[str]
    alive: bool
    objects: int = 0
    unread: dict[str, str] = field(default_factory=dict)

    def entries(self) -> Iterator[Entry]:
        """All objects, kind by kind. Raises QueryFailed where a catalog of a copy is damaged."""
        for kind in self.kinds:
            found = self._kind(kind)
            self.objects += len(found)
            yield from sorted(found, key=lambda entry: entry.name)

    def _kind(self, kind: str) -> list[Entry]:
        """The objects of a kind; none where it cannot be read, which is noted."""
        legible = True
        for attempt in range(ATTEMPTS):
            try:
                return self._read(kind, legible=legible)
            except QueryFailed as failure:
                if failure.damaged and not self.alive:
                    raise
                legible = legible and not failure.locked
                if attempt + 1 == ATTEMPTS or not (failure.passing or failure.damaged):
                    self.unread[kind] = str(failure)
                    break
        return []

    def _read(self, kind: str, *, legible: bool) -> list[Entry]:
        found: list[Entry] = []
        for page in self.session.pages(
            f"fingerprint/{kind}", size=PAGE, lock_seconds=LOCK_SECONDS, legible=legible
        ):
            found += [entry for row in page if (entry := Entry.from_row(kind, row))]
            if self.objects + len(found) > MOST_OBJECTS:
                self.unread[kind] = f"the database has more than {MOST_OBJECTS} objects"
                return []
        return found


def keep(entries: Iterator[Entry], put: Callable[[int, list[list[str]]], None]) -> int:
    """Store the entries, page by page; how many pages there are."""
    page: list[list[str]] = []
    number = 0
    for entry in entries:
        page.append(entry.to_record())
        if len(page) >= PAGE:
            put(number, page)
            page, number = [], number + 1
    put(number, page)
    return number + 1


def kept(pages: int, get: Callable[[int], Any]) -> Iterator[Entry]:
    """The entries that were stored."""
    for number in range(pages):
        for record in get(number):
            yield Entry.from_record(record)


def sequence_values(session: Session, *, alive: bool) -> list[Value]:
    """How far each sequence has come. Raises QueryFailed."""
    attempts = ATTEMPTS if alive else 1
    while True:
        attempts -= 1
        try:
            pages = session.pages("sequences", size=PAGE, lock_seconds=1)
            return [Value(**row) for page in pages for row in page]
        except QueryFailed as failure:
            if not attempts or not (failure.passing or failure.damaged):
                raise


def column_ends(session: Session, values: Sequence[Value]) -> dict[str, Ends | str]:
    """By sequence, the ends of the column that it feeds, or why they cannot be read."""
    found: dict[str, Ends | str] = {}
    for value in values:
        if value.feeds_schema is None or value.feeds_table is None or value.feeds_column is None:
            continue
        parts = {
            "table": database.table(value.feeds_schema, value.feeds_table),
            "column": database.column(value.feeds_column),
        }
        try:
            found[value.name] = Ends(**session.one("column_ends", parts=parts))
        except QueryFailed as failure:
            found[value.name] = str(failure)
    return found
