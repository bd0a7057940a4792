"""The tables of the source, as they were before the restore point: their first readings.

Evidence of a run's witness, beside the manifest: `tables` (as listed), `digests` (of which columns
a row's digest is), `first-<n>` (what each call has read), and from these, by groups of tables,
`chunks-<group>`: of each table its pass and its chunks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from functions.aurora import digesting, passing, scanning
from functions.aurora.comparison import BLOCK_BYTES, WINDOW
from functions.aurora.database import Session
from functions.aurora.manifest import Table
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk
from functions.aurora.scanning import Known, Relation, Storage
from functions.aurora.second_reading import quiet_since
from functions.aurora.witness_work import Work, list_tables, listed_tables
from functions.errors import TryAgain

GROUP_CHUNKS: Final = 20_000
GROUP_TABLES: Final = 500
"""Chunks and tables whose readings are kept in one file of evidence, about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """What a round reads: tables as a `whole`, or of tables the chunks that are given `anew`, or
    of these such as have `changed`; the first round reads `everything`."""

    everything: bool = False
    whole: frozenset[str] = frozenset()
    anew: Mapping[str, Read] = field(default_factory=dict)
    changed: Mapping[str, Read] = field(default_factory=dict)

    def asks(self, target: str) -> bool:
        """Whether something of this table is to be read."""
        asked = (self.whole, self.anew, self.changed)
        return self.everything or any(target in each for each in asked)


def begin(work: Work, session: Session) -> None:
    """List the tables, and how their rows are digested."""
    listed = list_tables(session, work)
    work.put("tables", [asdict(table) for table in listed])
    found: dict[str, Any] = {"side": digesting.side(session)}
    found["tables"] = {name: asdict(each) for name, each in digesting.read(session, listed).items()}
    work.put("digests", found)


