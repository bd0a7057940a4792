"""Reads two databases side by side, a chunk at a time, and looks into the chunks that differ.

Where the sums of all chunks agree, the tables hold the same rows, though perhaps elsewhere. Where
they do not, the chunks that differ are read again, by buckets of key digests first, so that few
rows are held at once, then row by row.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from cli import comparing
from cli.compare_journal import Journal
from cli.compare_pairs import Half, Pair
from cli.compare_sides import Side, TookTooLong
from cli.comparing import BUCKETS, Compared, Matching, Seen, Standing
from cli.words import rate, size
from functions.aurora import chunks, content
from functions.aurora.chunks import Blocks, Row
from functions.aurora.database import QueryFailed, Session
from functions.aurora.digest import Digest
from functions.report.words import count

CHUNK_BYTES: Final = 8 * 1024 * 1024
MOST_CHUNKS: Final = 16_384
"""Of a table: those of a larger one are larger, so that what is kept of them does not grow."""

_AHEAD: Final = 4
"""Chunks that are asked for at once, for each connection."""

_FAILURES: Final = (QueryFailed, TookTooLong)

Answer = TypeVar("Answer")
Task = TypeVar("Task")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How it is to be done. `places` rows of each table are named, `seconds` limit a statement."""

    schemas: Sequence[str] = ()
    tables: Sequence[str] = ()
    connections: int = 2
    places: int = 10
    seconds: float = 60.0
    chunk_bytes: int = CHUNK_BYTES
    resume: Path | None = None


@dataclass(kw_only=True, slots=True)
class Scan:
    """How far the reading of a table has come. Only chunks that differ are kept."""

    pair: Pair
    source: Digest = field(default_factory=Digest)
    copy: Digest = field(default_factory=Digest)
    differing: list[Seen] = field(default_factory=list)
    failure: Compared | None = None

    def add(self, seen: Seen) -> None:
        """One chunk more."""
        self.source += seen.source
        self.copy += seen.copy
        if not seen.alike:
            self.differing.append(seen)


@dataclass(kw_only=True, slots=True)
class Progress:
    """What is said while it goes on."""

    tables: int
    bytes: int
    done: int = 0
    read: int = 0
    now: str = ""

    def line(self, seconds: float) -> str:
        """The line.

        >>> Progress(tables=3, bytes=4_000_000, done=1, read=2_000_000, now="s.t").line(2.0)
        '1 of 3 tables, 2.0 MB of 4.0 MB, 1.0 MB/s, s.t'
        """
        told = [
            f"{self.done:,} of {count(self.tables, 'table')}",
            f"{size(self.read)} of {size(self.bytes)}",
            f"{size(rate(self.read, seconds))}/s",
        ]
        return ", ".join([*told, self.now] if self.now else told)


