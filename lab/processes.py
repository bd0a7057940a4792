"""The processes that must not outlive the lab: written down, so that a crashed lab can be cleaned.

A process is ours when a process of the recorded id exists that started at the recorded moment; an
id that the system has given to somebody else since then is left alone.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

PATIENCE_SECONDS = 5.0
_SAME_START_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """One process of the lab: its id, when it started (epoch seconds), what it is, how it ends."""

    process_id: int
    started: float
    what: str
    end_with: int


def record(folder: Path, process_id: int, *, what: str, end_with: int = signal.SIGTERM) -> None:
    """Write down in the lab's folder that this running process belongs to it.

    `end_with` is the signal that ends it quickly. A process that is gone already is not recorded.
    """
    try:
        started = psutil.Process(process_id).create_time()
    except psutil.NoSuchProcess:
        return
    entry = Recorded(process_id=process_id, started=started, what=what, end_with=end_with)
    path = _path(folder, process_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(entry)))


def forget(folder: Path, process_id: int) -> None:
    """Strike the process off the record."""
    _path(folder, process_id).unlink(missing_ok=True)


def recorded(folder: Path) -> list[Recorded]:
    """What is on record in the lab's folder, alive or not."""
    return [
        Recorded(**json.loads(path.read_text()))
        for path in sorted((folder / "processes").glob("*.json"))
    ]


def alive(folder: Path) -> list[Recorded]:
    """The recorded processes that still run and are still ours."""
    return [entry for entry in recorded(folder) if _process(entry) is not None]


def end_recorded(folder: Path) -> list[str]:
    """End every recorded process that is still ours; what was ended.

    First with the signal on record, after five seconds with SIGKILL, children included. Nothing is
    raised for a process that ends meanwhile.
    """
    found = [(entry, process) for entry in recorded(folder) if (process := _process(entry))]
    families = [member for _, process in found for member in _family(process)]
    for entry, process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(entry.end_with)
    _, stubborn = psutil.wait_procs(families, timeout=PATIENCE_SECONDS)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=PATIENCE_SECONDS)
    for entry in recorded(folder):
        forget(folder, entry.process_id)
    return [entry.what for entry, _ in found]


def _process(entry: Recorded) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(entry.process_id)
        same = abs(process.create_time() - entry.started) < _SAME_START_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    yield process
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from process.children(recursive=True)


def _path(folder: Path, process_id: int) -> Path:
    return folder / "processes" / f"{process_id}.json"