def relations(work: Work) -> dict[str, Relation]:
    """The tables to be read, by target."""
    known, listed = work.get("digests")["tables"], listed_tables(work)
    least = scanning.least_chunk(sum(table.bytes for table in listed) // BLOCK_BYTES)
    return {
        table.target: Relation(
            schema=table.schema,
            name=table.name,
            digest=known[table.target]["sql"],
            least_chunk=least,
        )
        for table in listed
        if table.counted
    }


def read(
    work: Work,
    session: Session,
    todo: Sequence[str],
    *,
    place: int,
    going: Pass,
    part: str,
    again: Again,
) -> tuple[int, Pass]:
    """Read on from where the last call stopped, at least one slice.

    What was read goes into one file of evidence, of this call's own, before the answer. Answers how
    many tables are done, and how far the next one has come. Raises TryAgain when the connection is
    lost before anything was read.
    """
    found: dict[str, dict[str, Any]] = {}
    known = relations(work)
    slices = 0
    while place < len(todo):
        left = work.remaining_seconds()
        if slices and left < scanning.RESERVE_SECONDS:
            break
        target = todo[place]
        limits: dict[str, Any] = {"slice_bytes": work.slice_bytes, "remaining_seconds": left}
        before, began = going.bytes, time.monotonic()
        try:
            if known_of := again.anew.get(target) or again.changed.get(target):
                going = known_of.going.again if going == Pass() else going
            if table := again.anew.get(target):
                going, chunks = passing.retake_on(
                    session, going, known[target], table.chunks, **limits
                )
            elif table := again.changed.get(target):
                going, found_in = passing.again_on(
                    session, going, known[target], table.chunks, _refreshed, **limits
                )
                chunks = [chunk for each in found_in for chunk in each]
            else:
                going, chunks = passing.first_on(session, going, known[target], **limits)
        except TryAgain:
            if slices:
                break  # what was read is kept; the next call finds out whether this one passes
            raise
        slices += 1
        entry = found.setdefault(target, {"pass": {}, "chunks": []})
        # What could not be looked at again is as it was.
        kept = again.changed[target].going if going.problem and target in again.changed else going
        entry["pass"] = kept.to_document()
        entry["chunks"] += [chunk.to_row() for chunk in chunks]
        work.load.read_bytes += going.bytes - before
        work.rest(time.monotonic() - began)
        if going.finished:
            place, going = place + 1, Pass()
        elif going.behind:
            break
    work.put(part, found)
    return place, going


def _refreshed(
    session: Session, relation: Relation, storage: Storage, chunks: Sequence[Chunk]
) -> list[list[Chunk]]:
    """Another first reading of the chunks that have changed since; none of the others.

    What has grown beyond the last one becomes chunks of its own.
    """
    looked = scanning.read_again(session, replace(relation, digest=""), storage, chunks)
    size = scanning.chunk_blocks(storage.blocks, relation.least_chunk)
    read = []
    for chunk, seen in zip(chunks, looked, strict=True):
        ranges: list[tuple[int, int | None]] = [(chunk.start, chunk.end)]
        if chunk.end is None and not storage.whole:
            ranges = scanning.cut(chunk.start, storage.blocks, size, storage.blocks)
        if quiet_since(chunk, seen):
            ranges = []
        read.append(scanning.read_first(session, relation, storage, ranges, Known.of(chunk)))
    return read


def changed(work: Work, parts: Sequence[str], number: int) -> Counter[str]:
    """How many chunks of each table a round has read."""
    found: Counter[str] = Counter()
    for part in parts:
        if int(part.split("-")[1]) == number:
            for target, record in work.get(part).items():
                found[target] += len(record["chunks"])
    return found


def gathered(work: Work, parts: Sequence[str], again: Sequence[Sequence[str]]) -> dict[str, Read]:
    """What all calls have read, by target; of what was read again, the last reading.

    `again` are the tables that each later round has begun from anew, by its number.
    """
    found: dict[str, tuple[Pass, dict[int, Chunk]]] = {}
    seen_round = 0
    for part in parts:
        number = int(part.split("-")[1])
        while seen_round < number:
            for target in again[seen_round]:
                found.pop(target, None)
            seen_round += 1
        for target, record in work.get(part).items():
            _, chunks = found.setdefault(target, (Pass(), {}))
            chunks |= {chunk.start: chunk for chunk in map(Chunk.from_row, record["chunks"])}
            found[target] = (Pass.from_document(record["pass"]), chunks)
    return {
        target: Read(going=going, chunks=tuple(chunks[start] for start in sorted(chunks)))
        for target, (going, chunks) in found.items()
    }


def stale(session: Session, listed: Sequence[Table], read: Mapping[str, Read]) -> list[str]:
    """The tables to be read again as a whole.

    Those that have been rewritten since, those that were locked, and those whose window is half
    used up.
    """
    names = sorted({table.schema for table in listed})
    rows = session.all("filenodes", schemas=names)
    now = {f"{row['schema']}.{row['name']}": row for row in rows}
    return [
        target
        for target, table in read.items()
        if target in now and _is_stale(table, now[target]["filenode"], now[target]["next_xid"])
    ]


def _is_stale(table: Read, filenode: int, next_xid: int) -> bool:
    """Whether a reading is of no use any more, or never was and may be now."""
    if table.going.problem:
        return table.going.passing or table.going.problem == passing.REWRITTEN
    oldest = min((chunk.horizon for chunk in table.chunks), default=next_xid)
    return filenode != table.going.filenode or next_xid - oldest > WINDOW // 2


def groups(read: Mapping[str, Read], restless: Mapping[str, int]) -> Iterator[dict[str, Read]]:
    """The tables in groups, each of which is one file of evidence; the most `restless` first."""
    group: dict[str, Read] = {}
    chunks = 0
    for target in sorted(read, key=lambda target: (-restless.get(target, 0), target)):
        table = read[target]
        if group and (chunks + len(table.chunks) > GROUP_CHUNKS or len(group) >= GROUP_TABLES):
            yield group
            group, chunks = {}, 0
        group[target] = table
        chunks += len(table.chunks)
    if group:
        yield group


def group(work: Work, number: int) -> dict[str, Read]:
    """A group of tables, as it was kept."""
    kept = work.get(f"chunks-{number}")
    return {target: Read.from_document(record) for target, record in kept.items()}
