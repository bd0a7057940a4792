"""Which messages a subscription's filter policy lets through, by SNS's rules. Pure.

moto matches policies too, but fails at `$or` in the body of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Policy = Mapping[str, Any]


class UnknownFilter(Exception):
    """When a policy asks for what is not matched here: the message shows it."""


def admits(policy: Policy, message: Mapping[str, Any]) -> bool:
    """Whether every key of the policy finds its value in the message. Raises UnknownFilter.

    >>> policy = {"AlarmDescription": [{"prefix": "high: "}],
    ...           "$or": [{"NewStateValue": ["ALARM"]}, {"OldStateValue": ["ALARM"]}]}
    >>> told = {"AlarmDescription": "high: lag", "NewStateValue": "OK", "OldStateValue": "ALARM"}
    >>> admits(policy, told), admits(policy, told | {"OldStateValue": "INSUFFICIENT_DATA"})
    (True, False)
    >>> admits(policy, told | {"AlarmDescription": "low: lag"}), admits(policy, {})
    (False, False)
    >>> admits({"AlarmName": [{"suffix": "-failed"}]}, told)
    Traceback (most recent call last):
    ...
    lab.filters.UnknownFilter: AlarmName: {'suffix': '-failed'}
    """
    return all(
        any(admits(each, message) for each in wanted)
        if key == "$or"
        else _matches(wanted, message, key)
        for key, wanted in policy.items()
    )


def _matches(wanted: Iterable[Any], message: Mapping[str, Any], key: str) -> bool:
    return any(_fits(one, message, key) for one in wanted)


def _fits(wanted: Any, message: Mapping[str, Any], key: str) -> bool:
    match wanted:
        case str():
            return bool(message.get(key) == wanted)
        case {"prefix": str(start)} if len(wanted) == 1:
            return str(message.get(key, "")).startswith(start)
        case _:
            raise UnknownFilter(f"{key}: {wanted}")
