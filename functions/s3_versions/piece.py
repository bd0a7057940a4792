"""A piece of work on a range of keys: planned, or done, until its end or until time runs short.

What Lambda calls again and again for each shard, and what one machine does with all of them.
"""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from functions.s3_versions import listing
from functions.s3_versions.copier import Copier
from functions.s3_versions.errand import Errand
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.restore import Tally, plan_range
from functions.s3_versions.shards import Glimpse, Look, Range
from functions.s3_versions.values import Action, Diff, Entry
from functions.s3_versions.wire import Bucket

THREADS: Final = 16

_WORTH_TELLING: Final = frozenset({Result.CONFLICT, Result.FAILED, Result.THAWING})


class Phase(StrEnum):
    """Of a restore."""

    PLAN = "plan"
    """nothing is written"""
    APPLY = "apply"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """What was done of a range.

    `position` is the key up to which all is done, and behind which to go on; empty at the end.
    `tally` counts this piece alone. `notes` are gzipped lines of JSON, one for each key that is not
    what it was and will not be by itself; empty for none.
    """

    position: str
    tally: Tally
    notes: bytes


def work(
    errand: Errand,
    part: Range,
    phase: Phase,
    *,
    source: Bucket,
    target: Bucket,
    is_late: Callable[[], bool] = lambda: False,
) -> Piece:
    """Plan a range, or do what its plan says, until the end or until it is late.

    At least one key is done. What was done already needs nothing more: a piece may be done again.
    `source` and `target` are one in place. Raises ListingOutOfOrder, UnreadableListing,
    RequestRefused, NoAnswer, TlsFailed and botocore's errors.
    """
    stretch = _Stretch(is_late)
    planned = plan_range(
        source,
        errand.at,
        to=None if errand.in_place else target,
        prefix=errand.prefix,
        after=part.after,
        until=part.until,
        undelete=errand.undelete,
        horizon=errand.horizon,
        etags_tell=errand.etags_tell,
        through=stretch.entries,
    )
    tally, notes = Tally(), _Notes()
    with closing(planned), Copier(source, target, threads=THREADS) as copier:
        actions = stretch.actions(copier.resolve(planned))
        if phase is Phase.PLAN:
            for action in actions:
                tally.planned(action)
                notes.take(action)
        else:
            for outcome in copier.apply(actions):
                tally.planned(outcome.action)
                if outcome.action.diff is not Diff.UNRESTORABLE:
                    tally.happened(outcome)
                notes.take(outcome.action, outcome)
    return Piece(position=stretch.position, tally=tally, notes=notes.close())


class _Stretch:
    """Ends a plan between two keys when it is late; `position` is then the last key of it."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self.position = ""
        self._is_late = is_late
        self._cut = ""

    def entries(self, found: Iterator[Entry]) -> Iterator[Entry]:
        """The entries, whole histories of keys."""
        key = ""
        for entry in found:
            if entry.key != key:
                if key and self._is_late():
                    self._cut = key
                    return
                key = entry.key
            yield entry

    def actions(self, planned: Iterable[Action]) -> Iterator[Action]:
        """The actions for keys whose history was read to the end, in order."""
        for action in planned:
            if self._cut and action.key > self._cut:
                break
            yield action
            if self._is_late():
                self.position = action.key
                return
        self.position = self._cut


class _Notes:
    """Lines on the keys that somebody should know of."""

    def __init__(self) -> None:
        self._body = io.BytesIO()
        self._file: gzip.GzipFile | None = None

    def take(self, action: Action, outcome: Outcome | None = None) -> None:
        if action.diff is Diff.UNRESTORABLE:
            self._write(key=action.key, result=action.diff, detail=action.reason)
        elif outcome and outcome.result in _WORTH_TELLING:
            self._write(
                key=action.key,
                result=outcome.result,
                detail=outcome.detail,
                how=action.how,
                version=action.version,
            )

    def _write(self, **fields: str) -> None:
        self._file = self._file or gzip.GzipFile(fileobj=self._body, mode="wb", mtime=0)
        self._file.write(json.dumps(fields, ensure_ascii=False).encode() + b"\n")

    def close(self) -> bytes:
        if self._file is None:
            return b""
        self._file.close()
        return self._body.getvalue()


def read_notes(notes: bytes) -> list[dict[str, Any]]:
    """The lines of a piece's notes."""
    return [json.loads(line) for line in gzip.decompress(notes).splitlines()] if notes else []


def look_into(bucket: Bucket, prefix: str) -> Look:
    """Looks at pages of a bucket's listing, side by side."""

    def glimpse(after: str) -> Glimpse:
        query = {"versions": "", "encoding-type": "url", "max-keys": "1000", "prefix": prefix}
        if after:
            query["key-marker"] = after
        answer = bucket.request("ListObjectVersions", "GET", query=query)
        page = listing.parse(answer.body)
        if not page.entries:
            return Glimpse("", "", whole=True)
        first, last = page.entries[0].key, page.entries[-1].key
        return Glimpse(first, last, whole=page.following is None)

    def look(afters: Sequence[str]) -> list[Glimpse]:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="look") as pool:
            return list(pool.map(glimpse, afters))

    return look


def run_locally(
    errand: Errand,
    parts: Sequence[Range],
    phase: Phase,
    *,
    source: Bucket,
    target: Bucket,
    workers: int = 4,
    stop: threading.Event | None = None,
    each: Callable[[int, Piece], None] = lambda _number, _piece: None,
) -> Tally:
    """All ranges on this machine, several at a time, by what each shard's function does.

    `each` is called in the caller's thread with a range's number and its piece as they end. Once
    `stop` is set the pieces end at their next key. Returns the sum; raises what `work` raises, once
    the other pieces that have begun are done.
    """
    stop = stop or threading.Event()

    def piece(part: Range) -> Piece:
        return work(errand, part, phase, source=source, target=target, is_late=stop.is_set)

    total = Tally()
    with ThreadPoolExecutor(workers, thread_name_prefix="shard") as pool:
        numbers = {pool.submit(piece, part): number for number, part in enumerate(parts)}
        try:
            for ended in as_completed(numbers):
                total.add(ended.result().tally)
                each(numbers[ended], ended.result())
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return total
