"""The pass over a table's blocks: source and copy are read by the same statement, slice by slice.

A slice is a short transaction with a snapshot of its own, so that nothing has to outlive a call,
the source's vacuum is never held up for long, and a long table goes on in the next call.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

from functions.aurora import database
from functions.aurora.comparison import (
    BLOCK_BYTES,
    WINDOW,
    Counted,
    end_of_slice,
    places_of_first,
    places_of_later,
)
from functions.aurora.database import QueryFailed, Session
from functions.aurora.manifest import Reading

SLICE_BYTES = 256 * 1024 * 1024
SLICE_SECONDS = 120.0
LEAST_SECONDS = 10.0
RESERVE_SECONDS = 20.0
"""A call begins no slice when it has less time left than this."""

ATTEMPTS = 5
"""How often a slice is tried, each time with half the blocks, before its table is given up."""

OPEN_END = 4294967295  # one past the highest block number
_TID_RANGE_SCAN = 140000  # PostgreSQL 14; an older server would read all for each slice


class Changed(Exception):
    """When a table is not the one that was asked for: dropped, renamed, just being rewritten."""


class Behind(Exception):
    """When a reader has not replayed yet what an earlier slice of the table has seen.

    Or when transactions still run that have to end before it is read again.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """What one slice saw of a table of so many `blocks`; `end` None: up to the table's end.

    `horizon`: every transaction before it had ended when the table's first slice began. `next_xid`
    is the first transaction id that was not yet in use, or not yet ended. `gap` is the least place
    of a row that is a round old, WINDOW at most.
    """

    counted: Counted
    horizon: int
    filenode: int
    oid: int
    blocks: int
    next_xid: int
    gap: int
    end: int | None


def read_slice(
    session: Session,
    *,
    schema: str,
    name: str,
    start: int,
    end: int | None,
    slice_blocks: int,
    horizon: int | None,
    closed_after: int | None,
    restored: bool,
    seconds: float,
    gap: int | None = None,
    clear_from: int = 0,
    clear_below: int = 0,
    settled: bool = False,
) -> Slice:
    """Read at most `slice_blocks` blocks of a table from `start` on, not beyond `end`.

    `horizon` None takes that of this slice's own snapshot. `closed_after` is the transaction from
    which on none can have ended by the restore point; None where nobody knows. `restored` says
    that this is the copy: of its transaction ids the last ones of the source may be missing.
    `seconds` limit each statement. `gap` is the known one; None measures it. The ids from
    `clear_from` to below `clear_below` are no row's that is a round old; `settled` demands that all
    transactions before them have ended.

    Raises Changed when the table is gone or was rewritten between snapshot and reading, Behind
    when this server's snapshot is older than the horizon or than is demanded, and QueryFailed.
    """
    began = time.monotonic()
    with session.snapshot(seconds=seconds):
        found = session.all("storage_in_snapshot", schema=schema, name=name)
        if not found:
            raise Changed("it does not exist")
        seen = found[0]
        if horizon is None:
            horizon = seen["oldest_running"]
            if settled and horizon < clear_from:
                raise Behind(f"transactions that began before {clear_from} still run")
        elif not restored and seen["oldest_running"] < horizon:
            raise Behind(f"the snapshot ends at {seen['oldest_running']}, before {horizon}")
        if seen["version_number"] >= _TID_RANGE_SCAN:
            slice_end = end_of_slice(start, end or seen["blocks"], slice_blocks)
            end = end if slice_end is None else slice_end
        whole = start == 0 and end is None
        last = OPEN_END if end is None else end
        places = (
            places_of_first(
                horizon=horizon,
                next_xid=seen["next_xid"],
                clear_from=clear_from,
                clear_below=clear_below,
            )
            if gap is None
            else places_of_later(
                horizon=horizon, next_xid=seen["next_xid"], gap=gap, closed_after=closed_after
            )
        )
        row = session.one(
            "count_rows",
            parts={
                "table": database.table(schema, name),
                # Without a range it is a sequential scan, which spares the server's cache.
                "blocks": database.NOTHING if whole else database.part("in_blocks"),
            },
            horizon=str(horizon % 2**32),
            **asdict(places),
            window=WINDOW,
            **({} if whole else {"start": f"({start},0)", "end": f"({last},0)"}),
        )
        # The count has locked the table against a rewrite, until the transaction ends.
        now = session.one("storage_now", schema=schema, name=name)
    if (now["oid"], now["filenode"]) != (seen["oid"], seen["filenode"]):
        raise Changed("it was rewritten while it was read")
    return Slice(
        counted=Counted(
            total=row["total"],
            old=row["old"],
            late=row["late"],
            unsure=row["unsure"],
            seconds=round(time.monotonic() - began, 3),
        ),
        horizon=horizon,
        filenode=seen["filenode"],
        oid=seen["oid"],
        blocks=seen["blocks"],
        next_xid=seen["next_xid"],
        gap=WINDOW if row["nearest"] is None else row["nearest"],
        end=end,
    )


def read_on(
    session: Session,
    reading: Reading,
    *,
    schema: str,
    name: str,
    slice_bytes: int,
    remaining_seconds: float,
) -> Reading:
    """Read the next slice. What passes is to be tried again, ATTEMPTS times at most.

    That is a conflict with recovery, a lock, a time limit, a rewrite this very moment, or a reader
    that lags, which is to be given some time: then the reading is `behind`. Anything else ends it
    with its problem. A first reading that could not tell all rows apart begins once more, when the
    transactions that were running have ended; it does not wait for them longer than for a reader.
    """
    blocks = slice_bytes // BLOCK_BYTES
    last_attempt = reading.attempts + 1 >= ATTEMPTS
    try:
        seen = read_slice(
            session,
            schema=schema,
            name=name,
            start=reading.start,
            end=reading.end,
            slice_blocks=max(1, blocks >> reading.attempts),
            horizon=reading.horizon,
            closed_after=reading.closed_after,
            restored=reading.restored,
            seconds=max(LEAST_SECONDS, min(SLICE_SECONDS, remaining_seconds - LEAST_SECONDS)),
            gap=reading.known_gap,
            clear_from=reading.clear_from,
            clear_below=reading.clear_below,
            settled=not last_attempt,
        )
    except QueryFailed as failure:
        if failure.passing and not last_attempt:
            return replace(reading, attempts=reading.attempts + 1)
        return reading.given_up(str(failure), failure.sqlstate)
    except (Changed, Behind) as trouble:
        if not last_attempt:
            behind = isinstance(trouble, Behind)
            return replace(reading, attempts=reading.attempts + 1, behind=behind)
        return reading.given_up(str(trouble))
    if reading.oid is not None and (reading.oid, reading.filenode) != (seen.oid, seen.filenode):
        return reading.given_up("it was rewritten between its readings")
    read = replace(
        reading,
        start=reading.start if seen.end is None else seen.end,
        counted=reading.counted + seen.counted,
        horizon=seen.horizon,
        oid=seen.oid,
        filenode=seen.filenode,
        blocks=seen.blocks,
        next_xid=max(reading.next_xid, seen.next_xid),
        gap=min(reading.gap, seen.gap),
        attempts=0,
        behind=False,
        finished=seen.end == reading.end,
    )
    return (read.second_look() or read) if read.finished else read
