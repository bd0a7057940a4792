"""Names for the shell to complete: those of the last command, kept in a file, so never slow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

_MOST_RUNS = 200


def folder() -> Path:
    """Where it is kept: the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "backup-drills"


def names() -> dict[str, list[str]]:
    """`drills` and `runs` as they were last seen; empty where nothing was."""
    try:
        kept = json.loads((folder() / "names.json").read_text())
        return {what: [str(name) for name in kept.get(what, [])] for what in ("drills", "runs")}
    except (OSError, ValueError, AttributeError, TypeError):
        return {"drills": [], "runs": []}


def remember(*, drills: Iterable[str] = (), runs: Iterable[str] = ()) -> None:
    """Keep what was seen; what was not looked at stays. A cache that cannot be written is none."""
    seen = {"drills": list(drills), "runs": list(runs)[:_MOST_RUNS]}
    kept = names() | {what: found for what, found in seen.items() if found}
    try:
        folder().mkdir(parents=True, exist_ok=True)
        scratch = folder() / f"names.{os.getpid()}.part"
        scratch.write_text(json.dumps(kept))
        scratch.replace(folder() / "names.json")
    except OSError:
        return
