"""What came of each action, on disk as soon as it is known: by this a restore goes on."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from cli.errors import CannotRun
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.values import How

_SYNC_SECONDS: Final = 1.0
_RESULTS: Final = tuple(Result)
_UNVERSIONED: Final = "versioning is off or suspended"
"""What the copier says of a write that was told no version id of its own."""

_GOOD: Final = (Result.DONE, Result.ALREADY)


class Noted(NamedTuple):
    """A line of the journal: of the action with that number in the plan.

    `source` is the id of the version that was wanted, `made` of what is current by this action.
    """

    number: int
    key: str
    how: How
    result: Result
    source: str
    made: str
    bytes: int
    detail: str

    @classmethod
    def of(cls, number: int, outcome: Outcome) -> Noted:
        """What is noted of an outcome."""
        action = outcome.action
        return cls(
            number,
            action.key,
            action.how,
            outcome.result,
            action.version,
            outcome.version,
            outcome.bytes,
            outcome.detail,
        )


class Journal:
    """Appends to a file; a line that a crash had left torn is cut off first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, _whole_lines(path))
        os.lseek(self._file, 0, os.SEEK_END)
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.fsync(self._file)
        os.close(self._file)

    def note(self, noted: Noted) -> None:
        """Keep a line: it outlives this process at once, and a loss of power a second later."""
        line = json.dumps(noted, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._file)
            self._synced = time.monotonic()


def _whole_lines(path: Path) -> int:
    """How many bytes of a file are whole lines."""
    block = 1 << 16
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - block)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def read(path: Path) -> Iterator[Noted]:
    """The lines of a journal, oldest first; of an action that was tried again, each try.

    Raises CannotRun for a journal that is damaged before its end.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            try:
                number, key, how, result, *rest = json.loads(line)
                yield Noted(number, key, How(how), Result(result), *rest)
            except (ValueError, TypeError) as error:
                raise CannotRun(
                    f"{path}: {line[:80]!r}: expected a line of a journal; --anew begins another"
                ) from error


class Standing:
    """Where each action of a plan stands: a byte an action, whatever the length of its key."""

    def __init__(self, lines: int) -> None:
        """`lines` are those of the plan."""
        self._results = bytearray(lines)
        self.counts: dict[Result, int] = dict.fromkeys(Result, 0)
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._results)

    def take(self, noted: Noted) -> None:
        """What came of an action; the last try counts."""
        before = self.result(noted.number)
        if before is not None:
            self.counts[before] -= 1
        self.counts[noted.result] += 1
        self.bytes += noted.bytes
        self._results[noted.number] = _RESULTS.index(noted.result) + 1

    def result(self, number: int) -> Result | None:
        """What came of the action with that number; None where nothing has yet."""
        index = self._results[number]
        return _RESULTS[index - 1] if index else None

    def settled(self, number: int) -> bool:
        """Whether the action need not be done again."""
        return self.result(number) in _GOOD

    @property
    def good(self) -> int:
        """How many actions are done, or were already."""
        return sum(self.counts[result] for result in _GOOD)

    @property
    def bad(self) -> int:
        """How many actions conflicted or failed."""
        return self.counts[Result.CONFLICT] + self.counts[Result.FAILED]

    def to_record(self) -> dict[str, int]:
        """The counts, as they stand in the report."""
        return {result.value: number for result, number in self.counts.items()}


def standing(path: Path, results: Standing) -> Iterator[Noted]:
    """The lines of a journal that stand: one for each action, that of its last result."""
    told = bytearray(len(results))
    for noted in read(path):
        if not told[noted.number] and noted.result is results.result(noted.number):
            told[noted.number] = 1
            yield noted


def unversioned(path: Path, results: Standing) -> Iterator[Noted]:
    """The lines that stand of what was written while versioning was off or suspended."""
    for noted in standing(path, results):
        if noted.result is Result.FAILED and _UNVERSIONED in noted.detail:
            yield noted


class Lock:
    """Held while a restore works in its folder: two of the same at once would undo each other."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._file = -1

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._file, 20).decode(errors="replace")
            os.close(self._file)
            raise CannotRun(
                f"{self._path}: held by process {holder}, which does the same restore: expected"
                " one at a time"
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())
        return self

    def __exit__(self, *_: Any) -> None:
        os.close(self._file)
