"""What a lab that dies would leave: its processes ended, its servers' files deleted.

Every lab has a process beside it, `python -m lab.leftovers FOLDER`, that does nothing but wait for
the end of its standard input. That end comes when the lab's process is gone, whatever became of
it; then it cleans the folder. `python -m lab down` does the same where it could not.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

from lab import processes

HOME_PREFIX = "backup-drills-"
"""Of the folder in the temp directory where servers live that cannot live in the lab's own."""

_ROOT = Path(__file__).parents[1]


def note_home(folder: Path, home: Path) -> None:
    """Write down in the lab's folder that its servers live elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    _note(folder).write_text(str(home))


def forget_home(folder: Path) -> None:
    """They do not any more."""
    _note(folder).unlink(missing_ok=True)


def clean(folder: Path) -> list[str]:
    """End what a lab left running, delete its servers' files; what was ended.

    Nothing is raised for what is gone already: two may clean at once.
    """
    ended = processes.end_recorded(folder)
    with contextlib.suppress(FileNotFoundError):
        home = Path(_note(folder).read_text())
        if home.name.startswith(HOME_PREFIX):
            shutil.rmtree(home, ignore_errors=True)
    forget_home(folder)
    shutil.rmtree(folder / "postgres", ignore_errors=True)
    return ended


class Watch:
    """The process that cleans a lab's folder once this process is gone."""

    def __init__(self, folder: Path) -> None:
        """Start it; its complaints, if any, go to a file in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "leftovers.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(folder.resolve())],
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """End it: there is nothing left to clean. May be called twice."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()


def _note(folder: Path) -> Path:
    return folder / "postgres-home"


if __name__ == "__main__":
    sys.stdin.buffer.read()
    clean(Path(sys.argv[1]))
