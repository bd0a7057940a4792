"""The rule of a composite alarm: which states of other alarms make it ring. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[^)\s]+))"
    r"\s*\)|(?P<word>AND|OR|NOT|TRUE|FALSE|\(|\)))"
)

Holds = Callable[[Mapping[str, str]], bool]


class NotARule(Exception):
    """When a rule cannot be read: the message shows where."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A rule and the names of the alarms that it asks for, in the order of the text."""

    names: tuple[str, ...]
    holds: Holds


def parse(text: str) -> Rule:
    """A rule, to be asked with the state of each alarm by its name. Raises NotARule.

    >>> rule = parse('(ALARM("a") OR ALARM(arn:aws:cloudwatch:r:1:alarm:b)) AND NOT OK("c")')
    >>> rule.names
    ('a', 'b', 'c')
    >>> rule.holds({"a": "OK", "b": "ALARM", "c": "ALARM"})
    True
    >>> rule.holds({"a": "OK", "b": "ALARM", "c": "OK"})
    False
    >>> parse("ALARM(a) OR")
    Traceback (most recent call last):
    ...
    lab.alarm_rules.NotARule: 'ALARM(a) OR': it ends too early
    """
    reading = _Reading(text)
    holds = reading.either()
    reading.expect_end()
    return Rule(names=tuple(dict.fromkeys(reading.names)), holds=holds)


class _Reading:
    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        self._text = text
        self._tokens = [*self._read(text), None]

    def _read(self, text: str) -> Iterator[re.Match[str]]:
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None:
                raise NotARule(f"{text!r}: not understood from {text[place : place + 30]!r} on")
            yield found
            place = found.end()

    def either(self) -> Holds:
        found = [self._all()]
        while self._is("OR"):
            found.append(self._all())
        return found[0] if len(found) == 1 else lambda states: any(each(states) for each in found)

    def expect_end(self) -> None:
        if self._tokens[0] is not None:
            raise NotARule(f"{self._text!r}: {self._tokens[0].group().strip()!r} is too much")

    def _all(self) -> Holds:
        found = [self._one()]
        while self._is("AND"):
            found.append(self._one())
        return found[0] if len(found) == 1 else lambda states: all(each(states) for each in found)

    def _one(self) -> Holds:
        if self._is("NOT"):
            inner = self._one()
            return lambda states: not inner(states)
        if self._is("("):
            inner = self.either()
            if not self._is(")"):
                raise NotARule(f"{self._text!r}: a closing parenthesis is missing")
            return inner
        for word, constant in (("TRUE", True), ("FALSE", False)):
            if self._is(word):
                return lambda _, constant=constant: constant  # type: ignore[misc]
        return self._asked()

    def _asked(self) -> Holds:
        token = self._tokens.pop(0)
        if token is None:
            raise NotARule(f"{self._text!r}: it ends too early")
        state = token["state"]
        if state is None:
            raise NotARule(f"{self._text!r}: {token.group().strip()!r} is too much")
        name = (token["quoted"] or token["bare"]).rpartition(":alarm:")[2]
        self.names.append(name)
        return lambda states: states[name] == state

    def _is(self, word: str) -> bool:
        token = self._tokens[0]
        if token is None or token["word"] != word:
            return False
        self._tokens.pop(0)
        return True
