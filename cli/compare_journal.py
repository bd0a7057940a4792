"""What a comparison has read, chunk by chunk, in a file: a stopped one goes on from there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.comparing import Seen
from cli.errors import CannotRun
from functions.aurora.chunks import Blocks
from functions.aurora.digest import Digest


class Journal:
    """Of one comparison of two servers that have not been started anew since; or of none."""

    def __init__(self, path: Path | None, header: dict[str, Any]) -> None:
        """Read what is there. `header` says what is compared; what it holds of `since` is kept.

        Raises CannotRun for a file that cannot be read, or that is of another comparison.
        """
        self._path = path
        self._seen: dict[tuple[str, str, int, int | None], Seen] = {}
        self.header = header
        if path is None:
            return
        try:
            text = path.read_text("utf-8") if path.exists() else ""
            if text:
                self._read(text.splitlines())
                if not text.endswith("\n"):  # it was stopped while it wrote
                    self._append("\n")
            else:
                self._write(header)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotRun(
                f"--resume: {path} cannot be used: {type(error).__name__}: expected a file of an"
                " earlier comparison, or none"
            ) from None

    def known(self, table: str, print_: str, blocks: Blocks) -> Seen | None:
        """What was seen of a chunk of a table that is read by this fingerprint."""
        return self._seen.get((table, print_, blocks.start, blocks.end))

    def note(self, table: str, print_: str, seen: Seen) -> None:
        """Keep what was seen."""
        if self._path is not None:
            self._write(
                {
                    "table": table,
                    "print": print_,
                    "blocks": [seen.blocks.start, seen.blocks.end],
                    "source": _written(seen.source),
                    "copy": _written(seen.copy),
                }
            )

    def _read(self, lines: Sequence[str]) -> None:
        header = json.loads(lines[0])
        if {**header, "since": None} != {**self.header, "since": None}:
            raise CannotRun(
                f"--resume: {self._path} is of another comparison, or a server was started anew:"
                " expected another file"
            )
        self.header = header
        for line in lines[1:]:
            try:
                told = json.loads(line)
            except ValueError:
                continue  # the line that was being written when it was stopped
            start, end = told["blocks"]
            self._seen[told["table"], told["print"], start, end] = Seen(
                blocks=Blocks(start, end),
                source=_read(told["source"]),
                copy=_read(told["copy"]),
            )

    def _write(self, line: dict[str, Any]) -> None:
        self._append(json.dumps(line) + "\n")

    def _append(self, text: str) -> None:
        assert self._path is not None
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)


def _written(digest: Digest) -> list[int]:
    return [digest.rows, digest.first, digest.second]


def _read(numbers: Sequence[int]) -> Digest:
    rows, first, second = numbers
    return Digest(rows=rows, first=first, second=second)
