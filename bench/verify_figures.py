"""What was measured, and the tables that are made of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from statistics import median
from typing import Final

from rich.table import Table

from bench.verify_contestants import Said
from bench.verify_meter import Felt, Stage
from bench.verify_tables import DIFFERENCES

MB: Final = 1_000_000
OF_THE_LIMIT: Final = 0.6
TIMES_THE_PEERS: Final = 5.0
"""The goals: the speed of one scan with the same digest, and how many times as fast as peers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One comparison: its stages, and what was said."""

    stages: Sequence[Stage]
    said: Said

    @property
    def seconds(self) -> float:
        """Of the clock."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def processor(self) -> float:
        """Seconds of the processor, servers' and client's."""
        return self.servers + self.client

    @property
    def servers(self) -> float:
        """Seconds of the servers' processors."""
        return sum(stage.servers for stage in self.stages)

    @property
    def client(self) -> float:
        """Seconds of the client's processor."""
        return sum(stage.client for stage in self.stages)

    @property
    def felt(self) -> Felt:
        """What the source has felt."""
        return reduce(or_, (stage.felt for stage in self.stages), Felt())

    def of(self, name: str) -> Turn:
        """Its stages of that name alone."""
        return replace(self, stages=[stage for stage in self.stages if stage.name == name])


