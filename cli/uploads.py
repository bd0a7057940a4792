"""The uploads in parts that a restore began: on disk before the first part is copied.

What a kill leaves of one is in no listing of objects, and is billed. The same command ends it.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from functions.s3_versions.uploads import Upload, abort_left
from functions.s3_versions.wire import Bucket


class Uploads:
    """Their ids, in a file. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """The file is made when there is something to note."""
        self._path = path
        self._lock = threading.Lock()

    def note(self, key: str, upload: str) -> None:
        """Keep the id of an upload, durably."""
        with self._lock, self._path.open("a", encoding="ascii") as file:
            file.write(json.dumps([key, upload]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def abort(self, target: Bucket, prefix: str) -> list[Upload]:
        """Abort those that were left unfinished, and forget all; what comes out was aborted.

        Raises RequestRefused, NoAnswer and UnreadableAnswer, and then forgets none.
        """
        aborted = abort_left(target, prefix, self._noted())
        self._path.unlink(missing_ok=True)
        return aborted

    def _noted(self) -> set[str]:
        """The ids; a line that a crash had left torn was never the id of a part that was copied."""
        if not self._path.exists():
            return set()
        lines = self._path.read_text(encoding="ascii").split("\n")[:-1]
        return {json.loads(line)[1] for line in lines if line.endswith("]")}
