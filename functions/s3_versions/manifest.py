"""What Witness writes down, as it is stored: of a canary, and of the real objects. Pure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """Version 1 of a canary's object, as it was written; `sha256` of its bytes, before S3 had them.

    `history` are the ids of all that was written to the key, the newest first; `headers`,
    `encryption` and `kms_key` are what S3 says of it, which adds to what it is asked.
    """

    name: str
    key: str
    fate: str
    version: str
    sha256: str
    size: int
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    storage_class: str
    encryption: str
    kms_key: str
    history: tuple[str, ...]

    def to_record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Written:
        """What was stored."""
        return cls(**{**record, "history": tuple(record["history"])})


class Row(NamedTuple):
    """An object of the source as one listing saw it: `modified` without zone, `size` in bytes."""

    key: str
    etag: str
    size: int
    modified: str


class Witnessed(NamedTuple):
    """A key of the source around T. `moved` says that two listings, before and after, differ."""

    row: Row
    moved: bool


def sandwich(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Witnessed]:
    """The keys of two listings, one before T and one after, each once, ascending.

    What both saw alike was there at T, just so. What only one saw, or saw otherwise, was written
    or deleted in between: on which side of T, the listings do not tell.

    >>> same, gone = Row("a", "1", 1, "t"), Row("b", "2", 1, "t")
    >>> [(one.row.key, one.moved) for one in sandwich([same, gone], [same])]
    [('a', False), ('b', True)]
    """
    first = {row.key: row for row in before}
    second = {row.key: row for row in after}
    for key in sorted(first.keys() | second.keys()):
        row = first.get(key) or second[key]
        yield Witnessed(row, moved=first.get(key) != second.get(key))


def pack(rows: Iterable[Witnessed]) -> bytes:
    """Rows as gzipped JSON lines.

    >>> rows = [Witnessed(Row("a\\n", "1", 1, "t"), moved=True)]
    >>> list(unpack(pack(rows))) == rows
    True
    """
    lines = (json.dumps([*one.row, one.moved], ensure_ascii=False) for one in rows)
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def unpack(body: bytes) -> Iterator[Witnessed]:
    """The rows of `pack`."""
    for line in gzip.decompress(body).decode().split("\n"):
        if line:
            *row, moved = json.loads(line)
            yield Witnessed(Row(*row), moved)
