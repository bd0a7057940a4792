"""The tables of the source after the restore point: what the turn has left, and what came of all.

`rows-<turn>-<group>` holds by target the sandwiches of its chunks, in order, and why there are no
more of them where something stood in the way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from functions.aurora import passing, scanning
from functions.aurora.database import Session
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Sandwich
from functions.aurora.second_reading import MOST_VERSIONS, Room, read_late
from functions.aurora.witness_tables import group, relations
from functions.aurora.witness_turn import Turned
from functions.aurora.witness_work import Work
from functions.errors import EvidenceMissing, TryAgain


def read(
    work: Work, session: Session, turned: Turned, *, groups: int, place: int, going: Pass
) -> tuple[int, Pass]:
    """Read on from where the last call stopped, at least one slice.

    What was read is added to the evidence of its group before the answer; where a table stands can
    be told by that, so `going` is only about an attempt that failed. Answers how many groups are
    done. Raises TryAgain when the connection is lost before anything was read.
    """
    known = relations(work)
    slices = 0
    while place < groups:
        tables = group(work, place)
        kept, before_it = _kept(work, turned, place), slices
        act = read_late(turned.next_xid, Room(max(0, MOST_VERSIONS - _listed(kept))))
        try:
            for target, table in tables.items():
                entry = kept.setdefault(target, {"rows": []})
                if "problem" in entry or table.problem:
                    continue
                while len(entry["rows"]) < len(table.chunks):
                    left = work.remaining_seconds()
                    if slices and left < scanning.RESERVE_SECONDS:
                        return place, going
                    going = _resumed(going, table, len(entry["rows"]))
                    before, began = going.bytes, time.monotonic()
                    going, made = passing.again_on(
                        session,
                        going,
                        known[target],
                        table.chunks,
                        act,
                        slice_bytes=work.slice_bytes,
                        remaining_seconds=left,
                    )
                    slices += 1
                    entry["rows"] += [sandwich.to_row() for sandwich in made]
                    work.load.read_bytes += going.bytes - before
                    work.rest(time.monotonic() - began)
                    if going.problem:
                        entry["problem"] = going.problem
                        break
                    if going.behind:
                        return place, going
        except TryAgain:
            if slices:
                return place, going  # what was read is kept
            raise
        finally:
            if slices > before_it:
                work.put(_name(turned, place), kept)
        place, going = place + 1, Pass()
    return place, going


def _resumed(going: Pass, table: Read, at: int) -> Pass:
    """The pass over a table from that chunk on; `going` when it is about the very same."""
    fresh = Pass(at=at, oid=table.going.oid, filenode=table.going.filenode)
    same = (going.oid, going.filenode, going.at) == (fresh.oid, fresh.filenode, fresh.at)
    return going if same and not going.finished else fresh


def _kept(work: Work, turned: Turned, place: int) -> dict[str, Any]:
    try:
        return dict(work.get(_name(turned, place)))
    except EvidenceMissing:
        return {}


def _listed(kept: Mapping[str, Any]) -> int:
    """How many versions a group's evidence lists: they must fit into a function's memory."""
    rows = (row for entry in kept.values() for row in entry["rows"] if len(row) > 1)
    return sum(len(row[2]) + len(row[3]) + len(row[4]) for row in rows)


def _name(turned: Turned, place: int) -> str:
    return f"rows-{turned.name}-{place}"


def witnessed(work: Work, turned: Turned, groups: int) -> dict[str, dict[str, Any]]:
    """What the manifest says of each table's readings, by target."""
    digests = work.get("digests")["tables"]
    found = {}
    for number in range(groups):
        kept = _kept(work, turned, number)
        for target, table in group(work, number).items():
            entry = kept.get(target, {"rows": []})
            facts = of_readings(
                table, [Sandwich.from_row(row) for row in entry["rows"]], entry.get("problem", "")
            )
            digest = digests[target]
            found[target] = {
                **facts,
                "digest": digest["name"],
                "unproven": tuple(digest["unproven"]),
                "undigested": digest["refused"],
                "kept_in": _name(turned, number),
            }
    return found


def of_readings(table: Read, sandwiches: list[Sandwich], problem: str) -> dict[str, Any]:
    """The bounds that two readings give, or the `reason` why they give none."""
    facts: dict[str, Any] = {
        "rows": sum(chunk.rows for chunk in table.chunks),
        "bytes": table.going.bytes,
        "chunks": len(table.chunks),
    }
    if table.problem:
        return {**facts, "reason": table.problem}
    if problem or len(sandwiches) < len(table.chunks):
        return {**facts, "reason": problem or "it was not read again"}
    if unsure := passing.ambiguity(sandwich.chunk for sandwich in sandwiches):
        return {**facts, "reason": unsure}
    return {
        **facts,
        "least": sum(sandwich.left.rows for sandwich in sandwiches),
        "most": sum(sandwich.chunk.old.rows for sandwich in sandwiches),
        "unlisted": sum(not sandwich.listed for sandwich in sandwiches),
    }
