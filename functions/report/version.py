"""Which code ran: its version, and a digest of all of it as it lies on the disk."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import functions
from functions.report import VERSION


@cache
def code() -> dict[str, str]:
    """The version and the SHA-256 of the package `functions`: one digest, one code."""
    return {"version": VERSION, "sha256": digest(Path(functions.__file__).parent)}


def digest(folder: Path) -> str:
    """The SHA-256 over names and contents of all files below a folder, compiled ones left out."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            name = path.relative_to(folder).as_posix().encode()
            content = hashlib.sha256(path.read_bytes()).hexdigest().encode()
            total.update(name + b"\0" + content + b"\n")
    return total.hexdigest()
