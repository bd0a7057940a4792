# PYTHON_ARGCOMPLETE_OK
"""The operator's command line: `python -m cli status`, and the others of `python -m cli --help`.

Exit status: every command says its own in its --help; 3 is always that it could not run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime

from cli import arguments
from cli.errors import CannotRun
from cli.parser import parser

_OURS = ("cli", "functions")
_WITHIN = "expected what make setup installs: make setup, then .venv/bin/python -m cli ..."

STOPPED = 2
COULD_NOT_RUN = 3
INTERRUPTED = 130


def main(given: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    made = parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what could come next, and main ends here
        import argcomplete

        argcomplete.autocomplete(made)
    try:
        chosen = made.parse_args(given)
        if chosen.command == "restore-bucket":
            return _restore_bucket(chosen)
    except CannotRun as error:
        return _could_not_run(str(error))
    if chosen.command == "completion":
        from cli import completion

        sys.stdout.write(completion.script(chosen.shell))
        return 0
    if chosen.command in ("compare", "suggest"):
        return _ask_databases(chosen)
    return _operate(chosen)


def _operate(chosen: argparse.Namespace) -> int:
    from cli import operations, troubles  # what is imported here takes a second to load

    try:
        return operations.operate(chosen)
    except troubles.EXPECTED as error:
        return _could_not_run(troubles.told(error))
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return INTERRUPTED


def _ask_databases(chosen: argparse.Namespace) -> int:
    from functions.errors import DrillError  # not for a typing error

    if chosen.command == "compare":
        from cli.compare import operate
    else:
        from cli.suggest import operate
    try:
        return operate(chosen)
    except (CannotRun, DrillError) as error:
        return _could_not_run(" ".join(str(error).split()))
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return INTERRUPTED


def _restore_bucket(chosen: argparse.Namespace) -> int:
    """Raises CannotRun for words that do not go together."""
    command, options = arguments.understood(chosen, now=datetime.now(UTC))
    from cli import output, restore_bucket  # not for a typing error

    try:
        return restore_bucket.restore(command, options, output.console())
    except restore_bucket.EXPECTED as error:
        return _could_not_run(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("stopped: nothing was written\n")
        return STOPPED


def _could_not_run(why: str) -> int:
    sys.stderr.write(f"could not run: {why}\n")
    return COULD_NOT_RUN


def guarded(given: Sequence[str] | None = None) -> int:
    """As main; where it cannot even begin, or breaks, that is no answer: 3, never 1."""
    try:
        return main(given)
    except ImportError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            traceback.print_exc()
            return COULD_NOT_RUN
        return _could_not_run(f"{error}: {_WITHIN}")
    except Exception:  # a fault of ours: Python's own status for it, 1, would be a verdict
        traceback.print_exc()
        return COULD_NOT_RUN


if __name__ == "__main__":
    # Set, not inherited: a shell without job control starts what runs in its background deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(guarded())
