"""A server whose transaction ids begin anew, in a model: its table, its restore, its reader."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from functions.aurora.comparison import ROUND

BLOCKS: Final = 2
"""How long the table is, unless it says otherwise."""


@dataclass(frozen=True)
class Row:
    """A version: its writer, in 64 bits, of which a reader sees 32, its place, what it holds."""

    writer: int
    block: int
    line: int
    content: int = 0

    @property
    def ctid(self) -> str:
        return f"({self.block},{self.line})"

    @property
    def digest(self) -> tuple[int, int]:
        """No two sums of them are equal by accident."""
        return 3**self.line + self.content, 5**self.line + self.content


@dataclass
class Cluster:
    """A table of a server, as far as two readings and a restore can tell.

    Transactions are `running` that will have written rows, or ended them: `dying`. A row that was
    ended, or is to be, bears the mark of that transaction, whoever looks.
    """

    next_xid: int
    rows: list[Row]
    running: dict[int, list[Row]] = field(default_factory=dict)
    dying: dict[int, list[Row]] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)
    committed: set[int] = field(default_factory=set)
    lines: int = 0
    blocks: int = BLOCKS
    weight: int = 1
    version: int = 150000

    @classmethod
    def holding(cls, next_xid: int, *existing: tuple[int, int]) -> Cluster:
        """One with rows of these writers, in these blocks."""
        made = cls(next_xid, [])
        made.rows += [made.put(writer, block) for writer, block in existing]
        return made

    def put(self, writer: int, block: int) -> Row:
        """A version at a place of its own."""
        self.lines += 1
        return Row(writer, block, self.lines)

    def write(self, block: int) -> None:
        """A transaction that writes into a block and ends at once."""
        self.rows.append(self.put(self.next_xid, block))
        self.committed.add(self.next_xid)
        self.next_xid += 1

    def begin(self, block: int) -> None:
        """A transaction that writes into a block and goes on."""
        xid = self.next_xid
        self.running[xid] = [self.put(xid, block)]
        self.next_xid += 1

    def begin_to_end(self, block: int, *, update: bool) -> None:
        """A transaction that deletes or updates the oldest row of a block, and goes on."""
        free = [row for row in self.rows if row.block == block and not self._is_dying(row)]
        if free:
            xid, row = self.next_xid, free[0]
            self.running[xid] = [self.put(xid, block)] if update else []
            self.dying[xid] = [row]
            self.marks[row.ctid] = xid
            self.next_xid += 1

    def _is_dying(self, row: Row) -> bool:
        return any(row in rows for rows in self.dying.values())

    def commit(self) -> None:
        """The oldest running transaction ends."""
        if self.running:
            xid = min(self.running)
            self.rows += self.running.pop(xid)
            for row in self.dying.pop(xid, []):
                self.rows.remove(row)
            self.committed.add(xid)

    def abort(self) -> None:
        """The oldest running transaction is undone; its marks stay."""
        if self.running:
            xid = min(self.running)
            self.running.pop(xid)
            self.dying.pop(xid, None)

    def as_seen(self) -> Cluster:
        """What a snapshot of this moment goes on seeing."""
        return replace(self, rows=list(self.rows), running=dict(self.running))

    def restored(self) -> Cluster:
        """What a restore to this moment gives: what was running has never happened."""
        return Cluster(
            self.next_xid, list(self.rows), committed=set(self.committed), lines=self.lines
        )


class Reader:
    """A session on a cluster's server."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @contextlib.contextmanager
    def snapshot(self, *, seconds: float) -> Iterator[None]:
        assert seconds > 0
        yield

    def all(self, query: str, **given: Any) -> list[dict[str, Any]]:
        match query:
            case "storage_in_snapshot":
                return [self._storage()]
            case "scan_chunks" | "count_chunks":
                asked = zip(given["starts"], given["ends"], given["horizons"], strict=True)
                return [self._survey(query, *each) for each in asked]
            case "new_versions":
                found = [
                    self._version(row, given["horizon"])
                    for row in self._within(given)
                    if self._place(row, given["horizon"]) < given["below"]
                ]
                return found[: given["most"]]
            case "ending_versions":
                marks, xid = self.cluster.marks, given["horizon"]
                marked = [row for row in self._within(given) if row.ctid in marks]
                return [
                    {**self._version(row, xid), "mark": marks[row.ctid] % ROUND, "several": False}
                    for row in marked
                ][: given["most"]]
            case "versions_at":
                rows = [row for row in self.cluster.rows if row.ctid in given["ctids"]]
                return [self._version(row, given["horizon"]) for row in rows]
            case "committed":
                asked_for = self.cluster.committed.intersection(given["xids"])
                return [{"xid": xid} for xid in asked_for]
            case _:
                raise AssertionError(query)

    def one(self, query: str, **given: Any) -> dict[str, Any]:
        if query == "storage_now":
            return {"oid": 1, "filenode": 1}
        assert query == "scan_chunk"
        rows = self._within(given)
        seen = [self._place(row, given["horizon"]) for row in rows]
        old = [row for row, place in zip(rows, seen, strict=True) if place >= given["old_from"]]
        old_places = [place for place in seen if place >= given["old_from"]]
        return {
            "rows": len(seen),
            "old": len(old),
            **_sums(old),
            "late": sum(given["late_from"] <= place < given["old_from"] for place in seen),
            "unsure": sum(given["unsure_from"] <= place < given["unsure_below"] for place in seen),
            "nearest": min(
                (place for place in old_places if place < given["window"]), default=None
            ),
        }

    def _storage(self) -> dict[str, Any]:
        return {
            "filenode": 1,
            "oid": 1,
            "version_number": self.cluster.version,
            "blocks": self.cluster.blocks,
            "weight": self.cluster.weight,
            "oldest_running": min(self.cluster.running, default=self.cluster.next_xid),
            "next_xid": self.cluster.next_xid,
        }

    def _survey(self, query: str, start: int, end: int, horizon: str) -> dict[str, Any]:
        rows = [row for row in self.cluster.rows if start <= row.block < end]
        youngest = min((self._age(row.writer) for row in rows), default=None)
        return {
            "rows": len(rows),
            **(_sums(rows) if query == "scan_chunks" else _sums([])),
            "all_old": youngest is None or youngest > self._age(int(horizon)),
        }

    def _age(self, xid: int) -> int:
        """As age() tells it: in 32 bits, with a sign."""
        age = (self.cluster.next_xid - xid) % ROUND
        return age if age < ROUND // 2 else age - ROUND

    def _within(self, given: dict[str, Any]) -> list[Row]:
        first, last = (int(given[edge].strip("()").split(",")[0]) for edge in ("start", "end"))
        return [row for row in self.cluster.rows if first <= row.block < last]

    def _place(self, row: Row, horizon: str) -> int:
        return (self._age(int(horizon)) - self._age(row.writer)) % ROUND

    def _version(self, row: Row, horizon: str) -> dict[str, Any]:
        first, second = row.digest
        place = self._place(row, horizon)
        return {"ctid": row.ctid, "place": place, "first": first, "second": second}


def _sums(rows: Sequence[Row]) -> dict[str, int]:
    first, second = (sum(row.digest[number] for row in rows) for number in (0, 1))
    return {"first": first, "second": second}
