"""Ranges of keys that cover a bucket, each of them once, and are about as large. Pure.

S3 tells no counts. A look into a listing, of one page, tells how near to each other the keys are
there: by this the largest range is found, and divided in the middle, as the characters of its keys
go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

MOST_BYTES: Final = 1024
"""Of a key, and so of what a listing can be begun behind (S3 API)."""

AT_ONCE: Final = 16
"""Looks that may be taken side by side."""

_DIGITS: Final = 24
"""Characters, behind those that two keys have in common, by which their distance is told."""

_FINER: Final = 8
"""Stretches that are weighed for each range that comes of them."""

_BELIEVED: Final = 4
"""Times the median, that a stretch is taken for at most when they are put together."""

_LOOKS: Final = 16
"""Looks that are taken at most for each range."""

_OUTPOSTS: Final = "!09AZ_az~\u00ff\u04ff\u2fff\ua000\uffff"
"""Where other characters may begin."""


class Range(NamedTuple):
    """The keys behind `after`, up to and with `until`; an empty end is open."""

    after: str
    until: str

    def holds(self, key: str) -> bool:
        """Whether a key is in it.

        >>> [Range("a", "c").holds(key) for key in ("a", "b", "c", "d")]
        [False, True, True, False]
        """
        return self.after < key and (not self.until or key <= self.until)


def ranges(boundaries: Iterable[str]) -> list[Range]:
    """The ranges between some keys, and outside them: one more than there are different keys.

    >>> ranges(["m", "c", "m"])
    [Range(after='', until='c'), Range(after='c', until='m'), Range(after='m', until='')]
    """
    ends = ["", *sorted(set(boundaries) - {""}), ""]
    return [Range(*pair) for pair in pairwise(ends)]


def spread(count: int, at_a_time: int) -> list[int]:
    """The numbers of ranges in an order in which those at a time are from all over the bucket.

    S3 limits the rate of requests of neighbouring keys together.

    >>> spread(6, 2)
    [0, 3, 1, 4, 2, 5]
    """
    step = max(1, -(-count // at_a_time))
    return [number for start in range(step) for number in range(start, count, step)]


def by_weight(weights: Mapping[str, float], most: int, *, rest: float = 0) -> list[Range]:
    """At most so many ranges, by a sample of keys.

    `weights` say how much there is from the key before it up to each key: 1 for each key of a
    sample, or the number of objects up to the last one of a prefix; `rest` is behind all of them.

    >>> by_weight({"a": 1, "b": 1, "c": 1, "d": 1}, 2)
    [Range(after='', until='b'), Range(after='b', until='')]
    """
    share = (sum(weights.values()) + rest) / max(most, 1)
    boundaries: list[str] = []
    reached = 0.0
    for key in sorted(weights):
        reached += weights[key]
        if len(boundaries) < most - 1 and reached >= share * (len(boundaries) + 1):
            boundaries.append(key)
    return ranges(boundaries)


class Glimpse(NamedTuple):
    """What one page of a listing shows: its first key and its last, empty where there is nothing.

    `whole` says that nothing comes after the page.
    """

    first: str
    last: str
    whole: bool


Look = Callable[[Sequence[str]], Sequence[Glimpse]]
"""Looks at one page behind each of some keys, side by side if it likes; answers in their order."""


@dataclass(slots=True, eq=False)
class _Stretch:
    """The keys up to `until`, behind those of the stretch before; `until` is empty for no end.

    `page` is the first page of it, `pages` how many there may be. `closed` says that it cannot be
    divided, `shortened` that there was nothing behind its middle.
    """

    page: Glimpse
    until: str
    pages: float = 1.0
    closed: bool = False
    shortened: bool = False


def by_looking(look: Look, most: int, *, prefix: str = "") -> list[Range]:
    """At most so many ranges of the keys below a prefix; the same for the same keys.

    Some looks are taken for each range, AT_ONCE together. What a look does not show is guessed:
    the ranges are not of one size, and there are fewer of them where there are few pages.
    """
    [begin] = look([prefix])
    if begin.whole or most < 2:
        return ranges([])
    map_ = _Map(begin, look([prefix + character for character in _OUTPOSTS]), prefix)
    looks = _LOOKS * most
    while looks > 0 and len(map_.stretches) < _FINER * most:
        due = map_.due(AT_ONCE)
        middles = [map_.middle(stretch) for stretch in due]
        glimpses = iter(look([middle for middle in middles if middle]))
        for stretch, middle in zip(due, middles, strict=True):
            if middle:
                map_.divide(stretch, middle, next(glimpses))
            else:
                stretch.closed = True
        if not due:
            break
        looks -= len(due)
    return map_.ranges(most)


class _Map:
    """What is known of the keys: the stretches, in no order, and the characters that occur."""

    def __init__(self, begin: Glimpse, outposts: Iterable[Glimpse], prefix: str) -> None:
        end = _end(prefix)
        self._end = end if prefix < end else ""
        self.stretches = [_Stretch(begin, self._end)]
        self._characters: list[str] = []
        self._learn(begin, *outposts)
        self._weigh(self.stretches[0])

    def _learn(self, *glimpses: Glimpse) -> None:
        known = set(self._characters)
        found = known.union(*(glimpse.first + glimpse.last for glimpse in glimpses))
        if found != known:
            self._characters = sorted(found)
            for stretch in self.stretches:
                self._weigh(stretch)

    def due(self, number: int) -> list[_Stretch]:
        """The stretches to be divided next: the largest, and those that wait the longest.

        What seems small may hide a crowd behind its first page.
        """
        open_ = [stretch for stretch in self.stretches if not stretch.closed]
        large = sorted(open_, key=lambda one: (-one.pages, one.page.first))[: number // 2]
        return large + [one for one in open_ if one not in large][: number - len(large)]

    def middle(self, stretch: _Stretch) -> str:
        """Where to divide a stretch, behind its first page; empty for nowhere.

        That is the middle of what may come, by the characters that occur; or, where nothing was
        behind that, the end of the folder that the page is in.
        """
        last, until = stretch.page.last, stretch.until
        common = _common(last, until)
        if stretch.shortened:
            folder = last[: _common(stretch.page.first, last)]
            end = _end(folder[: folder.rfind("/") + 1] or folder)
            if last < end and (not until or end < until):
                return end
        low, high = self._number(last[common:]), self._number(until[common:] if until else None)
        size = len(self._characters) + 1
        place, digits = (low + high) // 2, []
        for _ in range(_DIGITS):
            place, digit = divmod(place, size)
            digits.append(digit)
        found = last[:common]
        for digit in reversed(digits):
            found += self._characters[max(digit, 1) - 1]
            if last < found:
                break
        fits = last < found and (not until or found < until)
        return found if fits and len(found.encode()) <= MOST_BYTES else ""

    def divide(self, stretch: _Stretch, middle: str, glimpse: Glimpse) -> None:
        """Two stretches of one, if there is something behind its middle, else a shorter one."""
        self._learn(glimpse)
        stretch.shortened = not Range(middle, stretch.until).holds(glimpse.first)
        if not stretch.shortened:
            right = _Stretch(glimpse, stretch.until)
            self._weigh(right)
            self.stretches.append(right)
        stretch.until = middle
        self._weigh(stretch)
        self.stretches.remove(stretch)
        self.stretches.append(stretch)

    def _weigh(self, stretch: _Stretch) -> None:
        """By how much of the way the first page goes."""
        page, until = stretch.page, stretch.until
        if page.whole or (until and page.last >= until):
            stretch.pages, stretch.closed = 1.0, True
            return
        common = _common(page.first, until)
        first = self._number(page.first[common:])
        way = self._number(until[common:] if until else None) - first
        stretch.pages = way / max(1, self._number(page.last[common:]) - first)

    def _number(self, text: str | None) -> int:
        """Where a string stands among all; None for behind the last. Shorter ones come first."""
        size = len(self._characters) + 1
        if text is None:
            return int(size**_DIGITS)
        number = 0
        for place in range(_DIGITS):
            digit = bisect_right(self._characters, text[place]) if place < len(text) else 0
            number = number * size + digit
        return number

    def ranges(self, most: int) -> list[Range]:
        """The stretches, put together into at most so many ranges."""
        middling = median(stretch.pages for stretch in self.stretches)
        weights: dict[str, float] = {}
        for stretch in self.stretches:
            until = "" if stretch.until == self._end else stretch.until
            weights[until] = min(stretch.pages, _BELIEVED * middling)
        rest = weights.pop("", 0.0)
        return by_weight(weights, most, rest=rest)


def _common(one: str, other: str) -> int:
    """How many characters two strings begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _end(folder: str) -> str:
    """A string behind all that begin with this one; the same where that is not easily said.

    >>> _end("photos/")
    'photos0'
    """
    if not folder or folder[-1] in "\ud7ff\U0010ffff":
        return folder
    return folder[:-1] + chr(ord(folder[-1]) + 1)
