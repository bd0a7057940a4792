"""Copies that nothing short of reading them would prove again, kept for the next restore.

A restore knows what it copied, and S3 has confirmed it: so the next one does not copy it again.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from functions.s3_versions.confirmed import Copy
from functions.s3_versions.values import NULL, Action, Diff, How


def read(path: Path) -> Iterator[Copy]:
    """What is known, in the order of keys; nothing where nothing was kept."""
    if path.exists():
        with path.open(encoding="ascii") as file:
            for line in file:
                yield Copy(*json.loads(line))


def add(path: Path, new: Iterable[Copy]) -> None:
    """Keep what came to be known, in the order of keys; of a key what is newer."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="ascii") as file:
        both = heapq.merge(new, read(path), key=attrgetter("key"))
        for _, found in groupby(both, key=attrgetter("key")):
            file.write(json.dumps(next(found)) + "\n")
    part.replace(path)


def settle(actions: Iterable[Action], known: Iterator[Copy]) -> Iterator[Action]:
    """The actions; nothing is to be done where what is current is known to be the copy wanted.

    >>> one = Action(key="a", diff=Diff.CHANGE, how=How.COPY, version="1", current="2")
    >>> [action.diff.value for action in settle([one], iter([Copy("a", "1", "2")]))]
    ['unchanged']
    """
    one = next(known, None)
    for action in actions:
        while one is not None and one.key < action.key:
            one = next(known, None)
        if one == (action.key, action.version, action.current) and action.current != NULL:
            action = replace(action, diff=Diff.UNCHANGED, how=How.NOTHING)
        yield action
