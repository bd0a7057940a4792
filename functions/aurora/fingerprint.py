"""The fingerprint of a database: one line for every object of its catalogs, held against the copy.

The catalogs are read twice on the source, just before the restore point T and just after it. What
both readings show alike, untouched in between, was so at T: the copy must have it, and the same.
Where they differ the copy may be as before or as after. An object that neither shows must not be
there, unless its transaction is one of those in between: then it came and went.

What belongs to an extension is not listed: the extension is. definitions.py says what a line holds.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType

from functions.aurora.definitions import KINDS, UNASKED, Entry
from functions.model import Check, CheckClass, Status

MOST_SHOWN = 12
"""How many lines of the difference a check shows; all of them are in the evidence."""

MOST_OBJECTS = 200_000
"""How many objects are compared: that many fit into the memory of a step."""

_ROUND = 1 << 32
_WORDS = ("missing", "otherwise", "unexpected", "not to be told", "changed meanwhile")


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalogs:
    """What the manifest says of the two readings; the lines are in `before` and `after` files.

    `unread` are kinds that could not be read, with the reason. A transaction below `horizon` is
    sure to show in the first reading, none from `next_xid` on had begun by the second.
    """

    before: int
    after: int
    objects: int
    horizon: int
    next_xid: int
    unread: Mapping[str, str] = field(default_factory=dict)

    def in_between(self, version: str) -> bool:
        """Whether an object was made by a transaction of the time between the readings.

        >>> seen = Catalogs(before=1, after=1, objects=9, horizon=700, next_xid=750)
        >>> seen.in_between("700 3"), seen.in_between("699"), seen.in_between("750")
        (True, False, False)
        >>> seen.in_between("")
        False
        """
        if not version:
            return False
        place = (int(version.split()[0]) - self.horizon) % _ROUND
        return place < self.next_xid - self.horizon


@dataclass(slots=True)
class _Seen:
    """An object on the source: its entry before T and after it, None where it was not there."""

    before: Entry | None = None
    after: Entry | None = None

    @property
    def untouched(self) -> bool:
        return (
            self.before is not None
            and self.after is not None
            and (self.before.line, self.before.version) == (self.after.line, self.after.version)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """An object that is not the same in both readings and on the copy.

    `status` is FAILED where the copy is wrong, NOT_RUN where nobody can tell, and PASSED where the
    object was changed in between and the copy has it as before or as after.
    """

    kind: str
    name: str
    status: Status
    before: str | None
    after: str | None
    there: str | None
    parent: str = ""

    @property
    def key(self) -> str:
        """What others call it as their parent."""
        return f"{self.kind} {self.name}"

    @property
    def what(self) -> str:
        """What is the matter with it, in a word."""
        if self.status is Status.PASSED:
            return "changed meanwhile"
        if self.status is Status.NOT_RUN:
            return "not to be told"
        if self.there is None:
            return "missing"
        return "otherwise" if self.before is not None else "unexpected"

    def lines(self) -> list[str]:
        """As a diff shows it: what was there with a minus, what is on the copy with a plus.

        >>> Difference(kind="triggers", name="s.t.g", status=Status.FAILED, before="on", after="on",
        ...            there="off").lines()
        ['- s.t.g: on', '+ s.t.g: off']
        >>> Difference(kind="triggers", name="s.t.g", status=Status.PASSED, before="on", after=None,
        ...            there="on").lines()
        ['~ s.t.g: as before: on; it was changed while the source was witnessed']
        """
        if self.status is Status.FAILED:
            removed = [] if self.before is None else [f"- {self.name}: {self.before}"]
            return removed + ([] if self.there is None else [f"+ {self.name}: {self.there}"])
        if self.status is Status.NOT_RUN:
            sides = (("before", self.before), ("after", self.after), ("on the copy", self.there))
            said = "; ".join(f"{side}: {'absent' if s is None else s}" for side, s in sides)
            return [f"? {self.name}: {said}"]
        there = "absent" if self.there is None else self.there
        if self.before is None and self.after is None:
            return [f"~ {self.name}: {there}; it came and went while the source was witnessed"]
        side = "before" if self.there == self.before else "after"
        return [f"~ {self.name}: as {side}: {there}; it was changed while the source was witnessed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """All differences, and of each kind how many objects the source has and the user leaves out."""

    differences: tuple[Difference, ...]
    witnessed: Mapping[str, int]
    ignored: Mapping[str, int]


def compare(
    before: Iterable[Entry],
    after: Iterable[Entry],
    there: Iterable[Entry],
    *,
    catalogs: Catalogs,
    unread: Mapping[str, str] = MappingProxyType({}),
    ignore: Sequence[str] = (),
    excluded: Collection[str] = (),
    told: Collection[str] = (),
) -> Compared:
    """The objects of the copy against both readings of the source.

    `unread` are kinds that could not be read on the copy; it is looked at when `there` is consumed.
    `ignore` are patterns of "kind:name" that the user leaves out; `excluded` names tables that are
    not compared, `told` tables and views that are missing and have a check of their own that says
    so. What comes and goes with an object that is missing or unexpected is not told again.

    >>> was = [Entry(kind="tables", name="s.t", line="table", version="7"),
    ...        Entry(kind="indexes", name="s.i", line="btree", version="8", parent="tables s.t")]
    >>> seen = Catalogs(before=1, after=1, objects=2, horizon=10, next_xid=20)
    >>> [d.name for d in compare(was, was, [], catalogs=seen).differences]
    ['s.t']
    >>> [d.name for d in compare(was, was, was[:1], catalogs=seen).differences]
    ['s.i']
    >>> compare(was, was, was, catalogs=seen).differences
    ()
    """
    out = _left_out(ignore, excluded)
    known: dict[str, _Seen] = {}
    ignored: dict[str, int] = {}
    for side, entries in (("before", before), ("after", after)):
        for entry in entries:
            if out(entry):
                if side == "after":
                    ignored[entry.kind] = ignored.get(entry.kind, 0) + 1
                continue
            setattr(known.setdefault(entry.key, _Seen()), side, entry)
    witnessed: dict[str, int] = {}
    for key in known:
        kind = key.partition(" ")[0]
        witnessed[kind] = witnessed.get(kind, 0) + 1
    found: list[Difference] = []
    for entry in there:
        if out(entry):
            continue
        seen = known.pop(entry.key, None)
        if seen is None or not seen.untouched or seen.before is None:
            found += _doubtful(seen, entry, catalogs)
        elif seen.before.line != entry.line:
            found.append(_difference(seen, entry, Status.FAILED))
    for seen in known.values():
        found += _missing(seen)
    found = [d for d in found if d.kind not in catalogs.unread and d.kind not in unread]
    gone = {d.key for d in found if (d.there is None) != (d.before is None and d.after is None)}
    gone |= {f"{kind} {name}" for kind in ("tables", "views") for name in told}
    kept = [d for d in found if d.parent not in gone and not (d.key in gone and _is_told(d, told))]
    kept.sort(key=lambda d: (KINDS.index(d.kind), _WORDS.index(d.what), d.name))
    return Compared(differences=tuple(kept), witnessed=witnessed, ignored=ignored)


def _is_told(difference: Difference, told: Collection[str]) -> bool:
    return difference.kind in ("tables", "views") and difference.name in told


def _left_out(ignore: Sequence[str], excluded: Collection[str]) -> Callable[[Entry], bool]:
    tables = {f"tables {name}" for name in excluded}

    def out(entry: Entry) -> bool:
        if tables and (entry.key in tables or entry.parent in tables):
            return True
        return any(fnmatchcase(f"{entry.kind}:{entry.name}", pattern) for pattern in ignore)

    return out


def _doubtful(seen: _Seen | None, entry: Entry, catalogs: Catalogs) -> list[Difference]:
    """An object of the copy that the source did not have, or had in one way and then in another."""
    if seen is None:
        came_and_went = catalogs.in_between(entry.version)
        return [_difference(_Seen(), entry, Status.PASSED if came_and_went else Status.FAILED)]
    lines = {side.line for side in (seen.before, seen.after) if side}
    if entry.line not in lines:
        return [_difference(seen, entry, Status.NOT_RUN)]
    if seen.before and seen.after and len(lines) == 1:
        return []
    return [_difference(seen, entry, Status.PASSED)]


def _missing(seen: _Seen) -> list[Difference]:
    """An object that the source had, and the copy lacks."""
    if seen.untouched:
        return [_difference(seen, None, Status.FAILED)]
    both = seen.before is not None and seen.after is not None
    return [_difference(seen, None, Status.NOT_RUN if both else Status.PASSED)]


def _difference(seen: _Seen, there: Entry | None, status: Status) -> Difference:
    shown = there or seen.before or seen.after
    if shown is None:
        raise ValueError("an object of neither side")
    return Difference(
        kind=shown.kind,
        name=shown.name,
        status=status,
        before=seen.before.shown if seen.before else None,
        after=seen.after.shown if seen.after else None,
        there=there.shown if there else None,
        parent=shown.parent,
    )


def checks(
    compared: Compared, *, kinds: Sequence[str], unread: Mapping[str, str], target: str, diff: str
) -> list[Check]:
    """A record for each kind of object. `diff` is where the whole difference is kept."""
    by_kind: dict[str, list[Difference]] = {kind: [] for kind in kinds}
    for difference in compared.differences:
        by_kind.setdefault(difference.kind, []).append(difference)
    return [
        _unread(kind, target, unread[kind])
        if kind in unread
        else _check(kind, found, compared, target, diff)
        for kind, found in by_kind.items()
    ]


def _check(
    kind: str, found: Sequence[Difference], compared: Compared, target: str, diff: str
) -> Check:
    count, ignored = compared.witnessed.get(kind, 0), compared.ignored.get(kind, 0)
    statuses = {difference.status for difference in found}
    status = (
        Status.FAILED
        if Status.FAILED in statuses
        else Status.NOT_RUN
        if Status.NOT_RUN in statuses
        else Status.PASSED
    )
    told = [line for difference in found for line in difference.lines()]
    shown = told[:MOST_SHOWN]
    if len(told) > len(shown):
        shown.append(f"and {len(told) - len(shown)} lines more: {diff}")
    notes = [
        *([f"{ignored} left out by fingerprint.ignore"] if ignored else []),
        *([UNASKED[kind]] if kind in UNASKED and count else []),
    ]
    return Check(
        name=kind,
        check_class=CheckClass.SCHEMA,
        target=target,
        status=status,
        expected=f"{count} as witnessed",
        observed=_tally(found) or "as witnessed",
        detail="\n".join([*shown, *notes]),
    )


def _tally(found: Sequence[Difference]) -> str:
    """How many differences of which sort there are.

    >>> one = Difference(kind="views", name="s.v", status=Status.FAILED, before="a", after="a",
    ...                  there=None)
    >>> _tally([one, one])
    '2 missing'
    """
    numbers: dict[str, int] = {}
    for difference in found:
        numbers[difference.what] = numbers.get(difference.what, 0) + 1
    return ", ".join(f"{number} {what}" for what, number in numbers.items())


def _unread(kind: str, target: str, reason: str) -> Check:
    return Check(
        name=kind,
        check_class=CheckClass.SCHEMA,
        target=target,
        status=Status.NOT_RUN,
        expected="a comparison with the source",
        observed="not compared",
        detail=reason,
    )


def diff_lines(compared: Compared) -> Iterator[str]:
    """The whole difference, kind by kind, as a person reads it."""
    kind = ""
    for difference in compared.differences:
        if difference.kind != kind:
            kind = difference.kind
            yield f"@@ {kind}"
        yield from difference.lines()