class Work:
    """Reads both sides at once."""

    def __init__(self, source: Side, copy: Side, options: Options, journal: Journal) -> None:
        self._source, self._copy = source, copy
        self._options, self._journal = options, journal
        self.sides = (source, copy)
        self._since: list[tuple[int, str]] = [(xid, told) for xid, told in journal.header["since"]]
        self._failed: set[str] = set()

    def scans(
        self, pairs: Sequence[Pair], progress: Progress, tick: Callable[[], None]
    ) -> Iterator[Scan]:
        """The tables, each when all of it was read."""
        tasks = ((pair, blocks, last) for pair in pairs for blocks, last in self._chunks(pair))
        scan: Scan | None = None
        for (pair, blocks, last), answer in self._ahead(tasks, self._begin):
            if scan is None or scan.pair is not pair:
                scan = Scan(pair=pair)
                progress.now = pair.target
            self._take(scan, blocks, answer)
            progress.read += self._bytes(pair, blocks)
            tick()
            if last:
                yield scan

    def judged(self, scan: Scan) -> Compared:
        """What a table is, once all of it was read."""
        pair = scan.pair
        if scan.failure:
            return scan.failure
        if scan.source == scan.copy:
            return _agreeing(scan)
        matching, whole, moved, notes = Matching(), False, "", [pair.defined]
        try:
            matching, whole = self._located(scan)
            moved = self._moved(scan, matching)
        except _FAILURES as failure:
            notes.append(f"its rows could not be looked at one by one: {failure}")
        spots = list(matching.spots())
        return Compared(
            target=pair.target,
            standing=Standing.MOVED if moved else Standing.DIFFERENT,
            detail=moved or "; ".join(note for note in notes if note),
            source=scan.source,
            copy=scan.copy,
            chunks=chunks.merged(seen.blocks for seen in scan.differing),
            spots=spots[: self._options.places],
            counts=dict(Counter(spot.kind for spot in spots)),
            partial=not whole,
            keyed=pair.keyed,
            unproven=pair.unproven,
        )

    def went_on(self, number: int) -> bool:
        """Whether a transaction has ended on that side since the comparison began."""
        _, snapshot = self._since[number]
        return self.sides[number].ask(content.read_server).snapshot != snapshot

    def _chunks(self, pair: Pair) -> Iterator[tuple[Blocks, bool]]:
        """The ranges of a table, and whether one is the last."""
        longer = max(pair.source.storage, pair.copy.storage, key=lambda each: each.blocks)
        ranges = chunks.chunks(
            blocks=longer.blocks,
            bytes_each=longer.bytes // max(1, longer.blocks),
            chunk_bytes=max(self._options.chunk_bytes, longer.bytes // MOST_CHUNKS),
        )
        for number, blocks in enumerate(ranges):
            yield blocks, number + 1 == len(ranges)

    def _bytes(self, pair: Pair, blocks: Blocks) -> int:
        """Of a chunk of the source, about."""
        stored = pair.source.storage
        end = stored.blocks if blocks.end is None else min(blocks.end, stored.blocks)
        return max(0, end - blocks.start) * stored.bytes // max(1, stored.blocks)

    def _begin(self, task: tuple[Pair, Blocks, bool]) -> tuple[Future[Digest], Future[Digest]]:
        pair, blocks, _ = task
        if pair.target in self._failed:
            return _done(Digest()), _done(Digest())
        if known := self._journal.known(pair.target, pair.print, blocks):
            return _done(known.source), _done(known.copy)
        return self._read(pair, blocks)

    def _take(
        self, scan: Scan, blocks: Blocks, answer: tuple[Future[Digest], Future[Digest]]
    ) -> None:
        pair = scan.pair
        try:
            seen = Seen(blocks=blocks, source=answer[0].result(), copy=answer[1].result())
        except _FAILURES as failure:
            answer[1].cancel()
            self._failed.add(pair.target)
            scan.failure = scan.failure or _failed(pair, failure)
            return
        if scan.failure:
            return
        if self._journal.known(pair.target, pair.print, blocks) is None:
            self._journal.note(pair.target, pair.print, seen)
        scan.add(seen)

    def _located(self, scan: Scan) -> tuple[Matching, bool]:
        """The rows that differ, and whether those are all."""
        ranges = [seen.blocks for seen in scan.differing]
        rows = sum(seen.source.rows + seen.copy.rows for seen in scan.differing)
        buckets, chosen, whole = 1, [0], True
        if rows > comparing.FEW_ROWS:
            buckets = BUCKETS
            chosen, whole = self._buckets(scan.pair, ranges)
        matching = Matching()
        for _, (source, copy) in self._ahead(
            ranges, lambda blocks: self._rows(scan.pair, blocks, buckets, chosen)
        ):
            matching.add(source.result(), copy.result())
        return matching, whole

    def _buckets(self, pair: Pair, ranges: Sequence[Blocks]) -> tuple[list[int], bool]:
        more: dict[int, Digest] = {}
        rows: Counter[int] = Counter()
        for _, (source, copy) in self._ahead(ranges, lambda blocks: self._digests(pair, blocks)):
            for bucket, digest in source.result().items():
                more[bucket] = more.get(bucket, Digest()) + digest
                rows[bucket] += digest.rows
            for bucket, digest in copy.result().items():
                more[bucket] = more.get(bucket, Digest()) - digest
                rows[bucket] += digest.rows
        return comparing.chosen_buckets(more, rows)

    def _digests(
        self, pair: Pair, blocks: Blocks
    ) -> tuple[Future[dict[int, Digest]], Future[dict[int, Digest]]]:
        return self._both(
            lambda side, half, _: _in_parts(
                side,
                half,
                blocks,
                ask=lambda session, part: content.digest_buckets(
                    session, half.place, part, buckets=BUCKETS
                ),
                join=comparing.added,
            ),
            pair,
        )

    def _rows(
        self, pair: Pair, blocks: Blocks, buckets: int, chosen: Sequence[int]
    ) -> tuple[Future[list[Row]], Future[list[Row]]]:
        return self._both(
            lambda side, half, since: _in_parts(
                side,
                half,
                blocks,
                ask=lambda session, part: content.list_rows(
                    session, half.place, part, buckets=buckets, chosen=chosen, since=since
                ),
                join=lambda rows, more: [*rows, *more],
            ),
            pair,
        )

    def _read(self, pair: Pair, blocks: Blocks) -> tuple[Future[Digest], Future[Digest]]:
        return self._both(
            lambda side, half, _: _in_parts(
                side,
                half,
                blocks,
                ask=lambda session, part: content.digest_blocks(session, half.place, part),
                join=lambda digest, more: digest + more,
            ),
            pair,
        )

    def _both(
        self, work: Callable[[Side, Half, int], Answer], pair: Pair
    ) -> tuple[Future[Answer], Future[Answer]]:
        """The same work with either side, its half of the pair, and where its ids began."""
        (ours, _), (theirs, _) = self._since
        return (
            self._source.later(lambda side: work(side, pair.source, ours)),
            self._copy.later(lambda side: work(side, pair.copy, theirs)),
        )

    def _moved(self, scan: Scan, matching: Matching) -> str:
        """How it is known that a side was written to meanwhile; empty where nothing says so."""
        if not any(self.went_on(number) for number in range(len(self.sides))):
            return ""
        if matching.late:
            return "rows that differ were written since the comparison began"
        for task, (source, copy) in self._ahead(
            scan.differing, lambda seen: self._read(scan.pair, seen.blocks)
        ):
            if (source.result(), copy.result()) != (task.source, task.copy):
                return "a chunk was read twice, and was not the same"
        return ""

    def _ahead(
        self, tasks: Iterable[Task], begin: Callable[[Task], Answer]
    ) -> Iterator[tuple[Task, Answer]]:
        """Each task with what was begun for it, some ahead of the one that is waited for."""
        begun: deque[tuple[Task, Answer]] = deque()
        for task in tasks:
            begun.append((task, begin(task)))
            if len(begun) > _AHEAD * self._options.connections:
                yield begun.popleft()
        while begun:
            yield begun.popleft()


def _in_parts(
    side: Side,
    half: Half,
    blocks: Blocks,
    *,
    ask: Callable[[Session, Blocks], Answer],
    join: Callable[[Answer, Answer], Answer],
) -> Answer:
    """What is asked of these blocks, in halves where it takes too long.

    Raises TookTooLong where a single block does.
    """
    try:
        return side.ask(lambda session: ask(session, blocks))
    except TookTooLong:
        cut = chunks.halves(blocks, half.storage.blocks)
        if cut is None:
            raise
    first, second = (_in_parts(side, half, part, ask=ask, join=join) for part in cut)
    return join(first, second)


def _done(digest: Digest) -> Future[Digest]:
    future: Future[Digest] = Future()
    future.set_result(digest)
    return future


def _agreeing(scan: Scan) -> Compared:
    """A table whose rows are the same: equal, unless it is defined otherwise."""
    return Compared(
        target=scan.pair.target,
        standing=Standing.DIFFERENT if scan.pair.defined else Standing.EQUAL,
        detail=scan.pair.defined,
        source=scan.source,
        copy=scan.copy,
        keyed=scan.pair.keyed,
        elsewhere=bool(scan.differing),
        unproven=scan.pair.unproven,
    )


def _failed(pair: Pair, failure: QueryFailed | TookTooLong) -> Compared:
    """A table that could not be read; where that is because of what is stored, it is different."""
    damaged = isinstance(failure, QueryFailed) and failure.damaged
    return Compared(
        target=pair.target,
        standing=Standing.DIFFERENT if damaged else Standing.NOT_COMPARED,
        detail=f"it cannot be read: {failure}",
        read=False,
    )
