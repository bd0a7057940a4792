"""What a bucket was at a time T, from the listing of its versions, and what makes it so again.

The listing is read in the order of the wire: keys ascending, in each key the newest first, versions
and delete markers mixed. Within a key that order decides, and not the clock: dates have whole
seconds, and an object uploaded in parts bears the date of the beginning of its upload. What was
current at T is the newest entry of which it is true that it, and all that is older than it, is
dated T or before.

Pure. Nothing is kept but what one key needs, so memory grows neither with the bucket nor with a
key's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from functions.errors import DrillError
from functions.s3_versions.values import ARCHIVED, NULL, Action, Caveat, Diff, Entry, How

MOST_MARKERS = 1000
"""Of the markers above a version, how many can be removed with one request (S3, DeleteObjects)."""

ABSENT = "absent then, as far as the listing tells, and absent now"
EXPIRED = "a lifecycle rule may have deleted what was current then"
OVERWRITTEN = (
    "written since while versioning was off or suspended: what was there before, if anything, is"
    " gone"
)
ELSEWHERE_ONLY = "only in the other bucket: left alone"


class ListingOutOfOrder(DrillError):
    """When a server does not list keys ascending, or a key's newest entry first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A key's history, seen at T.

    `newest` is the newest entry of all, `target` the version that was current at T, None where the
    key was absent; `dated` says whether an entry is evidence of either. `markers` are the ids of
    the markers above the target, where nothing else lies above it and one request can remove them;
    empty otherwise.
    """

    key: str
    newest: Entry
    target: Entry | None
    dated: bool
    markers: tuple[str, ...] = ()
    caveats: tuple[Caveat, ...] = ()

    @property
    def doubt(self) -> str:
        """Why something else than the target may have been current at T; empty for no doubt.

        What would tell it is gone from the listing: the target, or its absence, is a guess.
        """
        if Caveat.MAYBE_EXPIRED in self.caveats:
            return EXPIRED
        if Caveat.NULL_OVERWRITTEN in self.caveats:
            return OVERWRITTEN
        return ""

    @property
    def current(self) -> Entry | None:
        """The version that is current now; None where the key is absent."""
        return None if self.newest.marker else self.newest


def histories(entries: Iterable[Entry], at: str, *, horizon: str = "") -> Iterator[Seen]:
    """What each key was at T, in the order of the listing.

    `at` is T and `horizon` the time before which noncurrent versions may have been deleted by a
    lifecycle rule (empty for no such rule), both as `values.moment` writes them.

    >>> newer = Entry("a", "2", True, "2026-11-02T05:00:09.000Z", latest=True)
    >>> older = Entry("a", "1", False, "2026-11-02T05:00:01.000Z", "d41d")
    >>> [seen] = histories([newer, older], "2026-11-02T05:00:05.000000000")
    >>> seen.target.version_id, seen.markers
    ('1', ('2',))

    Raises ListingOutOfOrder.
    """
    previous = ""
    for key, history in groupby(entries, key=attrgetter("key")):
        if key <= previous:
            raise ListingOutOfOrder(
                f"{key!r} is listed after {previous!r}: expected keys ascending"
            )
        previous = key
        yield _seen(history, at, horizon)


def _seen(history: Iterator[Entry], at: str, horizon: str) -> Seen:
    newest = entry = next(history)
    if not newest.latest:
        raise ListingOutOfOrder(
            f"{newest.key!r}: {newest.version_id} is listed first and is not the latest: expected"
            " the newest version or marker first"
        )
    target = first_version = later = None
    leading: list[str] = []
    null_seen = overwritten = False
    while True:
        null_seen = null_seen or entry.version_id == NULL
        if _is_after(entry.modified, at):
            target, later = None, entry
            overwritten = null_seen
        elif target is None:
            target = entry
        if first_version is None:
            if not entry.marker:
                first_version = entry
            elif len(leading) <= MOST_MARKERS:
                leading.append(entry.version_id)
        following = next(history, None)
        if following is None:
            break
        if following.latest:
            raise ListingOutOfOrder(
                f"{newest.key!r}: {following.version_id} is the latest as well as"
                f" {newest.version_id}: expected the first one alone"
            )
        entry = following
    caveats = _caveats(target, overwritten, at)
    if later is not None and horizon and not _is_after(later.modified, horizon):
        caveats.append(Caveat.MAYBE_EXPIRED)
    only_markers_above = (
        target is not None and target is first_version and len(leading) <= MOST_MARKERS
    )
    return Seen(
        key=newest.key,
        newest=newest,
        target=None if target is None or target.marker else target,
        dated=target is not None,
        markers=tuple(leading) if only_markers_above else (),
        caveats=tuple(caveats),
    )


def _is_after(modified: str, time: str) -> bool:
    """Whether a date of the listing lies after a time, with or without its zone.

    >>> [_is_after(date, "2026-11-02T05:00:05.000000000") for date in
    ...  ("2026-11-02T05:00:05.000Z", "2026-11-02T05:00:05", "2026-11-02T05:00:05.001")]
    [False, False, True]
    """
    return modified > time and modified.rstrip("Z") > time


def _caveats(target: Entry | None, overwritten: bool, at: str) -> list[Caveat]:
    caveats = []
    if target is not None and target.multipart:
        caveats.append(Caveat.MULTIPART)
    if target is not None and _in_the_same_second(target.modified, at):
        caveats.append(Caveat.SAME_SECOND)
    if overwritten:
        caveats.append(Caveat.NULL_OVERWRITTEN)
    return caveats


def _in_the_same_second(modified: str, at: str) -> bool:
    """Whether a date of whole seconds leaves open on which side of T it was.

    >>> at = "2026-11-02T05:00:05.250000000"
    >>> [_in_the_same_second(f"2026-11-02T05:00:0{end}Z", at) for end in ("5.000", "4", "5.100")]
    [True, False, False]
    """
    whole = not modified[19:].strip(".0Z")
    return whole and modified[:19] == at[:19] and at[20:26] != "999999"


def plan(
    entries: Iterable[Entry],
    at: str,
    *,
    undelete: bool = False,
    horizon: str = "",
    etags_tell: bool = True,
    doubts: bool = False,
) -> Iterator[Action]:
    """The actions that make a bucket, in place, what it was at T: one a key, in order.

    Nothing is destroyed: versions are copied forward, markers are added. With `undelete` the
    markers above a version are removed instead where nothing else lies above it. A key that was
    absent at T and is now has no action, unless there is a caveat to tell. `etags_tell` is false
    where equal bytes may have different ETags, as they have when a KMS key encrypts them.

    A key in doubt is unrestorable and left as it is. With `doubts` it is made what the listing
    shows, and bears its caveat; unless nothing of it is dated T or before, so nothing is shown.

    >>> entries = [Entry("new", "1", False, "2026-11-02T05:00:09Z", "d41d", latest=True)]
    >>> [(a.key, a.how.value, a.expects) for a in plan(entries, "2026-11-02T05:00:05.000000000")]
    [('new', 'marker', 'd41d')]

    Raises ListingOutOfOrder.
    """
    for seen in histories(entries, at, horizon=horizon):
        action = decide(seen, undelete=undelete, etags_tell=etags_tell, doubts=doubts)
        if action is not None:
            yield action


def decide(
    seen: Seen, *, undelete: bool = False, etags_tell: bool = True, doubts: bool = False
) -> Action | None:
    """What makes one key what it was at T, in place; None where it surely was absent and is.

    The parameters are those of `plan`.
    """
    target, current = seen.target, seen.current
    if _is_refused(seen, doubts):
        return _unrestorable(seen, current)
    if target is None:
        if current is None:
            return _absent(seen)
        return _action(seen, Diff.REMOVE, How.MARKER, None, current)
    if target is seen.newest:
        return _action(seen, Diff.UNCHANGED, How.NOTHING, target, current)
    if undelete and seen.markers:
        return _action(seen, Diff.CREATE, How.UNDELETE, target, current, markers=seen.markers)
    return _copy(seen, target, current, etags_tell)


def _is_refused(seen: Seen, doubts: bool) -> bool:
    """Whether a key is in doubt, and a guess is not wanted or has nothing to go by."""
    return bool(seen.doubt) and not (doubts and seen.dated)


def _unrestorable(seen: Seen, current: Entry | None) -> Action:
    return _action(seen, Diff.UNRESTORABLE, How.NOTHING, None, current, reason=seen.doubt)


def _absent(seen: Seen) -> Action | None:
    """A key that was absent, as far as the listing tells, and is: only a caveat is told."""
    if seen.caveats:
        return _action(seen, Diff.UNCHANGED, How.NOTHING, None, None, reason=ABSENT)
    return None


def _copy(seen: Seen, target: Entry, current: Entry | None, etags_tell: bool) -> Action:
    """Copy forward; where what is current may be the very same already, compare first."""
    how = How.COPY
    if current is not None and _may_be_same(target, current, etags_tell):
        how = How.COMPARE
    elif target.storage_class in ARCHIVED and target.restored != "ready":
        how = How.THAW
    diff = Diff.CREATE if current is None else Diff.CHANGE
    return _action(seen, diff, how, target, current)


def _may_be_same(target: Entry, current: Entry, etags_tell: bool) -> bool:
    """Whether two versions can hold the same bytes.

    Of two ETags only those that come about in the same way tell: whole, or in as many parts.

    >>> one, other = (Entry("a", name, False, "", etag, 9) for name, etag in ("1b", "2c"))
    >>> _may_be_same(one, other, True), _may_be_same(one, other._replace(etag="c-2"), True)
    (False, True)
    """
    if target.size != current.size:
        return False
    in_one_way = target.etag.partition("-")[2] == current.etag.partition("-")[2]
    return target.etag == current.etag or not (in_one_way and etags_tell)


def _action(
    seen: Seen,
    diff: Diff,
    how: How,
    target: Entry | None,
    current: Entry | None,
    *,
    markers: tuple[str, ...] = (),
    reason: str = "",
) -> Action:
    return Action(
        key=seen.key,
        diff=diff,
        how=how,
        version=target.version_id if target else "",
        etag=target.etag if target else "",
        size=target.size if target else 0,
        storage_class=target.storage_class if target else "",
        expects=current.etag if current else "",
        current=current.version_id if current else "",
        markers=markers,
        caveats=seen.caveats,
        reason=reason,
    )


def plan_elsewhere(
    entries: Iterable[Entry],
    there: Iterable[Entry],
    at: str,
    *,
    horizon: str = "",
    etags_tell: bool = True,
    doubts: bool = False,
) -> Iterator[Action]:
    """The actions that bring what a bucket was at T into another one: one a key, in order.

    `there` is the other bucket's own listing. What it holds besides is left alone, and told.
    `horizon`, `etags_tell` and `doubts` are as in `plan`.

    >>> entries = [Entry("a", "1", False, "2026-11-02T05:00:01Z", "d41d", latest=True)]
    >>> at = "2026-11-02T05:00:05.000000000"
    >>> [(action.key, action.diff.value) for action in plan_elsewhere(entries, [], at)]
    [('a', 'create')]

    Raises ListingOutOfOrder.
    """
    others = _currents(there)
    other = next(others, None)
    for seen in histories(entries, at, horizon=horizon):
        while other is not None and other.key < seen.key:
            yield _kept(other)
            other = next(others, None)
        found = other if other is not None and other.key == seen.key else None
        if found is not None:
            other = next(others, None)
        action = _decide_elsewhere(seen, found, etags_tell, doubts)
        if action is not None:
            yield action
    while other is not None:
        yield _kept(other)
        other = next(others, None)


def _currents(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The version that is current of each key that is not deleted."""
    always = "9999"
    for seen in histories(entries, always):
        if seen.current is not None:
            yield seen.current


def _decide_elsewhere(
    seen: Seen, found: Entry | None, etags_tell: bool, doubts: bool
) -> Action | None:
    if _is_refused(seen, doubts):
        return _unrestorable(seen, found)
    if seen.target is not None:
        return _copy(seen, seen.target, found, etags_tell)
    return _absent(seen) if found is None else _kept(found, seen.caveats)


def _kept(found: Entry, caveats: tuple[Caveat, ...] = ()) -> Action:
    return Action(
        key=found.key,
        diff=Diff.UNCHANGED,
        how=How.NOTHING,
        expects=found.etag,
        current=found.version_id,
        caveats=caveats,
        reason=ELSEWHERE_ONLY,
    )
