"""The other tools, in environments of their own; and processes run to their end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.verify_ours import peak_memory

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "build" / "bench-verify"
PEERS: Final = {
    "reladiff": ("reladiff==0.6.0", "psycopg2-binary==2.9.10"),
    "data-diff": (
        *("data-diff==0.11.2", "psycopg2-binary==2.9.10"),
        *("dbt-core==1.7.20", "pydantic==1.10.27"),
    ),
}

_LOOK_SECONDS: Final = 0.01


class Absent(Exception):
    """When a tool is not here and cannot be got."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A process that has ended: what it told, seconds of the clock and of its processor, and its
    peak memory in MiB.
    """

    status: int
    told: str
    complaint: str
    seconds: float
    processor: float
    memory: float

    @property
    def last_words(self) -> str:
        """The last line of its complaint, but for what PostgreSQL quotes of the statement."""
        lines = [line for line in self.complaint.splitlines() if line[:1].strip()]
        return next((line for line in reversed(lines) if not line.startswith("LINE ")), "")


def install(name: str) -> Path:
    """The program of one of the `PEERS`, whose environment is made once. Raises Absent."""
    folder, packages = FOLDER / name, PEERS[name]
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text() != "\n".join(packages):
        uv = Path(sys.executable).with_name("uv")
        FOLDER.mkdir(parents=True, exist_ok=True)
        for arguments in (
            ["venv", "--quiet", "--clear", str(folder)],
            ["pip", "install", "--quiet", "--python", str(python), *packages],
        ):
            try:
                done = subprocess.run([uv, *arguments], check=False, capture_output=True, text=True)
            except OSError as error:
                raise Absent(f"{uv} does not run: {error}") from None
            if done.returncode:
                raise Absent(f"it cannot be installed: {done.stderr.strip()[-300:]}")
        ready.write_text("\n".join(packages))
    return folder / "bin" / name


def pg_dump(binaries: Path) -> Path:
    """The program beside the servers', or else the system's. Raises Absent."""
    beside = binaries / "pg_dump"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("pg_dump")
    if not found:
        raise Absent(f"there is none in {binaries}, nor on the path")
    return Path(found)


def run(command: Sequence[str | Path], *, asked: str = "", alone: bool = False) -> Ran:
    """A process to its end; `asked` is its standard input.

    `alone`: it gets nothing of our environment but the path, and a home that is nobody's.
    """
    environment = dict(os.environ)
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as told,
        tempfile.TemporaryFile() as complaint,
    ):
        if alone:
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": home,
                "LC_ALL": "C.UTF-8",
                "PYTHONWARNINGS": "ignore",
            }
        given.write(asked.encode())
        given.seek(0)
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=given, stdout=told, stderr=complaint
        )
        memory, ended, began = 0.0, 0, time.perf_counter()
        try:
            while not ended:
                memory = max(memory, peak_memory(process.pid))
                time.sleep(_LOOK_SECONDS)
                ended, status, used = os.wait4(process.pid, os.WNOHANG)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        for output in (told, complaint):
            output.seek(0)
        return Ran(
            status=process.returncode,
            told=told.read().decode(errors="replace"),
            complaint=complaint.read().decode(errors="replace"),
            seconds=seconds,
            processor=used.ru_utime + used.ru_stime,
            memory=memory,
        )
