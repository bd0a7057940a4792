"""Whether EventBridge's rule would match an event: the part of its patterns that ours use."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any


class UnknownFilter(Exception):
    """A pattern uses a filter that is not known here."""


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has all that a pattern asks for. Raises UnknownFilter."""
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(matches(each, event) for each in wanted):
                return False
        elif isinstance(wanted, Mapping):
            inner = event.get(key)
            if not isinstance(inner, Mapping) or not matches(wanted, inner):
                return False
        elif key not in event or not any(_value(each, event[key]) for each in wanted):
            return False
    return True


def _value(wanted: Any, found: Any) -> bool:
    match wanted:
        case {"anything-but": excluded}:
            return found is not None and not _any_of(excluded, found)
        case Mapping():
            return _any_of(wanted, found)
        case _:
            return bool(wanted == found)


def _any_of(wanted: Any, found: Any) -> bool:
    match wanted:
        case list():
            return any(_any_of(each, found) for each in wanted)
        case {"prefix": prefixes}:
            return isinstance(found, str) and found.startswith(tuple(_listed(prefixes)))
        case {"wildcard": wildcards}:
            return isinstance(found, str) and any(
                fnmatch.fnmatchcase(found, each) for each in _listed(wildcards)
            )
        case Mapping():
            raise UnknownFilter(wanted)
        case _:
            return bool(wanted == found)


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
