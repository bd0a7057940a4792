"""The fingerprint of a database: one line for every object of its catalogs, held against the copy.

The catalogs are read twice on the source, just before the restore point T and just after it. What
both readings show alike, untouched in between, was so at T: the copy must have it, and the same.
Where they differ the copy may be as before or as after. An object that neither shows must not be
there, unless its transaction is one of those in between: then it came and went.

A line holds no password and no row's content. Of bodies, queries and options it holds a digest; in
the expressions of defaults, checks and policies the literals are blanked, and a digest stands for
the whole. What belongs to an extension is not listed: the extension is. Pure.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from functions.model import Check, CheckClass, Status

KINDS = (
    "databases",
    "roles",
    "memberships",
    "settings",
    "parameters",
    "tablespaces",
    "schemas",
    "extensions",
    "languages",
    "types",
    "collations",
    "text_search",
    "functions",
    "operators",
    "casts",
    "foreign_servers",
    "tables",
    "views",
    "columns",
    "constraints",
    "indexes",
    "statistics",
    "triggers",
    "rules",
    "policies",
    "sequences",
    "grants",
    "default_privileges",
    "publications",
    "published_schemas",
    "subscriptions",
    "event_triggers",
    "comments",
)
"""Each is a file in sql/fingerprint/ and a check of the report, in the report's order."""

SINCE = {"parameters": 150000, "published_schemas": 150000}
"""The version that brought a kind, where it is later than 14."""

UNASKED = {
    "roles": "passwords are not asked for",
    "subscriptions": "where they connect to is not asked for",
    "foreign_servers": "the options of user mappings are not asked for",
}
"""What is not compared, because it would be a secret."""

LONGEST_LINE = 400
MOST_SHOWN = 12
"""How many lines of the difference a check shows; all of them are in the evidence."""

MOST_OBJECTS = 200_000
"""How many objects are compared: that many fit into the memory of a step."""

_ROUND = 1 << 32
_WORDS = ("missing", "otherwise", "unexpected", "not to be told", "changed meanwhile")
_LITERAL = re.compile(r"[eE]?'(?:[^']|'')*'(?!::regclass)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """An object of the catalogs.

    `version` names the row versions that the line was made of, the object's own first; empty where
    that cannot be seen. `parent` ("kind name") is what it comes and goes with. `legible` says in
    clear what the line holds a digest of, where that could be had: it is shown, and not compared.
    """

    kind: str
    name: str
    line: str
    version: str = ""
    parent: str = ""
    legible: str = ""

    @property
    def key(self) -> str:
        """What others call it as their parent."""
        return f"{self.kind} {self.name}"

    @property
    def shown(self) -> str:
        """The line as people see it."""
        return f"{self.line} {self.legible}" if self.legible else self.line

    def to_record(self) -> list[str]:
        """As JSON holds it, in little space."""
        return [self.kind, self.name, self.line, self.version, self.parent, self.legible]

    @classmethod
    def from_record(cls, record: Sequence[str]) -> Entry:
        """The entry of a record.

        >>> entry = Entry(kind="views", name="s.v", line="view", version="7", parent="schemas s")
        >>> Entry.from_record(entry.to_record()) == entry
        True
        """
        kind, name, line, version, parent, legible = record
        return cls(kind=kind, name=name, line=line, version=version, parent=parent, legible=legible)

    @classmethod
    def from_row(cls, kind: str, row: Mapping[str, Any]) -> Entry | None:
        """The entry of a row that sql/fingerprint/<kind>.sql returned.

        None where the object went away while it was read: a part of the row is null then.

        >>> row = {"name": "s.t.c", "line": "", "code": "CHECK ((a > 'x y'::text))",
        ...        "version": "7", "parent": "tables s.t"}
        >>> Entry.from_row("constraints", row).line
        "CHECK ((a > '…'::text)) #61d47e67"
        >>> Entry.from_row("constraints", {**row, "code": None}) is None
        True
        >>> column = {**row, "line": "default #12345678", "code": "", "legible": "lower('x y')"}
        >>> Entry.from_row("columns", column).shown
        "default #12345678 lower('…')"
        """
        if any(row[part] is None for part in ("name", "line", "code")):
            return None
        line = " ".join(part for part in (row["line"], _blanked(row["code"])) if part)
        return cls(
            kind=kind,
            name=row["name"],
            line=_shortened(line),
            version=row["version"] or "",
            parent=row["parent"] or "",
            legible=_shortened(row.get("bounds") or _legible(row.get("legible") or "")),
        )


def _legible(code: str) -> str:
    return " ".join(_LITERAL.sub("'…'", code).split())


def _blanked(code: str) -> str:
    """An expression without its literals, which may be keys; a digest stands for the whole.

    >>> _blanked("CHECK ((a = 'it''s') AND (b > 0))")
    "CHECK ((a = '…') AND (b > 0)) #242688a8"
    >>> _blanked("default nextval('s.q'::regclass)")
    "default nextval('s.q'::regclass)"
    """
    shown = _legible(code)
    return shown if shown == code else f"{shown} #{_digest(code)}"


def _shortened(line: str) -> str:
    """A line of bounded length: what is cut off, a digest of the whole stands for.

    >>> len(_shortened("x" * 5000)), _shortened("short")
    (400, 'short')
    """
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[: LONGEST_LINE - 11]}… #{_digest(line)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


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


def kinds_of(version_number: int, *, comments: bool) -> list[str]:
    """The kinds that a server of this version has, and the drill asks for.

    >>> "parameters" in kinds_of(140000, comments=True)
    False
    >>> set(KINDS) - set(kinds_of(180000, comments=False))
    {'comments'}
    """
    return [
        kind
        for kind in KINDS
        if version_number >= SINCE.get(kind, 0) and (comments or kind != "comments")
    ]


def diff_lines(compared: Compared) -> Iterator[str]:
    """The whole difference, kind by kind, as a person reads it."""
    kind = ""
    for difference in compared.differences:
        if difference.kind != kind:
            kind = difference.kind
            yield f"@@ {kind}"
        yield from difference.lines()
