"""What the drills cost beside the restore itself: `python -m bench.overhead`, or `make bench`.

Three measurements, each as ratios of things that are measured side by side: a whole drill to the
bare restore of the same source to the same moment; the import of each function's handler to that of
boto3 alone; the packages of the bundle to the whole.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any, NoReturn

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from bench import drills, imports, sizes
from bench.drills import Pair
from bench.imports import Import
from bench.sizes import Size
from infra import bundle
from lab.commands import EXPECTED
from lab.lab import TIME_FACTOR

COULD_NOT_MEASURE = 1
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--runs", type=_number, default=3, help="of the drill: %(default)s")
    parser.add_argument("--scale", type=_scale, default=1.0, help="of the sample company's data")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False, width=80)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        figures = _measure(chosen.runs, chosen.scale, console)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return INTERRUPTED
    except (*EXPECTED, ClientError, drills.DrillNotPassed) as error:
        console.print(f"could not measure: {error}", style="bold red", markup=False)
        return COULD_NOT_MEASURE
    if chosen.json:
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        chosen.json.write_text(text, encoding="utf-8")
    return 0


def _measure(runs: int, scale: float, console: Console) -> dict[str, Any]:
    """All figures, printed as they come."""
    machine = {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    console.print(
        f"Python {machine['python']}, {machine['processors']} processors, load {machine['load']}. "
        "Seconds are of this machine at this moment: its processor, its disk and whatever else "
        "runs on it change them. Only the ratios mean something, and only those of one run."
    )
    made, layer = bundle.build(), bundle.layer_for_this_machine()
    pairs = drills.measure(
        runs, scale=scale, tell=lambda stage: console.print(f"[dim]... {stage}[/]")
    )
    _show_drills(pairs, console)
    _show_states(pairs, console)
    imported = imports.measure(code=made.code.folder, layer=layer / "python")
    _show_imports(imported, console)
    code, packages = sizes.measure(made.code.folder), sizes.measure(made.layer.folder)
    _show_sizes(code, packages, console)
    return {
        "machine": machine,
        "scale": scale,
        "drills": [asdict(pair) for pair in pairs],
        "imports": {name: asdict(found) for name, found in imported.items()},
        "code": {name: asdict(size) for name, size in code.items()},
        "layer": {name: asdict(size) for name, size in packages.items()},
    }


def _show_drills(pairs: Sequence[Pair], console: Console) -> None:
    title = f"The drill against the bare restore: medians of {len(pairs)} in seconds"
    table = _table("least", "median", "most", "to bare")

    def row(name: str, value: Callable[[Pair], float]) -> None:
        seconds = [value(pair) for pair in pairs]
        ratio = median(value(pair) / pair.bare for pair in pairs)
        three = (f"{each:.2f}" for each in (min(seconds), median(seconds), max(seconds)))
        table.add_row(name, *three, f"{ratio:.2f}")

    row("bare restore, to first connection", lambda pair: pair.bare)
    row("recovery time (RTO) of the drill", lambda pair: pair.rto)
    for phase in pairs[0].phases:
        row(f"  {phase}", partial(_phase, phase))
    row("whole drill", lambda pair: pair.whole)
    row("  Wait states", lambda pair: pair.waits)
    row("  all else", lambda pair: pair.whole - pair.waits)
    row("    functions at work", lambda pair: pair.works)
    row("      of that, starting them", lambda pair: pair.starts)
    row("    between the states", lambda pair: pair.whole - pair.waits - pair.works)
    _show(title, table, console)
    console.print(
        f"Databases are waited for in Wait states alone, here {TIME_FACTOR:.0%} as long as in AWS; "
        "all else is the drill's own. A restore in AWS takes minutes and these ratios are far "
        "lower there: they are for comparing two versions of this code."
    )


def _phase(name: str, pair: Pair) -> float:
    return pair.phases[name]


def _show_states(pairs: Sequence[Pair], console: Console) -> None:
    table = _table("calls", "at work", "of that, starting", "waiting", "to the drill")
    for state in pairs[0].states:
        found = [(pair.states[state], pair.whole) for pair in pairs if state in pair.states]
        table.add_row(
            state,
            f"{median(time.calls for time, _ in found):g}",
            f"{median(time.works for time, _ in found):.2f}",
            f"{median(time.starts for time, _ in found):.2f}",
            f"{median(time.waits for time, _ in found):.2f}",
            f"{median((time.works + time.waits) / whole for time, whole in found):.2f}",
        )
    _show("Where the drill's time goes: medians in seconds", table, console)


def _show_imports(imported: dict[str, Import], console: Console) -> None:
    alone = imported[imports.YARDSTICK]
    table = _table("as shipped", "to boto3", "compiled", "to boto3")
    for name, found in imported.items():
        table.add_row(
            name,
            f"{found.as_shipped:.3f}",
            f"{found.as_shipped / alone.as_shipped:.2f}",
            f"{found.compiled:.3f}",
            f"{found.compiled / alone.compiled:.2f}",
        )
    _show(f"Cold start, the import alone: least of {imports.ROUNDS} in seconds", table, console)
    console.print(
        "As shipped there are no compiled files, and AWS keeps none: that makes the import of "
        f"boto3 {alone.as_shipped / alone.compiled:.1f} times as long. Clients are made at the "
        "first call and not counted."
    )


def _show_sizes(code: dict[str, Size], layer: dict[str, Size], console: Console) -> None:
    everything = sizes.total(code) + sizes.total(layer)
    table = _table("unzipped", "to the whole", "zipped", "to the whole")

    def row(name: str, size: Size) -> None:
        table.add_row(
            name,
            f"{size.unzipped:,}",
            f"{size.unzipped / everything.unzipped:.3f}",
            f"{size.zipped:,}",
            f"{size.zipped / everything.zipped:.3f}",
        )

    for title, packages in (("code", code), ("layer", layer)):
        row(title, sizes.total(packages))
        for name, size in packages.items():
            row(f"  {name}", size)
    row("together", everything)
    _show("The bundle for arm64 in bytes", table, console)
    used = everything.unzipped / sizes.UNZIPPED_LIMIT
    console.print(f"That is {used:.0%} of the 250 MiB which Lambda allows a function, unzipped.")


def _show(title: str, table: Table, console: Console) -> None:
    console.print(f"\n[bold]{title}[/]")
    console.print(table)


def _table(*columns: str) -> Table:
    """A table whose first column is text and all others numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _number(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, 1 at least")
    return number


def _scale(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.01 <= (scale := float(text)) <= 1000:
            return scale
    raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0.01 to 1000")


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
