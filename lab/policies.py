"""Would IAM allow it? An evaluator of policies, for the tests and for every call of a lab.

Evaluated are a role's own policies and its permissions boundary, as within one account; an operator
that is not known raises instead of guessing. Not evaluated: policies on resources (buckets, keys,
topics), service control policies, sessions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

Policy = Mapping[str, Any]
Context = Mapping[str, str | Sequence[str]]
"""Condition keys and their values in one request; a key may have several values."""


class Request(NamedTuple):
    """One thing that IAM is asked: one API call may be several."""

    action: str
    resource: str
    context: Context = MappingProxyType({})


class Decision(StrEnum):
    """What a set of policies says to a request."""

    ALLOW = "allow"
    IMPLICIT_DENY = "implicit deny"
    EXPLICIT_DENY = "explicit deny"


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a role may do: what its policies allow, within its boundary."""

    policies: tuple[Policy, ...]
    boundary: Policy | None = None

    def decide(self, request: Request) -> Decision:
        """What IAM answers. A Deny anywhere wins; else both must allow.

        >>> everything = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        >>> reading = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
        >>> Role(policies=(everything,), boundary=reading).decide(
        ...     Request("s3:PutObject", "arn:aws:s3:::a/b")).value
        'implicit deny'
        """
        own = decide(self.policies, request)
        if self.boundary is None or own is Decision.EXPLICIT_DENY:
            return own
        limit = decide([self.boundary], request)
        if Decision.EXPLICIT_DENY in (own, limit):
            return Decision.EXPLICIT_DENY
        return limit if own is Decision.ALLOW else own

    def allows(self, request: Request) -> bool:
        """Whether IAM answers yes: the role's own policies, and the boundary."""
        own = decide(self.policies, request) is Decision.ALLOW
        return own and (self.boundary is None or decide([self.boundary], request) is Decision.ALLOW)


class UnknownOperator(Exception):
    """A condition has an operator that the evaluator does not know."""


def decide(policies: Iterable[Policy], request: Request) -> Decision:
    """What these policies together say. Raises UnknownOperator for one that is not known."""
    decision = Decision.IMPLICIT_DENY
    for policy in policies:
        for statement in _listed(policy["Statement"]):
            if _applies(statement, request):
                if statement["Effect"] == "Deny":
                    return Decision.EXPLICIT_DENY
                decision = Decision.ALLOW
    return decision


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        _names(statement, request.action.lower())
        and _means(statement, request)
        and _holds(statement.get("Condition", {}), request.context)
    )


def _names(statement: Mapping[str, Any], action: str) -> bool:
    """Whether the statement is about an action, given in lower case as IAM does not mind."""
    element = "Action" if "Action" in statement else "NotAction"
    named = any(_like(str(each).lower(), action) for each in _listed(statement[element]))
    return named == (element == "Action")


def _means(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether the statement is about a resource."""
    element = "Resource" if "Resource" in statement else "NotResource"
    patterns = (_filled(each, request.context) for each in _listed(statement[element]))
    meant = any(each is not None and _arn_like(each, request.resource) for each in patterns)
    return meant == (element == "Resource")


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether every operator holds for every key: they are joined by and."""
    values = {key.lower(): _listed(value) for key, value in context.items()}
    return all(
        _operator_holds(operator, _listed(wanted), values.get(key.lower()), context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _operator_holds(
    operator: str, wanted: list[Any], found: list[Any] | None, context: Context
) -> bool:
    qualifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    texts = [_text(each) for each in wanted]
    if name == "Null":
        return (found is None) == (texts[0].lower() == "true")
    if name not in _COMPARISONS or qualifier not in ("", "ForAllValues", "ForAnyValue"):
        # A guess could allow what AWS denies.
        raise UnknownOperator(f"condition operator {operator}")
    negated = name in _NEGATED
    if found is None:
        return if_exists or qualifier == "ForAllValues" or (negated and qualifier == "")
    compare = _COMPARISONS[name]
    filled = [text for each in texts if (text := _filled(each, context)) is not None]
    hits = [any(compare(want, _text(value)) for want in filled) != negated for value in found]
    if qualifier == "ForAllValues":
        return all(hits)
    if qualifier == "ForAnyValue":
        return any(hits)
    return all(hits) if negated else any(hits)


def _filled(pattern: str, context: Context) -> str | None:
    """The pattern with its ${variables} replaced, marked literal; None when one has no value."""
    lost = False

    def value(match: re.Match[str]) -> str:
        nonlocal lost
        key, _, default = (part.strip() for part in match[1].partition(","))
        if key in ("*", "?", "$"):
            return _LITERAL[key]
        found = {name.lower(): _listed(value) for name, value in context.items()}.get(key.lower())
        if found is None and not default:
            lost = True
            return ""
        text = _text(found[0]) if found else default.strip("'")
        return "".join(_LITERAL.get(character, character) for character in text)

    if "${" not in str(pattern):
        return str(pattern)
    filled = re.sub(r"\$\{([^}]*)\}", value, str(pattern))
    return None if lost else filled


_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "$"}
"""Stand-ins for characters that a variable brought in: they match themselves alone."""


def _plain(pattern: str) -> str:
    return pattern.replace("\ue000", "*").replace("\ue001", "?")


def _like(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with * and ?."""
    return _expression(pattern).fullmatch(text) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if each == "*" else "." if each == "?" else re.escape(_plain(each)) for each in pattern
    )
    return re.compile("".join(parts), re.DOTALL)


def _arn_like(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern: each of its six parts by itself, unless it is just *."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    if pattern == "*" or len(patterns) != len(parts):
        return pattern == "*" or _like(pattern, arn)
    return all(map(_like, patterns, parts))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda want, value: compare(float(value), float(want))


def _instant(compare: Callable[[datetime, datetime], bool]) -> Callable[[str, str], bool]:
    return lambda want, value: compare(datetime.fromisoformat(value), datetime.fromisoformat(want))


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda want, value: _plain(want) == value,
    "StringNotEquals": lambda want, value: _plain(want) == value,
    "StringEqualsIgnoreCase": lambda want, value: _plain(want).lower() == value.lower(),
    "StringNotEqualsIgnoreCase": lambda want, value: _plain(want).lower() == value.lower(),
    "StringLike": _like,
    "StringNotLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "ArnNotEquals": _arn_like,
    "ArnNotLike": _arn_like,
    "Bool": lambda want, value: want.lower() == value.lower(),
    "NumericEquals": _number(lambda value, want: value == want),
    "NumericNotEquals": _number(lambda value, want: value == want),
    "NumericLessThan": _number(lambda value, want: value < want),
    "NumericLessThanEquals": _number(lambda value, want: value <= want),
    "NumericGreaterThan": _number(lambda value, want: value > want),
    "NumericGreaterThanEquals": _number(lambda value, want: value >= want),
    "DateLessThan": _instant(lambda value, want: value < want),
    "DateGreaterThan": _instant(lambda value, want: value > want),
}
_NEGATED = frozenset(name for name in _COMPARISONS if "Not" in name)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
