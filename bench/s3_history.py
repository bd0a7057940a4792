"""The history that the tools are to undo: a log of writes, and the state in its middle. Pure."""

from __future__ import annotations

import random
from hashlib import md5
from itertools import count
from typing import Final, NamedTuple

TIES: Final = 0.01
"""The share of keys that are put and deleted at once, within one second of the listing."""


class Write(NamedTuple):
    """A put of this body; a deletion, where it is None."""

    key: str
    body: bytes | None


class History(NamedTuple):
    """Rounds of writes: one key's are in this order, those of one round may happen at once."""

    before: list[list[list[Write]]]
    after: list[list[list[Write]]]

    def state(self) -> dict[str, str]:
        """The ETag of each key that was there between `before` and `after`."""
        state: dict[str, str] = {}
        for rounds in self.before:
            for writes in rounds:
                for write in writes:
                    if write.body is None:
                        state.pop(write.key, None)
                    else:
                        state[write.key] = etag(write.body)
        return state


def etag(body: bytes) -> str:
    """The ETag of a body that is put whole."""
    return md5(body, usedforsecurity=False).hexdigest()


def mixed(keys: int) -> History:
    """Four of ten keys unchanged since; others overwritten, deleted, re-created; one of ten new.

    >>> history = mixed(1000)
    >>> sum(len(writes) for each in history for rounds in each for writes in rounds)
    3063
    >>> len(history.state())
    760
    """
    chance = random.Random(4)  # noqa: S311  # the same history in every run
    names = [_name(number) for number in range(keys)]
    number = count()

    def put(key: str) -> Write:
        return Write(key, b"%d of %s" % (next(number), key.encode()))

    first = [[put(key)] for key in names if chance.random() > 0.1]
    there = [writes[0].key for writes in first]
    later = [
        [
            [Write(key, None) if chance.random() < 0.15 else put(key)]
            for key in there
            if chance.random() < share
        ]
        for share in (0.9, 0.5)
    ]
    ties = [[put(key), Write(key, None)] for key in names if chance.random() < TIES]
    before = [first, *later, ties]
    changed = [key for key in names if chance.random() > 0.4]
    after = [
        [[Write(key, None) if chance.random() < 0.4 else put(key)] for key in changed],
        [[put(key)] for key in changed if chance.random() < 0.5],
    ]
    return History(before, after)


def deleted(keys: int) -> History:
    """Every key put, then deleted.

    >>> history = deleted(3)
    >>> len(history.state()), history.after[0][0][0].body
    (3, None)
    """
    names = [_name(number) for number in range(keys)]
    before = [[[Write(key, key.encode())] for key in names]]
    return History(before, [[[Write(key, None)] for key in names]])


def overwritten(keys: int) -> History:
    """Every key put, then overwritten: each has to be copied, and nothing else is to be done.

    >>> len(overwritten(3).state())
    3
    """
    names = [_name(number) for number in range(keys)]
    before = [[[Write(key, key.encode())] for key in names]]
    return History(before, [[[Write(key, b"other")] for key in names]])


def _name(number: int) -> str:
    return f"site/{number % 50:02}/page {number:06}.html"
