"""Could we restore right now, and when did we last prove it? One sentence of a state. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from functions import clock
from functions.report.words import count, duration, instant
from functions.watch import state as states
from functions.watch.conditions import (
    NOT_PASSED,
    NOT_RESTORABLE,
    NOT_WATCHED,
    OVERDUE,
    SECRET_GONE,
    UNPROTECTED,
    UNREADABLE,
    VERSIONING_OFF,
)
from functions.watch.state import State

_IN_THE_WAY: Final = {condition.name for condition in (NOT_RESTORABLE, VERSIONING_OFF, SECRET_GONE)}
_LONGEST_LIST: Final = 3

Named: TypeAlias = tuple[str, Mapping[str, Any]]
"""A source or a drill of a state, by what it is called."""

GRAVE: Final = ("critical", "high")
"""The severities that somebody must look at within the hour."""


class Certainty(StrEnum):
    """What the watch knows of a restore that would begin now."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`sentence` begins with what `certainty` says."""

    certainty: Certainty
    sentence: str


def answer(state: State | None, *, now: datetime) -> Answer:
    """What a state says; None stands for one that is missing. A yes takes a proof of each source.

    >>> answer(None, now=datetime.now().astimezone()).sentence
    'Nobody knows: the collector has left no state that can be read.'
    """
    if state is None:
        return _unknown("the collector has left no state that can be read")
    age = (now - clock.parse(state["collected_at"])).total_seconds()
    if not states.is_fresh(state, now):
        return _unknown(f"the last collection is {duration(age)} old")
    sources = _sources(state)
    barred = _having(sources, _IN_THE_WAY)
    if barred:
        return Answer(
            certainty=Certainty.NO,
            sentence=f"No: a restore of {_listed(barred)} would not work today.",
        )
    bare = _having(sources, {UNPROTECTED.name})
    if bare:
        return Answer(
            certainty=Certainty.NO,
            sentence=f"No: what protects the backups of {_listed(bare)} is gone or too weak.",
        )
    unread = _having(sources, {UNREADABLE.name})
    if unread:
        return _unknown(f"{_listed(unread)} could not be looked at")
    unread = _having(_drills(state), {NOT_WATCHED.name})
    if unread:
        return _unknown(f"the runs of {_listed(unread)} could not be read")
    doubted = _having(_drills(state), {NOT_PASSED.name})
    if doubted:
        return _unknown(f"the last run of {_listed(doubted)} did not pass")
    late = [drill for drill in state["drills"] if _conditions(drill) & {OVERDUE.name}]
    if late:
        return _unknown(_overdue(late))
    proven = set(_proven(state))
    unproven = [name for name, one in sources if (one["kind"], one["name"]) not in proven]
    if unproven:
        return _unknown(
            f"nothing stands in the way, but no drill of {_listed(unproven)} has passed"
        )
    if not state["sources"]:
        return _unknown("nothing is watched")
    grave = _grave(state, sources)
    yes = f"Yes, but look at {_listed(grave)}" if grave else "Yes"
    return Answer(certainty=Certainty.YES, sentence=f"{yes}: {_proofs(state, now)}")


def _overdue(late: Sequence[Mapping[str, Any]]) -> str:
    """
    >>> _overdue([{"name": "a", "facts": {"last_pass": {"started_at": "2026-11-02T05:00:00Z"}}}])
    'a is overdue: not proven since 2 Nov 2026, 05:00 UTC'
    >>> _overdue([{"name": name, "facts": {"last_pass": None}} for name in "ab"])
    'a, b are overdue: never proven'
    """
    names = _listed([drill["name"] for drill in late])
    proofs = [proof(drill) for drill in late]
    oldest = min((told for told in proofs if told), default="")
    since = f"not proven since {instant(oldest, seconds=False)}"
    known = since if all(proofs) else f"{since}, or never" if oldest else "never proven"
    return f"{names} {'is' if len(late) == 1 else 'are'} overdue: {known}"


def _unknown(why: str) -> Answer:
    return Answer(certainty=Certainty.UNKNOWN, sentence=f"Nobody knows: {why}.")


def _having(each: Iterable[Named], conditions: set[str]) -> list[str]:
    return [name for name, one in each if _conditions(one) & conditions]


def _conditions(one: Mapping[str, Any]) -> set[str]:
    return {finding["condition"] for finding in one["findings"]}


def _sources(state: State) -> list[Named]:
    """The sources, by what they are called here."""
    return list(zip(source_names(state["sources"]), state["sources"], strict=True))


def _drills(state: State) -> list[Named]:
    return [(drill["name"], drill) for drill in state["drills"]]


def source_names(sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """What to call sources: by their names, and where one name is that of several, by kind too.

    >>> source_names([{"kind": kind, "name": name} for kind, name in
    ...     (("aurora", "prod"), ("s3_versions", "prod"), ("s3_versions", "files"))])
    ['prod (aurora)', 'prod (s3_versions)', 'files']
    """
    names = Counter(one["name"] for one in sources)
    return [
        one["name"] if names[one["name"]] == 1 else f"{one['name']} ({one['kind']})"
        for one in sources
    ]


def _grave(state: State, sources: Iterable[Named]) -> list[str]:
    """What somebody must look at, each once."""
    known = {(one["kind"], one["name"]): name for name, one in sources}
    found = [one for one in states.open_items(state) if one.severity in GRAVE]
    names = [known[one.kind, one.name] if one.of == "source" else one.name for one in found]
    return list(dict.fromkeys(names))


def _proven(state: State) -> Iterator[tuple[str, str]]:
    """The sources of which a drill has passed, by kind and name: two kinds may share a name."""
    yield from ((drill["kind"], drill["source"]) for drill in state["drills"] if proof(drill))


def proof(drill: Mapping[str, Any]) -> str | None:
    """When a drill of a state last proved it; None for never."""
    passed = drill["facts"].get("last_pass")
    return (passed.get("reported_at") or passed.get("started_at")) if passed else None


def _proofs(state: State, now: datetime) -> str:
    """When it was last proved, best and worst."""
    proofs = [clock.parse(told) for drill in state["drills"] if (told := proof(drill))]
    newest, oldest = ((now - edge(proofs)).total_seconds() for edge in (max, min))
    sources = count(len(state["sources"]), "source")
    last = f"the last proof is {duration(newest)} old"
    if len(proofs) > 1:
        last += f", the oldest of {count(len(proofs), 'drill')} {duration(oldest)}"
    return f"nothing stands in the way of a restore ({sources}); {last}."


def _listed(names: Sequence[str]) -> str:
    """
    >>> _listed(["a"]), _listed(["a", "b", "c", "d", "e"])
    ('a', 'a, b, c and 2 more')
    """
    more = len(names) - _LONGEST_LIST
    told = ", ".join(names[:_LONGEST_LIST])
    return f"{told} and {more} more" if more > 0 else told
