"""A piece of work on a range of keys: planned, or done, until its end or until time runs short.

What Lambda calls again and again for each shard, and what one machine does with all of them.
"""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, assert_never

from functions.s3_versions import confirmed, listing
from functions.s3_versions.confirmed import Copy
from functions.s3_versions.copier import Copier
from functions.s3_versions.errand import Errand
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.restore import Tally, plan_range
from functions.s3_versions.shards import Glimpse, Look, Range
from functions.s3_versions.values import Action, Caveat, Diff, Entry, How
from functions.s3_versions.wire import Bucket

THREADS: Final = 16

_WORTH_TELLING: Final = frozenset({Result.CONFLICT, Result.FAILED, Result.THAWING})
_DOUBTS: Final = frozenset({Caveat.NULL_OVERWRITTEN, Caveat.MAYBE_EXPIRED})
"""Caveats of which a key is restored only if that was accepted."""


class Phase(StrEnum):
    """Of a restore."""

    PLAN = "plan"
    """nothing is written"""
    APPLY = "apply"
    VERIFY = "verify"
    """nothing is written: what still differs is told, and whether somebody wrote it meanwhile"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """What was done of a range.

    `position` is the key up to which all is done, and behind which to go on; empty at the end.
    `tally` counts this piece alone. `copies` are those that cannot be compared later.
    """

    position: str
    tally: Tally
    copies: tuple[Copy, ...] = ()


class Notes:
    """Lines on the keys that somebody should know of: what is in doubt, or is not what it was."""

    def __init__(self) -> None:
        """None yet."""
        self._body = io.BytesIO()
        self._file: gzip.GzipFile | None = None

    def take(self, action: Action, outcome: Outcome | None = None) -> None:
        """A key, if it is worth a line: of a plan, or with what came of it."""
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
        elif doubts := _DOUBTS.intersection(action.caveats):
            self._write(key=action.key, result="doubt", detail=", ".join(sorted(doubts)))

    def close(self) -> bytes:
        """The lines, gzipped JSON; empty for none."""
        if self._file is None:
            return b""
        self._file.close()
        return self._body.getvalue()

    def _write(self, **fields: str) -> None:
        self._file = self._file or gzip.GzipFile(fileobj=self._body, mode="wb", mtime=0)
        self._file.write(json.dumps(fields, ensure_ascii=False).encode() + b"\n")


def read_notes(notes: bytes) -> list[dict[str, Any]]:
    """The lines of notes."""
    return [json.loads(line) for line in gzip.decompress(notes).splitlines()] if notes else []


def work(
    errand: Errand,
    part: Range,
    phase: Phase,
    *,
    source: Bucket,
    target: Bucket,
    notes: Notes | None = None,
    copies: Iterable[Copy] = (),
    began_upload: Callable[[str, str], object] = lambda _key, _upload: None,
    is_late: Callable[[], bool] = lambda: False,
) -> Piece:
    """Plan a range, do what its plan says, or verify it, until the end or until it is late.

    At least one key is done. What was done already needs nothing more: a piece may be done again.
    `source` and `target` are one in place. `notes` take what is worth a line, also of a piece that
    ends with an error. `copies` are those of the pieces that were applied, to be verified.
    `began_upload` is as the Copier's. Raises VersioningLost, ListingOutOfOrder, UnreadableListing,
    RequestRefused, NoAnswer, TlsFailed and botocore's errors.
    """
    notes, stretch, since = notes or Notes(), _Stretch(is_late), _Since(errand.began)
    seen = since.entries if phase is Phase.VERIFY else iter
    planned = plan_range(
        source,
        errand.at,
        to=None if errand.in_place else target,
        prefix=errand.prefix,
        after=part.after,
        until=part.until,
        undelete=errand.undelete,
        horizon=errand.horizon,
        etags_tell=False,
        doubts=errand.accept_doubts,
        through=lambda found: stretch.entries(seen(found) if errand.in_place else found),
        through_there=seen,
    )
    tally, made = Tally(), list[Copy]()
    with ExitStack() as opened:
        opened.enter_context(closing(planned))
        copier = opened.enter_context(
            Copier(source, target, threads=THREADS, encryption=True, began_upload=began_upload)
        )
        actions = stretch.actions(copier.resolve(planned))
        match phase:
            case Phase.PLAN:
                for action in actions:
                    tally.planned(action)
                    notes.take(action)
            case Phase.APPLY:
                for outcome in copier.apply(actions):
                    _count(tally, notes, outcome)
                    if copy := confirmed.of(outcome):
                        made.append(copy)
            case Phase.VERIFY:
                looked = _Looked(source, target, since, copies)
                for action in actions:
                    _count(tally, notes, looked.at(action))
            case _:
                assert_never(phase)
    return Piece(position=stretch.position, tally=tally, copies=tuple(made))


def _count(tally: Tally, notes: Notes, outcome: Outcome) -> None:
    tally.planned(outcome.action)
    if outcome.action.diff is not Diff.UNRESTORABLE:
        tally.happened(outcome)
    notes.take(outcome.action, outcome)


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


class _Since:
    """The keys whose newest version or marker is dated after a time, until they are asked for."""

    def __init__(self, time: str) -> None:
        self._time = time
        self._keys: deque[str] = deque()

    def entries(self, found: Iterator[Entry]) -> Iterator[Entry]:
        """The entries of the bucket that is written to."""
        for entry in found:
            if entry.latest and entry.modified.rstrip("Z") > self._time:
                self._keys.append(entry.key)
            yield entry

    def has(self, key: str) -> bool:
        """Whether a key is one of them; it is asked for in order, and what is before it forgotten.

        >>> since = _Since("2026-11-02T05:00:00")
        >>> dates = {"a": "2026-11-02T05:00:01", "b": "2026-11-02T04:59:59"}
        >>> listed = (Entry(key, "1", False, date, latest=True) for key, date in dates.items())
        >>> len(list(since.entries(listed)))
        2
        >>> since.has("a"), since.has("b")
        (True, False)
        """
        while self._keys and self._keys[0] < key:
            self._keys.popleft()
        return bool(self._keys) and self._keys[0] == key


class _Looked:
    """What came of keys, as a plan that was made afterwards shows."""

    def __init__(
        self, source: Bucket, target: Bucket, since: _Since, copies: Iterable[Copy]
    ) -> None:
        self._source = source
        self._target = target
        self._since = since
        self._copies = set(copies)

    def at(self, action: Action) -> Outcome:
        """What came of the key of an action: they are asked for in order."""
        is_later = self._since.has(action.key)
        if action.diff is Diff.UNCHANGED:
            return Outcome(action, Result.ALREADY, action.current)
        wanted = f"what {action.version} is" if action.version else "nothing"
        told = f"current is {action.current or 'nothing'}: expected {wanted}"
        copy = Copy(action.key, action.version, action.current)
        if copy in self._copies:
            if confirmed.agrees(copy, self._source, self._target):
                unchanged = replace(action, diff=Diff.UNCHANGED, how=How.NOTHING)
                return Outcome(unchanged, Result.ALREADY, action.current)
            return Outcome(action, Result.FAILED, detail=told)
        if is_later:
            told = f"{told}; it is dated after the start"
            return Outcome(action, Result.CONFLICT, detail=told)
        if action.how is How.THAW:
            return Outcome(action, Result.THAWING, detail=f"{action.version} is not back yet")
        return Outcome(action, Result.FAILED, detail=told)


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
