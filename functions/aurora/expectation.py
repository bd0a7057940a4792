"""The user's own checks: a query about the restore point, and what its one value must be. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, assert_never


class Incomparable(ValueError):
    """When a value and an expectation are not of the same kind."""


_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LITERAL = rf"(?:{_NUMBER}|'(?:[^']|'')*'|true|false)"
_COMPARES = re.compile(rf"(<=|>=|<>|!=|==|=|<|>)\s*({_LITERAL})", re.IGNORECASE)
_BETWEEN = re.compile(rf"between\s+({_LITERAL})\s+and\s+({_LITERAL})", re.IGNORECASE)
_IS = re.compile(r"is\s+(not\s+)?(null|true|false)", re.IGNORECASE)
_GRAMMAR = (
    "expected a comparison (= <> < <= > >=) with a number, 'text' or true or false;"
    " or between .. and ..; or is [not] null, true or false"
)

Value = Decimal | str | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What the one value of a user's query must be. Made by `parse`."""

    text: str
    operator: str
    values: tuple[Value, ...]
    negated: bool = False

    @classmethod
    def parse(cls, text: str) -> Expectation:
        """The expectation that a text of the configuration means.

        >>> Expectation.parse("between 1 and 9").values
        (Decimal('1'), Decimal('9'))

        Raises ValueError that shows the text and what was expected.

        >>> Expectation.parse("about 7")
        Traceback (most recent call last):
        ...
        ValueError: 'about 7' is not an expectation: expected a comparison (= <> < <= > >=) with \
a number, 'text' or true or false; or between .. and ..; or is [not] null, true or false
        """
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is not an expectation: {_GRAMMAR}")
        trimmed = text.strip()
        if found := _COMPARES.fullmatch(trimmed):
            operator = {"==": "=", "!=": "<>"}.get(found[1], found[1])
            return cls(text=trimmed, operator=operator, values=(_literal(found[2]),))
        if found := _BETWEEN.fullmatch(trimmed):
            values = (_literal(found[1]), _literal(found[2]))
            return cls(text=trimmed, operator="between", values=values)
        if found := _IS.fullmatch(trimmed):
            truth = () if found[2].lower() == "null" else (_literal(found[2]),)
            return cls(text=trimmed, operator="is", values=truth, negated=bool(found[1]))
        raise ValueError(f"{text!r} is not an expectation: {_GRAMMAR}")

    def met_by(self, value: object) -> bool:
        """Whether the value meets it. NULL meets nothing but `is null` and `is not true`.

        A quoted literal is read as a time where the value is one: UTC where it names no zone.

        >>> Expectation.parse("> 0").met_by(3), Expectation.parse("> 0").met_by(None)
        (True, False)
        >>> Expectation.parse(">= '2026-01-01'").met_by(datetime(2026, 1, 2, tzinfo=UTC))
        True
        >>> Expectation.parse("is null").met_by(None), Expectation.parse("is not true").met_by(None)
        (True, True)

        Raises Incomparable where the two are of different kinds.

        >>> Expectation.parse("> 0").met_by("many")
        Traceback (most recent call last):
        ...
        functions.aurora.expectation.Incomparable: a text cannot be compared with the number 0
        """
        if self.operator == "is":
            if not self.values:
                return (value is None) is not self.negated
            if value is not None and not isinstance(value, bool):
                raise Incomparable(f"{_kind(value)} is neither true nor false")
            return (value is self.values[0]) is not self.negated
        if value is None:
            return False
        if self.operator == "between":
            return all(
                _holds(operator, *_alike(value, wanted))
                for operator, wanted in zip((">=", "<="), self.values, strict=True)
            )
        return _holds(self.operator, *_alike(value, self.values[0]))


def _holds(operator: str, left: Any, right: Any) -> bool:
    """Whether the comparison holds between two values of one type. Raises Incomparable."""
    if operator in ("=", "<>"):
        return bool(left == right) is (operator == "=")
    if isinstance(right, bool):
        raise Incomparable("true and false have no order")
    orders = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
    return bool(orders[operator])


