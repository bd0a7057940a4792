"""The exact digest of a row: from the types of its columns to an SQL expression. Pure.

Two rows that differ in anything that is stored have different digests, but for an accident in 2^64;
the digests of a table's rows are mixed once more, twice over, and summed, so that their order does
not matter and changes cannot cancel out.

What the types' own hashes cannot see is why this module is long; tests/steps/test_digest.py shows
each of it. `hash_numeric` ignores sign and scale, and takes NaN and the infinities for one
another; `hashint8` folds 64 bits into 32, so that 1 and 4294967296 are the same to it, and times
are hashed by it; jsonb hashes its numbers as numerics; arrays hash without their bounds; floats -0
as 0; citext, char(n) and collations of their own by what is equal; enums by an object id that
another cluster does not share. Of text forms, char(n)::text drops its blanks and xml's own output
its declaration. So each type has the cheapest form that is exact:

* a 64-bit integer is the *seed* with which a constant is hashed, for a seed is taken in whole;
* 32-bit integers, and text in the collation "C", are hashed each by its own function;
* all else stands in one row that is hashed at once: as it is where its hash is exact, else in its
  binary image (`numeric_send`), which no setting changes;
* composites, and arrays of them, are taken apart: their image holds object ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

ALGORITHM: Final = "1"
"""Names the form of the expression: digests of two forms cannot be compared."""

FIXED_BELOW: Final = 10_000
"""Types with a lower object id are PostgreSQL's own, and have that id in every cluster."""

_VALUES: Final = frozenset(
    {
        *("bool", "bytea", "cid", "cidr", "date", "inet", "macaddr", "macaddr8", "name", "oid"),
        *("tid", "uuid", "xid"),
    }
)
"""PostgreSQL's own types whose hash sees all that is stored, in full width."""

_EXACT_IMAGES: Final = frozenset(
    {
        *(("cube", "cube"), ("hstore", "hstore"), ("ltree", "ltree")),
        *(("vector", "vector"), ("vector", "halfvec"), ("vector", "sparsevec")),
    }
)
"""Types of extensions whose binary image holds all that is stored, each with its extension.

Not geometry: PostGIS sends an empty point as one whose coordinates are NaN.
"""

_IN_A_ROW: Final = 500


class Kind(Enum):
    """How a type is made."""

    BASE = "base"
    ENUM = "enum"
    DOMAIN = "domain"
    ARRAY = "array"
    COMPOSITE = "composite"
    RANGE = "range"
    MULTIRANGE = "multirange"


