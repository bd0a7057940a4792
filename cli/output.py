"""What a command tells: one document for machines, the same for people, and an exit status."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table


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


def plain_table(*headings: str) -> Table:
    """A table as all commands show them: no lines, columns apart, headings dim."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
