"""The lab's command line: `python -m lab drill aurora-prod-monthly`.

Exit status of a drill, of several the worst: 0 PASS or SKIPPED, 1 FAIL, 2 INCONCLUSIVE or REFUSED,
3 it could not run; 130 after Ctrl-C. Of a year: 1 if a failure was not found or a false alarm rang;
of the dashboard: 1 if its answer is not yes. Of a score: 1 if a damage was not found, or a healthy
copy was not green.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

LABS = Path(__file__).parent.parent / ".lab"
DRILLS = Path(__file__).parent.parent / "drills.yaml"
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    chosen = _parser().parse_args(arguments)
    # Set, not inherited: a shell without job control starts what runs in its background deaf to it.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _interrupted)
    try:
        from rich.console import Console  # the lab's packages take seconds to load:

        from lab import commands  # not for a typing error

        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        try:
            status: int = getattr(commands, chosen.command)(chosen, console)
        except commands.EXPECTED as error:
            console.print(f"could not run: {error}", style="bold red", markup=False)
            return commands.COULD_NOT_RUN
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped; nothing of the lab is left running\n")
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("--folder", type=Path, default=LABS, help="where labs live: %(default)s")
    commands = parser.add_subparsers(required=True, metavar="command")

    drill = commands.add_parser("drill", help="run drills in a lab of their own")
    drill.add_argument(
        "names", nargs="*", metavar="name", help="of drills.yaml; none: the first one of each kind"
    )
    drill.add_argument("--damage", help="do a known damage: python -m lab damages")
    drill.add_argument("--input", type=_json, default={}, help="input of the execution, as JSON")
    drill.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the report there as well; of several drills, a list",
    )
    drill.set_defaults(command="drill")

    up = commands.add_parser("up", help="start a lab that stays, and say how to reach it")
    up.set_defaults(command="up")

    dashboard = commands.add_parser(
        "dashboard", help="run the first drill of each kind, and show what the watch says of it all"
    )
    dashboard.set_defaults(command="dashboard")

    year = commands.add_parser("year", help="let a year go by on a virtual clock: what alarms when")
    year.add_argument(
        "--start", type=_day, default="2027-01-01", help="the day it begins: %(default)s"
    )
    year.add_argument("--html", type=Path, metavar="FILE", help="write a page of it there")
    year.set_defaults(command="year")

    damages = commands.add_parser("damages", help="list the known damages")
    damages.set_defaults(command="damages")

    score = commands.add_parser(
        "score", help="do every known damage to a copy of one restore: what Verify says of each"
    )
    score.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="these damages, and one healthy copy"
    )
    score.add_argument("--html", type=Path, metavar="FILE", help="write a page of it there")
    score.add_argument("--json", type=Path, metavar="FILE", help="write the outcomes there as well")
    score.set_defaults(command="score")

    down = commands.add_parser("down", help="end every lab of this folder, crashed ones included")
    down.set_defaults(command="down")

    for reads in (drill, dashboard, year):
        reads.add_argument(
            "--drills", type=Path, default=DRILLS, metavar="FILE", help="instead of drills.yaml"
        )
    for ends in (drill, dashboard, score):
        ends.add_argument(
            "--keep", action="store_true", help="keep the lab's folder: logs, template"
        )
    for starts in (drill, dashboard, up):
        starts.add_argument(
            "--scale", type=_scale, default=1.0, help="of the sample company's data"
        )
        starts.add_argument("--port", type=_port, default=0, help="of the emulated AWS")
    return parser


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a day, such as 2027-01-01") from None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port from 0 to 65535")
    return int(text)


def _scale(text: str) -> float:
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0.01 <= scale <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0.01 to 1000")
    return scale


def _interrupted(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
