"""The objects that a canary writes, overwrites, deletes and brings back. Pure.

Of each kind of object there is one for each way of losing it: overwritten, deleted and brought back
by removing the marker, deleted and brought back by copying.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MIB = 1024**2

MANY = 1_050
"""Versions of one key: more than a page of the listing holds, so that it breaks inside the key."""

CLOCK = "clock"
"""The name of the object that is written to learn the time that S3 gives to what is written."""


class Fate(StrEnum):
    """How an object is lost, and how it is brought back."""

    OVERWRITTEN = "overwritten"
    UNDELETED = "undeleted"
    COPIED = "copied"


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A kind of object. `size` in bytes, `parts` the sizes of its parts, where it has some."""

    name: str
    ending: str
    size: int
    parts: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    versions: int = 1


FORMS = (
    Form(name="empty", ending="empty", size=0, headers={"ContentType": "text/plain"}),
    Form(name="one byte", ending="one-byte", size=1, tags={"drill": "yes"}),
    Form(
        name="document",
        ending="document.json",
        size=48 * 1024,
        headers={
            "CacheControl": "max-age=300",
            "ContentDisposition": 'attachment; filename="document.json"',
            "ContentEncoding": "identity",
            "ContentLanguage": "pt-BR",
            "ContentType": "application/json; charset=utf-8",
        },
        metadata={"owner": "backup drills", "checked": "yes"},
        tags={"drill": "yes", "kind of object": "a document: +-=._/@"},
    ),
    Form(
        name="infrequent",
        ending="infrequent.bin",
        size=130 * 1024,
        metadata={"class": "infrequent access"},
        storage_class="STANDARD_IA",
    ),
    Form(
        name="multipart",
        ending="multipart.bin",
        size=9 * MIB,
        parts=(5 * MIB, 4 * MIB),
        headers={"ContentType": "application/octet-stream"},
        metadata={"parts": "two"},
        tags={"drill": "yes"},
    ),
    Form(
        name="awkward key",
        ending="a key/with spaces + plus %41 ção €\n?versionId=x&y#z 'q' \"Q\" <&>",
        size=513,
        metadata={"awkward": "key"},
    ),
)
"""The SDKs upload in parts what is larger than 8 MiB; each part but the last has 5 MiB at least."""

THOUSAND = Form(name="many versions", ending="many-versions", size=24, versions=MANY)


@dataclass(frozen=True, kw_only=True, slots=True)
class Specimen:
    """One object: a form, a fate, and its key."""

    form: Form
    fate: Fate
    key: str

    @property
    def name(self) -> str:
        """What the report calls it.

        >>> specimens("drill-1/")[0].name
        'empty, overwritten'
        """
        return f"{self.form.name}, {self.fate.value}"

    def body(self, number: int) -> bytes:
        """The bytes of a version: number 1 is brought back, 2 and up are newer, 0 and down older.

        Every version differs from every other in its bytes, and from the first in its size too.

        >>> one = specimens("drill-1/")[0]
        >>> len(one.body(1)), len(one.body(2)), one.body(1) == one.body(1)
        (0, 13, True)
        """
        size = self.form.size if number == 1 else min(self.form.size, 1024) + 11 + abs(number)
        return hashlib.shake_256(f"{self.key}\0{number}".encode()).digest(size)

    @property
    def parts(self) -> Iterator[bytes]:
        """The bytes of version 1, in its parts."""
        body, at = self.body(1), 0
        for size in self.form.parts:
            yield body[at : at + size]
            at += size

    @property
    def before(self) -> int:
        """How many versions are written before the one that is brought back."""
        return self.form.versions - 1 - self.form.versions // 3

    @property
    def after(self) -> int:
        """How many versions are written over it, where it is overwritten."""
        if self.fate is not Fate.OVERWRITTEN:
            return 0
        return max(1, self.form.versions // 3)


def specimens(prefix: str) -> list[Specimen]:
    """All objects of a canary, below a prefix.

    >>> found = specimens("drill-1/")
    >>> len(found), sum(1 + one.before + one.after for one in found)
    (19, 1074)
    """
    made = [
        Specimen(form=form, fate=fate, key=f"{prefix}{fate.value}/{form.ending}")
        for form in FORMS
        for fate in Fate
    ]
    fate = Fate.OVERWRITTEN
    return [
        *made,
        Specimen(form=THOUSAND, fate=fate, key=f"{prefix}{fate.value}/{THOUSAND.ending}"),
    ]


SINGLE = "document"
"""The form whose objects are brought back one by one, and timed: the RTO of one object."""
