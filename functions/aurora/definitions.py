"""An object of the catalogs as a line: what is compared of it, and what is shown. Pure.

A line holds no password and no row's content. Of bodies, queries and options it holds a digest; in
the expressions of defaults, checks and policies the literals are blanked, and a digest stands for
the whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