class NoExactForm(Exception):
    """When a column's type has no form that is known to be exact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Type:
    """A type as the catalog describes it. `send` and `output` are the names of its functions.

    `of` is what a domain, an array, a range or a multirange is made of. `raw_text` says that what
    is stored is a text, byte by byte. Names are quoted. `labels` are an enum's, each behind the
    object id that is stored for it.
    """

    oid: int
    name: str
    kind: Kind
    extension: str = ""
    of: int = 0
    fields: tuple[tuple[str, int], ...] = ()
    send: str = ""
    output: str = ""
    raw_text: bool = False
    labels: tuple[tuple[int, str], ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether it is PostgreSQL's own."""
        return self.oid < FIXED_BELOW

    @property
    def sent_exactly(self) -> bool:
        """Whether the binary image of this base type holds all that is stored."""
        if self.fixed:
            return bool(self.send) and self.name != "xml"
        return bool(self.send) and (self.extension, self.name) in _EXACT_IMAGES


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column: its name, unquoted, and its type by object id. `shown` is the type for people.

    `number` tells it from one of that name which was dropped.
    """

    name: str
    type: int
    shown: str
    number: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """A digest as SQL, a bigint. `unproven` are the columns whose type nobody knows.

    Those are in it by all that their type lets out; whether that is all that is stored only the
    author of the type can say.
    """

    sql: str
    unproven: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """The digest of rows: how many they are, and two sums of their mixed digests.

    >>> Digest(rows=1, first=5, second=7) + Digest(rows=2, first=-1, second=1)
    Digest(rows=3, first=4, second=8)
    """

    rows: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: Digest) -> Digest:
        """That of these rows and those."""
        return Digest(
            rows=self.rows + other.rows,
            first=self.first + other.first,
            second=self.second + other.second,
        )

    def __sub__(self, other: Digest) -> Digest:
        """What these rows have more than those; all zero where they are the same."""
        return Digest(
            rows=self.rows - other.rows,
            first=self.first - other.first,
            second=self.second - other.second,
        )


class _Form(Enum):
    """How an image is hashed."""

    LONG = "as the seed of a hash"
    INTEGER = "hashint4extended"
    TEXT = "hashtextextended"
    VALUE = "in a row"


@dataclass(frozen=True, slots=True)
class _Image:
    """A part of what is stored, as SQL."""

    form: _Form
    sql: str


@dataclass(slots=True)
class _Builder:
    """Takes columns apart. `unproven` gathers what is not known to be exact."""

    types: Mapping[int, Type]
    unproven: bool = False
    nested: int = 0

    def images(self, type_id: int, x: str) -> Iterator[_Image]:
        """What is stored in `x`, in parts. Raises NoExactForm."""
        found = self._type(type_id)
        if found.raw_text:
            yield _Image(_Form.TEXT, f"{x}::pg_catalog.text")
            return
        match found.kind:
            case Kind.BASE:
                yield from self._base(found, x)
            case Kind.ENUM:
                yield _Image(_Form.VALUE, f"pg_catalog.enum_send({x})")
            case Kind.DOMAIN:
                yield from self.images(found.of, x)
            case Kind.COMPOSITE:
                # IS NULL is true of a row of nulls as well.
                yield _Image(_Form.INTEGER, f"pg_catalog.num_nulls({x})")
                for name, inner in found.fields:
                    yield from self.images(inner, f"({x}).{quoted(name)}")
            case Kind.ARRAY:
                yield from self._array(found, x)
            case Kind.RANGE:
                yield from self._range(found, x)
            case Kind.MULTIRANGE:
                if not self._stands_alone(found.of):
                    raise NoExactForm(f"{found.name}: a multirange of {self._type(found.of).name}")
                yield _Image(_Form.VALUE, f"pg_catalog.multirange_send({x})")

    def hashed(self, images: Sequence[_Image]) -> str:
        """The hash of all these images, a bigint that is never null."""
        hashes = list(_apart(images))
        values = [image.sql for image in images if image.form is _Form.VALUE]
        for start in range(0, len(values), _IN_A_ROW):
            row = ", ".join(values[start : start + _IN_A_ROW])
            hashes.append(f"hash_record_extended(ROW({row}), {_seed('row', start)})")
        return " # ".join(hashes) if hashes else f"{_seed('none', 0)}"

    def _base(self, found: Type, x: str) -> Iterator[_Image]:
        name = found.name if found.fixed else ""
        if name == "int8":
            yield _Image(_Form.LONG, x)
        elif name in ("int2", "int4"):
            yield _Image(_Form.INTEGER, x if name == "int4" else f"{x}::pg_catalog.int4")
        elif name in _VALUES:
            yield _Image(_Form.VALUE, x)
        elif found.sent_exactly:
            yield _Image(_Form.VALUE, f"{found.send}({x})")
        else:
            self.unproven |= name != "aclitem"
            if found.send:
                yield _Image(_Form.VALUE, f"{found.send}({x})")
            yield _Image(_Form.TEXT, f"{found.output}({x})::pg_catalog.text")

    def _array(self, found: Type, x: str) -> Iterator[_Image]:
        element = self._base_of(found.of)
        if element.raw_text:
            # xml is sent anew written; stored it is text. So all of them are sent as texts.
            yield _Image(_Form.VALUE, f"pg_catalog.array_send({x}::pg_catalog.text[])")
        elif self._stands_alone(found.of):
            # Bytes 9 to 12 are the object id of the element's type.
            image = f"pg_catalog.array_send({x})"
            yield _Image(_Form.VALUE, f"pg_catalog.overlay({image}, '\\x00000000'::bytea, 9, 4)")
        else:
            yield _Image(_Form.INTEGER, f"pg_catalog.num_nulls({x})")
            yield _Image(_Form.TEXT, f"pg_catalog.array_dims({x})")
            self.nested += 1
            alias = f"u{self.nested}"
            inner = self.hashed(list(self.images(found.of, f"{alias}.e")))
            yield _Image(
                _Form.VALUE,
                f"(SELECT pg_catalog.string_agg(pg_catalog.int8send({inner}), '\\x'::bytea)"  # noqa: S608
                f" FROM (SELECT pg_catalog.unnest({x}) AS e OFFSET 0) AS {alias})",
            )

    def _range(self, found: Type, x: str) -> Iterator[_Image]:
        if self._stands_alone(found.of):
            yield _Image(_Form.VALUE, f"pg_catalog.range_send({x})")
            return
        for name in ("isempty", "lower_inc", "upper_inc", "lower_inf", "upper_inf"):
            yield _Image(_Form.VALUE, f"pg_catalog.{name}({x})")
        for name in ("lower", "upper"):
            yield from self.images(found.of, f"pg_catalog.{name}({x})")

    def _stands_alone(self, type_id: int) -> bool:
        """Whether the binary image is exact, and holds no object id that is another elsewhere."""
        found = self._type(type_id)
        match found.kind:
            case Kind.DOMAIN | Kind.RANGE | Kind.MULTIRANGE:
                return self._stands_alone(found.of)
            case Kind.COMPOSITE:
                return all(
                    self._type(inner).fixed and self._stands_alone(inner)
                    for _, inner in found.fields
                )
            case Kind.ARRAY:
                return self._type(found.of).fixed and self._stands_alone(found.of)
            case Kind.ENUM:
                return True
            case Kind.BASE:
                return found.raw_text or found.sent_exactly

    def _base_of(self, type_id: int) -> Type:
        found = self._type(type_id)
        return self._base_of(found.of) if found.kind is Kind.DOMAIN else found

    def _type(self, type_id: int) -> Type:
        if type_id not in self.types:
            raise NoExactForm(f"a type that the catalog does not describe: {type_id}")
        return self.types[type_id]


def row_digest(
    columns: Sequence[Column], types: Mapping[int, Type], *, alias: str = "x"
) -> Expression:
    """The digest of a row of these columns, of the table by that alias.

    >>> int8 = Type(oid=20, name="int8", kind=Kind.BASE)
    >>> print(row_digest([Column(name="id", type=20, shown="bigint")], {20: int8}).sql)
    coalesce(hashint4extended(211364411, x."id"), 3832825806410848651)

    Raises NoExactForm that names the column, for a type that has none.
    """
    images: list[_Image] = []
    builder = _Builder(types)
    unproven = []
    for column in columns:
        builder.unproven = False
        try:
            images += builder.images(column.type, f"{alias}.{quoted(column.name)}")
        except NoExactForm as failure:
            raise NoExactForm(f"column {column.name}: {failure}") from None
        if builder.unproven:
            unproven.append(column.name)
    return Expression(sql=builder.hashed(images), unproven=tuple(unproven))


def quoted(name: str) -> str:
    """A name as SQL takes it.

    >>> quoted('odd "name')
    '"odd ""name"'
    """
    return '"' + name.replace('"', '""') + '"'


def _apart(images: Sequence[_Image]) -> Iterator[str]:
    """The hashes of the images that are hashed each by itself, told apart by their place."""
    for place, image in enumerate(images):
        seed, null = _seed(image.form.name, place), _seed("null", place)
        match image.form:
            case _Form.LONG:
                key = seed & 0x7FFFFFFF
                yield f"coalesce(hashint4extended({key}, {image.sql}), {null})"
            case _Form.INTEGER:
                yield f"coalesce(hashint4extended({image.sql}, {seed}), {null})"
            case _Form.TEXT:
                text = f'{image.sql} COLLATE pg_catalog."C"'
                yield f"coalesce(hashtextextended({text}, {seed}), {null})"
            case _Form.VALUE:
                continue


def _seed(what: str, place: int) -> int:
    """A constant that looks like chance and is always the same."""
    told = hashlib.sha256(f"{ALGORITHM} {what} {place}".encode()).digest()
    return int.from_bytes(told[:8], "big", signed=True)
