"""The operator's command line: `python -m cli restore-bucket BUCKET --at TIME`.

Exit status: 0 all is as it was, 1 something is not, 2 stopped half way, 3 it could not run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from cli import arguments
from cli.errors import CannotRun

STOPPED = 2
COULD_NOT_RUN = 3


def main(given: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    try:
        command, options = arguments.read(given, now=datetime.now(UTC))
    except CannotRun as error:
        return _could_not_run(error)
    from rich.console import Console  # what is imported here takes a second to load:

    from cli import restore_bucket  # not for a typing error

    class Output(Console):
        """Goes on in silence once nobody reads along: that does not stop a restore."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    console = Output(highlight=False, soft_wrap=not sys.stdout.isatty())
    try:
        return restore_bucket.restore(command, options, console)
    except restore_bucket.EXPECTED as error:
        return _could_not_run(error)
    except KeyboardInterrupt:
        sys.stderr.write("stopped: nothing was written\n")
        return STOPPED


def _could_not_run(error: Exception) -> int:
    sys.stderr.write(f"could not run: {error}\n")
    return COULD_NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
