"""The words of the command line: every command, its options, and what the shell may complete."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from cli import remembered
from cli.arguments import WORK, Parser, add_restore_bucket
from functions.given import LONGEST_HOLD_MINUTES

REPORTS: Final = WORK / "reports"
SHELLS: Final = ("bash", "zsh", "fish")
STACK: Final = "backup-drills"
"""The name of the stack where none is given, as in drills.yaml."""

_COULD_NOT_RUN: Final = "3 it could not run: the line on stderr says why"
_EXIT: Final = {
    "schedule": f"exit status: 0; {_COULD_NOT_RUN}",
    "run": "exit status: 0 started; with --watch that of the verdict: 0 PASS or SKIPPED, 1 FAIL,"
    f" 2 INCONCLUSIVE, REFUSED or none; {_COULD_NOT_RUN}; 130 no longer watched (Ctrl-C), the drill"
    " goes on",
    "watch": "exit status: that of the verdict: 0 PASS or SKIPPED, 1 FAIL, 2 INCONCLUSIVE, REFUSED"
    f" or none; {_COULD_NOT_RUN}; 130 no longer watched (Ctrl-C), the drill goes on",
    "history": f"exit status: 0; {_COULD_NOT_RUN}",
    "report": f"exit status: 0; {_COULD_NOT_RUN}",
    "status": "exit status: 0 the answer is yes and nothing is open, 1 something of severity high"
    " or critical is open, 2 only medium or low, or nothing and yet nobody knows (as of a source"
    f" that no drill has proven); {_COULD_NOT_RUN}",
    "compare": "exit status: 0 equal, 1 different, 2 not comparable in part: a table was"
    f" written to meanwhile, or cannot be read; {_COULD_NOT_RUN}; 130 stopped (Ctrl-C)",
    "suggest": f"exit status: 0; {_COULD_NOT_RUN}; 130 stopped (Ctrl-C)",
    "cost": f"exit status: 0; {_COULD_NOT_RUN}",
}

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def parser() -> Parser:
    """The parser of the whole command line; its errors are CannotRun."""
    made = Parser(
        prog="python -m cli",
        description="Backup Drills, for a person.",
        epilog="Every command has its own --help, with its exit statuses. docs/cli.md has more.",
    )
    commands = made.add_subparsers(required=True, metavar="command")
    _status(commands)
    _schedule(commands)
    _run(commands)
    _watch(commands)
    _history(commands)
    _report(commands)
    _cost(commands)
    _compare(commands)
    _suggest(commands)
    add_restore_bucket(commands)
    _completion(commands)
    return made


def commands() -> dict[str, Parser]:
    """The parser of each command, by its name."""
    made = parser()
    [found] = [one for one in made._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(found.choices)


def _command(commands: Commands, name: str, does: str) -> Parser:
    """A command that asks a deployment."""
    made = commands.add_parser(
        name,
        help=does,
        description=f"{does[:1].upper()}{does[1:]}.",
        epilog=_EXIT[name],
        allow_abbrev=False,
    )
    made.set_defaults(command=name)
    made.add_argument(
        "--stack",
        default=STACK,
        metavar="NAME",
        help="that of drills.yaml: %(default)s",
    )
    made.add_argument("--profile", default="", metavar="NAME", help="of the AWS configuration")
    made.add_argument("--region", default="", metavar="NAME", help="where the stack is")
    made.add_argument("--lab", action="store_true", help="in the lab: python -m lab up")
    made.add_argument("--json", action="store_true", help="one JSON document: docs/cli.schema.json")
    return made


def _status(commands: Commands) -> None:
    _command(commands, "status", "could we restore right now, and when did we last prove it?")


def _schedule(commands: Commands) -> None:
    _command(commands, "schedule", "what runs when, when it last ran, and what never ran")


def _run(commands: Commands) -> None:
    made = _command(commands, "run", "start a drill by hand")
    _named(made, "drill")
    made.add_argument("--watch", action="store_true", help="follow it to its end, and sum it up")
    made.add_argument(
        "--at",
        metavar="TIME",
        help="restore to that moment: 2026-11-02T05:00:00Z, or '2h ago' (a drill of Aurora)",
    )
    made.add_argument(
        "--hold",
        type=int,
        metavar="MINUTES",
        help=f"keep what was restored so long before it is removed, {LONGEST_HOLD_MINUTES} at most",
    )
    made.add_argument("--dry-run", action="store_true", help="plan only, make nothing")


def _watch(commands: Commands) -> None:
    _named(_command(commands, "watch", "follow the run of a drill that is going on"), "drill")


def _history(commands: Commands) -> None:
    made = _command(commands, "history", "the runs of a drill or of all, the latest first")
    _named(made, "drill", optional=True)
    made.add_argument(
        "--limit", type=_number, default=20, metavar="N", help="runs at most: %(default)s"
    )


def _report(commands: Commands) -> None:
    made = _command(commands, "report", "the report of a run, or of the last run of a drill")
    run = made.add_argument("run", metavar="RUN|NAME", help="a run's id, or a drill")
    _completed(run, lambda: [*remembered.names()["drills"], *remembered.names()["runs"]])
    made.add_argument("--open", action="store_true", help="save it, and open its page in a browser")
    made.add_argument(
        "--save", type=Path, metavar="DIR", help=f"save it below that folder; --open: {REPORTS}"
    )


def _cost(commands: Commands) -> None:
    _command(commands, "cost", "what the drills cost a month, and cost this month: estimates")


def _compare(commands: Commands) -> None:
    does = "compare two PostgreSQL databases at rest, row by row, exactly"
    made = commands.add_parser(
        "compare", help=does, description=does, epilog=_EXIT["compare"], allow_abbrev=False
    )
    made.set_defaults(command="compare")
    for side in ("source", "copy"):
        made.add_argument(
            f"--{side}",
            required=True,
            metavar="DSN",
            help="postgresql://USER@HOST/DATABASE, or service=NAME; the password from PGPASSWORD,"
            " PGPASSFILE or a service file",
        )
    made.add_argument(
        "--schemas", nargs="+", default=[], metavar="S", help="these; all where none is named"
    )
    made.add_argument(
        "--tables", nargs="+", default=[], metavar="S.T", help="these; all where none is named"
    )
    made.add_argument(
        "--connections",
        type=_number,
        default=2,
        metavar="N",
        help="to each side, at once: %(default)s",
    )
    made.add_argument(
        "--statement-seconds",
        type=_number,
        default=60,
        metavar="N",
        help="no statement runs longer; what would is cut in two: %(default)s",
    )
    made.add_argument(
        "--chunk-megabytes",
        type=_number,
        default=8,
        metavar="N",
        help="read by one statement, about: %(default)s",
    )
    made.add_argument(
        "--places",
        type=_number,
        default=10,
        metavar="N",
        help="rows that differ, named of each table: %(default)s",
    )
    made.add_argument(
        "--resume", type=Path, metavar="FILE", help="note what was read there, and go on from it"
    )
    made.add_argument(
        "--json", action="store_true", help="one JSON document: docs/compare.schema.json"
    )


def _suggest(commands: Commands) -> None:
    does = "propose what a drill should check, by a look at a PostgreSQL database"
    made = commands.add_parser(
        "suggest", help=does, description=does, epilog=_EXIT["suggest"], allow_abbrev=False
    )
    made.set_defaults(command="suggest")
    made.add_argument(
        "--source",
        required=True,
        metavar="DSN",
        help="postgresql://USER@HOST/DATABASE, or service=NAME; the password from PGPASSWORD,"
        " PGPASSFILE or a service file",
    )
    made.add_argument(
        "--schemas",
        nargs="+",
        default=[],
        metavar="A,B",
        help="these, with commas or blanks between; all where none is named",
    )
    made.add_argument(
        "--drill", metavar="NAME", help="a whole drill of that name, with places to fill in"
    )
    made.add_argument(
        "--json", action="store_true", help="one JSON document: docs/suggest.schema.json"
    )


def _completion(commands: Commands) -> None:
    does = "how to complete names with the Tab key in a shell"
    made = commands.add_parser("completion", help=does, description=does, allow_abbrev=False)
    made.set_defaults(command="completion")
    made.add_argument("shell", choices=SHELLS, metavar="|".join(SHELLS))


def _named(made: Parser, what: str, *, optional: bool = False) -> None:
    found = made.add_argument(
        "name", nargs="?" if optional else None, default="", metavar="NAME", help=f"a {what}"
    )
    _completed(found, lambda: remembered.names()["drills"])


def _completed(argument: argparse.Action, known: Callable[[], list[str]]) -> None:
    """Let argcomplete offer what is known; it looks for this attribute."""

    def complete(**_: Any) -> list[str]:
        return known()

    argument.completer = complete  # type: ignore[attr-defined]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, 1 or more")
    return int(text)