@dataclass(kw_only=True, slots=True)
class Figures:
    """All turns of each contestant, and the bytes that a side has in each table."""

    turns: dict[str, list[Turn]]
    bytes_of: Mapping[str, int]
    ours: str
    apart: str
    limit: str
    peers: Sequence[str]

    @property
    def bytes(self) -> int:
        """Of a side."""
        return sum(self.bytes_of.values())

    def seconds(self, name: str, table: str = "") -> float:
        """Medians of the clock."""
        turns = self.turns[name]
        return median(turn.of(table).seconds if table else turn.seconds for turn in turns)

    def processor(self, name: str, table: str = "") -> float:
        """Medians of the processor."""
        turns = self.turns[name]
        return median(turn.of(table).processor if table else turn.processor for turn in turns)

    def felt(self, name: str) -> Felt:
        """What the source felt, at most in any turn, but of what was read the mean."""
        turns = self.turns[name]
        worst = reduce(or_, (turn.felt for turn in turns))
        return replace(worst, read=worst.read // len(turns), fetched=worst.fetched // len(turns))

    @property
    def last(self) -> Turn:
        """Our last turn."""
        return self.turns[self.ours][-1]

    def failed(self, name: str) -> dict[str, str]:
        """Over what a contestant failed, and why."""
        return {what: why for turn in self.turns[name] for what, why in turn.said.failed.items()}


def ratio(one: float, other: float) -> str:
    """How many times the other one is.

    >>> ratio(3.0, 2.0), ratio(1.0, 0.0)
    ('1.50', '-')
    """
    return f"{one / other:.2f}" if other else "-"


def ratios(figures: Figures, repeats: int) -> Table:
    """Ratios first: of the clock and of the processor, to ours, and to the limit."""
    table = Table(title=f"Both sides compared, medians of {repeats}")
    table.add_column("contestant")
    for name in ("time, to ours", "CPU, to ours", "speed, of the limit's", "seconds", "CPU s"):
        table.add_column(name, justify="right")
    table.add_column("MB/s of a side", justify="right")
    ours, limit = figures.ours, figures.limit
    for name in figures.turns:
        if name == figures.apart:
            continue
        seconds, processor = figures.seconds(name), figures.processor(name)
        share = figures.processor(limit) / processor if processor else 0.0
        failed = figures.failed(name)
        table.add_row(
            f"{name} (failed over {', '.join(failed)})" if failed else name,
            ratio(seconds, figures.seconds(ours)),
            ratio(processor, figures.processor(ours)),
            f"{share:.0%}",
            f"{seconds:.1f}",
            f"{processor:.1f}",
            f"{figures.bytes / MB / seconds:.0f}" if seconds else "-",
        )
    return table


def by_table(figures: Figures) -> Table:
    """The same of each table: ours was given one after the other."""
    table = Table(title="Table by table: CPU seconds, and others' as ratios to ours (time, CPU)")
    table.add_column("table")
    table.add_column("MB", justify="right")
    for name in ("ours, CPU s", "the limit, CPU s", "speed, of the limit's", *figures.peers):
        table.add_column(name, justify="right")
    for name, size in figures.bytes_of.items():
        ours, limit = (figures.processor(who, name) for who in (figures.apart, figures.limit))
        others = [
            f"{ratio(figures.seconds(peer, name), figures.seconds(figures.apart, name))},"
            f" {ratio(figures.processor(peer, name), ours)}"
            for peer in figures.peers
        ]
        share = f"{limit / ours:.0%}" if ours else "-"
        table.add_row(name, f"{size / MB:.0f}", f"{ours:.2f}", f"{limit:.2f}", share, *others)
    return table


def goals(figures: Figures) -> list[str]:
    """Which of the goals are met, in words."""
    ours, limit = figures.ours, figures.limit
    lines = []
    if figures.processor(ours):
        share = figures.processor(limit) / figures.processor(ours)
        told = "met" if share >= OF_THE_LIMIT else "not met"
        lines.append(
            f"speed of one scan with the same digest, by the processor: {share:.0%} of it;"
            f" the goal is {OF_THE_LIMIT:.0%}: {told}"
        )
    for peer in figures.peers:
        times = figures.seconds(peer) / figures.seconds(ours)
        told = "met" if times >= TIMES_THE_PEERS else "not met"
        lines.append(
            f"times as fast as {peer}, by the clock: {times:.1f};"
            f" the goal is {TIMES_THE_PEERS:.0f}: {told}"
        )
    return lines


def limits(figures: Figures) -> Table:
    """Where our time goes: CPU by stage, beside that of the limit, and the clock by part."""
    table = Table(title="What limits ours")
    table.add_column("part")
    for name in ("seconds", "servers' CPU s", "client's CPU s", "of the limit's CPU"):
        table.add_column(name, justify="right")
    whole = figures.processor(figures.limit)
    for name, turn in (
        (f"{figures.limit}, both sides", figures.turns[figures.limit][-1]),
        *((stage.name, last.of(stage.name)) for last in [figures.last] for stage in last.stages),
    ):
        table.add_row(
            name,
            f"{turn.seconds:.1f}",
            f"{turn.servers:.1f}",
            f"{turn.client:.1f}",
            f"{turn.processor / whole:.0%}" if whole else "-",
        )
    table.add_section()
    for part, seconds in figures.last.said.parts.items():
        table.add_row(f"calls of {part}", f"{seconds:.1f}", "", "", "")
    return table


def source_side(figures: Figures) -> Table:
    """What the source felt."""
    table = Table(title="On the source; pages as multiples of the bytes of the tables")
    table.add_column("contestant")
    for name in (
        *("longest statement, s", "longest snapshot, s", "connections"),
        *("pages read", "not in its cache"),
    ):
        table.add_column(name, justify="right")
    for name in figures.turns:
        if name != figures.apart:
            felt = figures.felt(name)
            table.add_row(
                name,
                f"{felt.statement:.2f}",
                f"{felt.snapshot:.2f}",
                str(felt.connections),
                f"{felt.read / figures.bytes:.2f}",
                f"{felt.fetched / figures.bytes:.2f}",
            )
    return table


def memory(figures: Figures, tenth: Said) -> Table:
    """The peaks of memory."""
    table = Table(title="Peak memory of the client's process, MiB")
    for name in ("contestant", "a tenth of the rows", "all rows", "ratio"):
        table.add_column(name, justify="left" if name == "contestant" else "right")
    for part, small in tenth.memory.items():
        large = max(turn.said.memory[part] for turn in figures.turns[figures.ours])
        table.add_row(
            f"{figures.ours}: {part}", f"{small:.0f}", f"{large:.0f}", ratio(large, small)
        )
    for name, turns in figures.turns.items():
        if peak := max(turn.said.memory.get("", 0.0) for turn in turns):
            table.add_row(name, "", f"{peak:.0f}", "")
    return table


def seen(found: Mapping[str, Said]) -> Table:
    """Who sees what."""
    table = Table(title="What each sees: x seen, . not seen, ! it fails")
    table.add_column("difference")
    for name in found:
        table.add_column(name, justify="center")
    numbers: dict[str, int] = defaultdict(int)
    real = [each for each in DIFFERENCES if not each.none]
    for each in real:
        marks = [mark(said, each.name) for said in found.values()]
        for name, told in zip(found, marks, strict=True):
            numbers[name] += told == "x"
        table.add_row(each.what, *marks)
    table.add_section()
    table.add_row(f"seen, of {len(real)}", *(str(numbers[name]) for name in found))
    table.add_section()
    for each in DIFFERENCES:
        if each.none:
            table.add_row(each.what, *(mark(said, each.name) for said in found.values()))
    return table


def mark(said: Said, table: str) -> str:
    """How it stands with a table.

    >>> said = Said(different={"a"}, failed={"b": "why"})
    >>> mark(said, "a"), mark(said, "b"), mark(said, "c")
    ('x', '!', '.')
    """
    return "x" if table in said.different else "!" if table in said.failed else "."
