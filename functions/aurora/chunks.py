"""Tables cut into ranges of blocks, and what is known of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OPEN_END = 4294967295
"""One past the highest number of a block."""


@dataclass(frozen=True, order=True, slots=True)
class Blocks:
    """The blocks of a table from `start` on, up to below `end`; None is the table's end."""

    start: int = 0
    end: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A table, and how its rows are told apart: `digest` and `key` are expressions."""

    schema: str
    name: str
    digest: str
    key: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row: where it is, the digests of its key and of all of it.

    `late`: it was written by a transaction that began after the given one.
    """

    ctid: str
    key: int
    digest: int
    late: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """Where a table is stored: `written` counts the rows that were written, about."""

    filenode: int
    blocks: int
    bytes: int
    written: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server: servers whose `probe` and `encoding` are alike digest alike.

    While its `snapshot` stays the same, nothing is written.
    """

    version: str
    encoding: str
    block_bytes: int
    database: str
    started_at: str
    next_xid: int
    snapshot: str
    probe: str


def chunks(*, blocks: int, bytes_each: int, chunk_bytes: int) -> list[Blocks]:
    """The ranges of a table that are read one at a time, the last with all that follows.

    >>> chunks(blocks=10, bytes_each=8192, chunk_bytes=32768)
    [Blocks(start=0, end=4), Blocks(start=4, end=8), Blocks(start=8, end=None)]
    >>> chunks(blocks=0, bytes_each=8192, chunk_bytes=32768)
    [Blocks(start=0, end=None)]
    """
    step = max(1, chunk_bytes // max(1, bytes_each))
    starts = range(0, max(1, blocks), step)
    return [Blocks(start, start + step if start + step < blocks else None) for start in starts]


def halves(blocks: Blocks, length: int) -> tuple[Blocks, Blocks] | None:
    """The two halves of a range of a table of that length; None where it cannot be cut.

    >>> halves(Blocks(4, None), 8), halves(Blocks(4, 5), 8)
    ((Blocks(start=4, end=6), Blocks(start=6, end=None)), None)
    """
    end = length if blocks.end is None else blocks.end
    middle = (blocks.start + end) // 2
    if middle <= blocks.start:
        return None
    return Blocks(blocks.start, middle), Blocks(middle, blocks.end)


def merged(ranges: Iterable[Blocks]) -> list[Blocks]:
    """Ranges in order, neighbours joined.

    >>> merged([Blocks(4, 8), Blocks(0, 4), Blocks(12, None)])
    [Blocks(start=0, end=8), Blocks(start=12, end=None)]
    """
    joined: list[Blocks] = []
    for each in sorted(ranges, key=lambda blocks: blocks.start):
        if joined and joined[-1].end == each.start:
            joined[-1] = Blocks(joined[-1].start, each.end)
        else:
            joined.append(each)
    return joined