def _literal(text: str) -> Value:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return Decimal(text)


def _alike(value: object, wanted: Value) -> tuple[Any, Any]:
    """Both in one type. Raises Incomparable."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        if isinstance(value, bool) and isinstance(wanted, bool):
            return value, wanted
        raise Incomparable(f"{_kind(value)} cannot be compared with {_named(wanted)}")
    if isinstance(wanted, Decimal):
        if isinstance(value, int | float | Decimal):
            number = Decimal(str(value))
            if number.is_nan():
                raise Incomparable(f"NaN cannot be compared with {_named(wanted)}")
            return number, wanted
        raise Incomparable(f"{_kind(value)} cannot be compared with {_named(wanted)}")
    if isinstance(value, datetime):
        return _instant(value), _instant(_moment(wanted))
    if isinstance(value, date):
        return value, _moment(wanted).date()
    if isinstance(value, str):
        return value, wanted
    if isinstance(value, int | float | Decimal):
        try:
            return Decimal(str(value)), Decimal(wanted)
        except InvalidOperation:
            pass
    raise Incomparable(f"{_kind(value)} cannot be compared with {_named(wanted)}")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Incomparable(f"{text!r} is not a date or a time") from None


def _instant(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _named(wanted: Value) -> str:
    match wanted:
        case bool():
            return f"{wanted}".lower()
        case Decimal():
            return f"the number {wanted}"
        case str():
            return f"the text {wanted!r}"
        case unreachable:
            assert_never(unreachable)


def _kind(value: object) -> str:
    """What kind of value it is, in words that give nothing of it away.

    >>> _kind(Decimal("1.5")), _kind("x"), _kind([1])
    ('a number', 'a text', 'a value of type list')
    """
    match value:
        case bool():
            return "a truth value"
        case int() | float() | Decimal():
            return "a number"
        case str():
            return "a text"
        case datetime() | date() | time():
            return "a time"
        case _:
            return f"a value of type {type(value).__name__}"


def shown(value: object) -> str:
    """The value as a record may hold it: numbers, times and truth; a text is only measured.

    >>> shown(None), shown(Decimal("1.50")), shown(True), shown(datetime(2026, 1, 2, tzinfo=UTC))
    ('null', '1.50', 'true', '2026-01-02T00:00:00+00:00')
    >>> shown("ana@example.com")
    'a text of 15 characters'
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float() | Decimal() | timedelta():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case str():
            return f"a text of {len(value)} characters"
        case _:
            return _kind(value)


_TOKEN = re.compile(
    r"""
      (?P<escape>(?<!\w)[eE]'(?:[^'\\]|''|\\.)*' )
    | (?P<text>  '(?:[^']|'')*' )
    | (?P<name>  "(?:[^"]|"")*" )
    | (?P<dollar>\$(?P<tag>[A-Za-z_\x80-\uffff][\w]*|)\$.*?\$(?P=tag)\$ )
    | (?P<line>  --[^\n]* )
    | (?P<block> /\*.*?\*/ )
    | (?P<cast>  :: )
    | (?P<bound> :restore_time\b )
    | (?P<percent> % )
    """,
    re.VERBOSE | re.DOTALL,
)


def bind_restore_time(query: str) -> str:
    """The query as psycopg takes it: `:restore_time` a parameter, outside of texts and comments.

    >>> bind_restore_time("SELECT count(*) FROM s.t WHERE at > :restore_time - interval '1 hour'")
    "SELECT count(*) FROM s.t WHERE at > %(restore_time)s - interval '1 hour'"
    >>> bind_restore_time("SELECT ':restore_time'::text, 7 % 2 -- :restore_time")
    "SELECT ':restore_time'::text, 7 %% 2 -- :restore_time"
    """

    def replace(found: re.Match[str]) -> str:
        if found["bound"]:
            return "%(restore_time)s"
        return found[0].replace("%", "%%")

    return _TOKEN.sub(replace, query.strip().removesuffix(";"))
