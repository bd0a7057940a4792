"""Copies that S3 confirmed, and that nothing short of reading them would prove again.

Of two large objects without a checksum in common, whose ETags are of different kinds or made with
different keys, S3 does not tell whether they are the same. A restore knows what it copied: it keeps
that, so that the next one does not copy it again.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from cli.journal import Noted
from functions.s3_versions import sameness
from functions.s3_versions.values import NULL, Action, Diff, How
from functions.s3_versions.wire import Bucket


class Known(NamedTuple):
    """The version `made` of a key is a copy of its version `source`."""

    key: str
    source: str
    made: str


def read(path: Path) -> Iterator[Known]:
    """What is known, in the order of keys; nothing where nothing was kept."""
    if path.exists():
        with path.open(encoding="ascii") as file:
            for line in file:
                yield Known(*json.loads(line))


def add(path: Path, new: Iterable[Known]) -> None:
    """Keep what came to be known, in the order of keys; of a key what is newer."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="ascii") as file:
        both = heapq.merge(new, read(path), key=attrgetter("key"))
        for _, found in groupby(both, key=attrgetter("key")):
            file.write(json.dumps(next(found)) + "\n")
    part.replace(path)


def settle(actions: Iterable[Action], known: Iterator[Known]) -> Iterator[Action]:
    """The actions; nothing is to be done where what is current is known to be the copy wanted.

    >>> one = Action(key="a", diff=Diff.CHANGE, how=How.COPY, version="1", current="2")
    >>> [action.diff.value for action in settle([one], iter([Known("a", "1", "2")]))]
    ['unchanged']
    """
    one = next(known, None)
    for action in actions:
        while one is not None and one.key < action.key:
            one = next(known, None)
        if one == (action.key, action.version, action.current) and action.current != NULL:
            action = replace(action, diff=Diff.UNCHANGED, how=How.NOTHING)
        yield action


def is_copy(
    source: Bucket, target: Bucket, noted: Noted, *, encryption: bool, most_read: int
) -> bool:
    """Whether all that S3 tells of what was made agrees with the version that it was made from.

    Only of what is too large to be read (above `most_read` bytes): all else was compared.
    `encryption` says that a copy is encrypted as its version. Raises RequestRefused and NoAnswer.
    """
    wanted = sameness.look(source, noted.key, noted.source)
    made = sameness.look(target, noted.key, noted.made)
    return bool(
        wanted
        and made
        and wanted.size == made.size > most_read
        and wanted.headers == made.headers
        and (not encryption or wanted.encrypting == made.encrypting)
        and not wanted.checksums.keys() & made.checksums.keys()
        and not (wanted.etag_is_md5 and made.etag_is_md5)
        and sameness.tags(source, wanted) == sameness.tags(target, made)
    )
