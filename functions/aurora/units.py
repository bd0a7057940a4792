"""What is to be verified, made into units of work of balanced weight. Pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """A thing to verify: what it weighs (bytes) and, for a table, of how many blocks it is."""

    weight: int
    blocks: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A load, or a range of its blocks: the `number`th piece of `pieces`. `end` None is open."""

    load: int
    start: int = 0
    end: int | None = None
    number: int = 0
    pieces: int = 1


def balance(loads: Sequence[Load], *, most_units: int, unit_weight: int) -> list[list[Piece]]:
    """Units of work of about equal weight, `most_units` of them at most.

    A unit weighs `unit_weight`, or more when there would be too many. A table heavier than a unit
    is cut into ranges of its blocks, each a unit of its own, in order and before all others: when
    the unit of the last range is begun, those of the ranges before it have been begun.

    >>> units = balance([Load(weight=10, blocks=10), Load(weight=2), Load(weight=1)],
    ...                 most_units=4, unit_weight=4)
    >>> [[(p.load, p.start, p.end) for p in unit] for unit in units]
    [[(0, 0, 3)], [(0, 3, 6)], [(0, 6, None)], [(1, 0, None), (2, 0, None)]]
    >>> balance([], most_units=4, unit_weight=4)
    []
    """
    if not loads:
        return []
    weight = max(1, unit_weight, math.ceil(sum(load.weight for load in loads) / most_units))
    while len(units := _balanced(loads, weight)) > most_units:
        weight += max(1, weight // 8)
    return units


def _balanced(loads: Sequence[Load], weight: int) -> list[list[Piece]]:
    cut: list[list[Piece]] = []
    small: list[tuple[int, int]] = []
    for index, load in enumerate(loads):
        pieces = min(math.ceil(load.weight / weight), max(1, load.blocks))
        if pieces <= 1:
            small.append((load.weight, index))
            continue
        step = load.blocks / pieces
        starts = [math.floor(step * number) for number in range(pieces)]
        ends: list[int | None] = [*starts[1:], None]
        cut += [
            [Piece(load=index, start=start, end=end, number=number, pieces=pieces)]
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]
    bins = math.ceil(sum(entry[0] for entry in small) / weight)
    packed: list[list[int]] = [[] for _ in range(max(bins, 1 if small else 0))]
    lightest = [(0, number) for number in range(len(packed))]
    for load_weight, index in sorted(small, key=lambda entry: (-entry[0], entry[1])):
        filled, number = heapq.heappop(lightest)
        packed[number].append(index)
        heapq.heappush(lightest, (filled + load_weight, number))
    return cut + [[Piece(load=index) for index in sorted(unit)] for unit in packed if unit]
