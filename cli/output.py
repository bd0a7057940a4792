"""What a command tells: one document for machines, the same for people, and an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_AS_WIDE_AS_IT_LIKES: Final = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What came of a command. `document` is as docs/cli.schema.json describes it.

    `lines` follow what is `shown`: addresses and command lines, never cut nor folded.
    """

    document: Mapping[str, Any]
    shown: RenderableType = ""
    lines: tuple[str, ...] = ()
    status: int = 0


class Output(Console):
    """Goes on in silence once nobody reads along: that stops no command half way."""

    def on_broken_pipe(self) -> None:
        """Write the rest to nowhere."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console(*, errors: bool = False) -> Output:
    """The terminal, or what stands for it; stderr where stdout is for a document alone.

    Long lines are never broken in a pipe.
    """
    stream = sys.stderr if errors else sys.stdout
    return Output(highlight=False, soft_wrap=not stream.isatty(), stderr=errors)


def tell(told: Told, output: Console, *, as_json: bool) -> int:
    """Write it; the exit status."""
    if as_json:
        output.out(json.dumps(told.document, indent=2, ensure_ascii=False), highlight=False)
        return told.status
    if told.shown:
        output.print(told.shown)
    for line in told.lines:
        output.print(line, markup=False, emoji=False, soft_wrap=True)
    return told.status


@dataclass(frozen=True, slots=True)
class Indented:
    """A text that stands so far to the right; in a pipe it is one line of any length."""

    text: Text
    by: int

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """As a paragraph; where nothing is wrapped rich would cut it to one."""
        if options.no_wrap:
            yield Text(" " * self.by) + self.text
        else:
            yield Padding(self.text, (0, 0, 0, self.by))


class FittingTable(Table):
    """A table whose rows become a few lines each where the terminal is too narrow for columns."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or its rows one below the other."""
        if self._least(console, options) <= options.max_width:
            yield from super().__rich_console__(console, options)
        else:
            yield from self._stacked()

    def _least(self, console: Console, options: ConsoleOptions) -> int:
        """The columns it takes if no word is broken."""
        wide = options.update(max_width=_AS_WIDE_AS_IT_LIKES)
        apart = sum(self.padding[1::2])
        needs = 0
        for column in self.columns:
            cells = [
                Measurement.get(console, wide, cell) for cell in (column.header, *column.cells)
            ]
            most = [cell.maximum if column.no_wrap else cell.minimum for cell in cells]
            needs += max(most) + apart
        return needs - (0 if self.pad_edge else apart)

    def _stacked(self) -> RenderResult:
        """The first cell of each row, and below it the others with their headings."""
        first, *others = self.columns
        for name, *cells in zip(first.cells, *(column.cells for column in others), strict=True):
            yield name
            for column, cell in zip(others, cells, strict=True):
                told = _on_one_line(cell if isinstance(cell, Text) else Text(str(cell)))
                heading = f"{column.header}: " if column.header else ""
                if told.plain.strip():
                    yield Indented(Text.assemble((heading, "dim"), told), by=2)


def _on_one_line(told: Text) -> Text:
    """
    >>> _on_one_line(Text("Mon 7 Dec 2026\\n05:00")).plain
    'Mon 7 Dec 2026, 05:00'
    """
    return Text(", ").join(told.split("\n"))


def plain_table(*headings: str) -> Table:
    """A table as all commands show them: no lines, columns apart, headings dim."""
    table = FittingTable(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
