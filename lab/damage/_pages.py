"""Pages of files as PostgreSQL keeps them, changed beneath a server that is stopped."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from psycopg import sql

from lab.damage import Connection, Damage, Edit

PAGE = 8192
_HEADER = 24
_LOWER = 12
_SPECIAL = 16

XMIN_COMMITTED, XMIN_INVALID = 0x0100, 0x0200
XMIN_FROZEN = XMIN_COMMITTED | XMIN_INVALID
XMAX_COMMITTED, XMAX_INVALID = 0x0400, 0x0800
_XMAX, _INFOMASK = 4, 20
_NORMAL = 1
_LEAF = 1


class Page:
    """One page: its bytes, and where the items on it begin."""

    def __init__(self, content: bytes) -> None:
        """The page with that content."""
        self.content = bytearray(content)

    def items(self) -> Iterator[int]:
        """The numbers of the items that are in use, as in a row's ctid."""
        (lower,) = struct.unpack_from("<H", self.content, _LOWER)
        for number in range(1, (lower - _HEADER) // 4 + 1):
            if self._pointer(number) >> 15 & 3 == _NORMAL:
                yield number

    def begin(self, number: int) -> int:
        """Where an item begins."""
        return self._pointer(number) & 0x7FFF

    def length(self, number: int) -> int:
        """How many bytes an item has."""
        return self._pointer(number) >> 17

    def find(self, number: int, value: bytes) -> int:
        """Where in an item a value stands. Raises ValueError."""
        begin = self.begin(number)
        return self.content.index(value, begin, begin + self.length(number))

    def turn_bit(self, place: int) -> None:
        """Turn over the lowest bit of a byte."""
        self.content[place] ^= 1

    def get(self, kind: str, place: int) -> int:
        """A number in the page; `kind` as in the module struct."""
        return int(struct.unpack_from(f"<{kind}", self.content, place)[0])

    def put(self, kind: str, place: int, number: int) -> None:
        """Write a number into the page."""
        struct.pack_into(f"<{kind}", self.content, place, number)

    def point(self, number: int, pointer: int) -> None:
        """Let an item's pointer be another."""
        self.put("I", _HEADER + 4 * (number - 1), pointer)

    @property
    def is_leaf(self) -> bool:
        """Of a page of a B-tree: whether its items lead to rows."""
        return bool(self.get("H", self.get("H", _SPECIAL) + 12) & _LEAF)

    def _pointer(self, number: int) -> int:
        return self.get("I", _HEADER + 4 * (number - 1))


class Row:
    """The header of a row: its two transactions, and what is known of them."""

    def __init__(self, page: Page, number: int) -> None:
        """The row that is this item of the page."""
        self.page = page
        self.number = number

    @property
    def xmin(self) -> int:
        """The transaction that wrote it."""
        return self.page.get("I", self.page.begin(self.number))

    @xmin.setter
    def xmin(self, value: int) -> None:
        self.page.put("I", self.page.begin(self.number), value)

    @property
    def xmax(self) -> int:
        """The transaction that deleted or locked it; 0 where none has."""
        return self.page.get("I", self.page.begin(self.number) + _XMAX)

    @xmax.setter
    def xmax(self, value: int) -> None:
        self.page.put("I", self.page.begin(self.number) + _XMAX, value)

    @property
    def mask(self) -> int:
        """What is known of the two."""
        return self.page.get("H", self.page.begin(self.number) + _INFOMASK)

    @mask.setter
    def mask(self, value: int) -> None:
        self.page.put("H", self.page.begin(self.number) + _INFOMASK, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A row of a file: relative to the data directory, block and item."""

    file: str
    block: int
    item: int


def place_of(connection: Connection, table: LiteralString, which: LiteralString) -> Place:
    """Where the first of the rows that are meant stands."""
    row = connection.execute(
        sql.SQL(
            "SELECT pg_relation_filepath({}::regclass), ctid::text FROM {} WHERE {} LIMIT 1"
        ).format(sql.Literal(table), sql.SQL(table), sql.SQL(which))
    ).fetchone()
    assert row is not None
    block, item = row[1].strip("()").split(",")
    return Place(file=row[0], block=int(block), item=int(item))


def file_of(connection: Connection, relation: LiteralString) -> str:
    """The file of a table or an index, relative to the data directory."""
    row = connection.execute("SELECT pg_relation_filepath(%s::regclass)", [relation]).fetchone()
    assert row is not None
    return str(row[0])


def edit(file: str, block: int, change: Callable[[Page], None]) -> Edit:
    """What changes one page of a file."""

    def apply(data: Path) -> None:
        with (data / file).open("r+b") as opened:
            opened.seek(block * PAGE)
            page = Page(opened.read(PAGE))
            change(page)
            opened.seek(block * PAGE)
            opened.write(page.content)

    return apply


def pages(path: Path) -> Iterator[tuple[int, Page]]:
    """Every page of a file that is not empty, with its number."""
    content = path.read_bytes()
    for block in range(len(content) // PAGE):
        page = content[block * PAGE : (block + 1) * PAGE]
        if any(page):
            yield block, Page(page)


def leaf_of(path: Path) -> tuple[int, int]:
    """Of a B-tree's file: a leaf in its middle, and an item in the middle of that."""
    # The first page says where the root is.
    leaves = [(block, page) for block, page in pages(path) if block and page.is_leaf]
    block, page = leaves[len(leaves) // 2]
    items = list(page.items())
    return block, items[len(items) // 2]


def in_a_page(
    description: str,
    *,
    check: str,
    finds: str,
    at_rest: Callable[[Connection], Edit],
) -> Damage:
    """A damage to a page that checksums cover: they find it first, where there are any.

    Else `check` does, and so may all that read the page: `finds` is what looks at its structure.
    """
    return Damage(
        description=description,
        check=check,
        also=(finds, "index_rows", "rows"),
        with_checksums="checksums",
        at_rest=at_rest,
        in_whole_drills=False,
        in_steps=False,
        only_in_score=True,
    )
