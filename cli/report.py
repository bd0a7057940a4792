"""The report of a restore, as JSON: docs/restore-bucket.md describes it.

Its lists name every key, so they are written as they are read: memory does not grow with them.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, TextIO, assert_never

from cli import journal, verification
from cli.arguments import Command, Options
from cli.errors import CannotRun
from cli.journal import Noted, Standing
from cli.plan_file import PlanFile, Seal
from cli.preflight import Preflight
from cli.stopping import STOPPED
from cli.verification import Verification, Why
from cli.words import rate
from functions.report import VERSION
from functions.s3_versions.outcome import Result
from functions.s3_versions.values import Diff, How

FORMAT = 1
"""Counted up when what a field means changes."""

NOT_RUN = 3
"""The exit status where nothing was begun."""


class Ended(StrEnum):
    """How a restore ended."""

    NOTHING_TO_DO = "nothing_to_do"
    DRY_RUN = "dry_run"
    NOT_CONFIRMED = "not_confirmed"
    STOPPED = "stopped"
    """half way, by Ctrl-C or by an error: `trouble` says which"""
    VERSIONING_LOST = "versioning_lost"
    """versioning was found to be off while it wrote: the list `may_be_lost` names the keys"""
    RESTORED = "restored"
    """all of the plan was gone through; `results` and `verification` say what came of it"""


@dataclass(kw_only=True, slots=True)
class Story:
    """What has happened so far; what has not is None. Seconds are of this run alone.

    `written` keys, with `written_bytes`, were gone through by this run.
    """

    command: Command
    options: Options
    began_at: str
    found: Preflight
    plan: PlanFile
    seal: Seal | None = None
    standing: Standing = field(default_factory=lambda: Standing(0))
    resumed: bool = False
    written: int = 0
    written_bytes: int = 0
    verification: Verification | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    ended: Ended = Ended.STOPPED
    trouble: str = ""

    @property
    def unrestorable(self) -> int:
        """How many keys the plan could not restore."""
        return self.seal.counts.unrestorable if self.seal else 0

    @property
    def guessed(self) -> int:
        """How many keys are in doubt and became, or stay, what the listing shows."""
        return self.seal.counts.guessed if self.seal else 0

    @property
    def exit_status(self) -> int:
        """0 all as it was; 1 something is not; 2 the same command goes on; 3 nothing was done."""
        match self.ended:
            case Ended.STOPPED:
                return STOPPED
            case Ended.NOT_CONFIRMED:
                return NOT_RUN
            case Ended.VERSIONING_LOST:
                return 1
            case Ended.NOTHING_TO_DO | Ended.DRY_RUN:
                return 1 if self.unrestorable else 0
            case Ended.RESTORED:
                return self._judged()
            case _:
                assert_never(self.ended)

    def _judged(self) -> int:
        counts, found = self.standing.counts, self.verification
        thawing = counts[Result.THAWING]
        other = found.differs - found.differing[Why.THAWING] if found else 0
        if self.standing.bad or self.unrestorable or other or (found and found.unlike):
            return 1
        return STOPPED if thawing else 0


def check(path: Path) -> None:
    """Raises CannotRun where a report cannot be written."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise CannotRun(f"--report: {str(path)!r}: expected a file in a folder that can be written")


def write(path: Path, story: Story, *, ended_at: str, status: int) -> None:
    """Write the report of what has happened: the file is there whole, or as it was before."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            _write_object(file, _document(story, ended_at, status), _lists(story))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_object(
    file: TextIO, document: Mapping[str, Any], lists: Mapping[str, Iterable[Mapping[str, Any]]]
) -> None:
    """One JSON object of all: what fits into memory, then a line for each entry of each list."""
    file.write(json.dumps(document, indent=2)[:-2])
    for name, entries in lists.items():
        file.write(f',\n  "{name}": [')
        separator = "\n    "
        for entry in entries:
            file.write(separator + json.dumps(entry))
            separator = ",\n    "
        file.write("]" if separator == "\n    " else "\n  ]")
    file.write("\n}\n")


def _document(story: Story, ended_at: str, status: int) -> dict[str, Any]:
    seal, options = story.seal, story.options
    wrote = story.seconds.get("write", 0.0)
    return {
        "report": "restore-bucket",
        "format": FORMAT,
        "tool": {
            "backup_drills": VERSION,
            "boto3": version("boto3"),
            "python": platform.python_version(),
        },
        "arguments": {
            **story.command.to_record(),
            "dry_run": options.dry_run,
            "past_horizon": options.past_horizon,
            "sample": options.sample,
            "threads": options.threads,
            "lab": options.lab,
            "owner": options.owner,
            "to_owner": options.to_owner,
        },
        "ended": story.ended.value,
        "exit_status": status,
        "trouble": story.trouble,
        "began_at": story.began_at,
        "ended_at": ended_at,
        "resumed": story.resumed,
        "preflight": story.found.to_record(),
        "plan": _plan(story.plan, seal) if seal else None,
        "results": story.standing.to_record(),
        "copied_bytes": story.standing.bytes,
        "seconds": {name: round(seconds, 3) for name, seconds in story.seconds.items()},
        "keys_per_second": round(rate(story.written, wrote), 1),
        "bytes_per_second": round(rate(story.written_bytes, wrote)),
        "verification": story.verification.to_record() if story.verification else None,
    }


def _plan(plan: PlanFile, seal: Seal) -> dict[str, Any]:
    counts = seal.counts
    return {
        "file": str(plan.path),
        "made_at": seal.made_at,
        "versions_read": seal.versions,
        "seconds": round(seal.seconds, 3),
        "keys": counts.tally.keys,
        "bytes": counts.tally.bytes,
        "how": counts.keys,
        "caveats": counts.tally.caveats,
        "guessed": counts.guessed,
        "only_in_other_bucket": counts.kept,
    }


def _lists(story: Story) -> dict[str, Iterable[Mapping[str, Any]]]:
    return {
        "conflicts": _with(story, Result.CONFLICT),
        "failures": _with(story, Result.FAILED),
        "thawing": _with(story, Result.THAWING),
        "may_be_lost": _may_be_lost(story) if story.ended is Ended.VERSIONING_LOST else (),
        "unrestorable": _unrestorable(story) if story.seal else (),
        "in_doubt": _in_doubt(story) if story.seal else (),
        "copies": _made(story, How.COPY, How.COMPARE, How.THAW),
        "undeleted": _made(story, How.UNDELETE),
        "removed": _made(story, How.MARKER),
        "differing": _differing(story) if story.verification else (),
    }


def _standing(story: Story) -> Iterator[Noted]:
    return journal.standing(story.plan.journal, story.standing)


def _with(story: Story, result: Result) -> Iterator[Mapping[str, Any]]:
    for noted in _standing(story):
        if noted.result is result:
            yield {
                "key": noted.key,
                "how": noted.how.value,
                "from": noted.source,
                "detail": noted.detail,
            }


def _may_be_lost(story: Story) -> Iterator[Mapping[str, Any]]:
    for noted in journal.unversioned(story.plan.journal, story.standing):
        yield {"key": noted.key, "how": noted.how.value, "detail": noted.detail}


def _made(story: Story, *hows: How) -> Iterator[Mapping[str, Any]]:
    for noted in _standing(story):
        if noted.how in hows and noted.result in (Result.DONE, Result.ALREADY):
            yield {
                "key": noted.key,
                "from": noted.source,
                "to": noted.made,
                "already": noted.result is Result.ALREADY,
            }


def _unrestorable(story: Story) -> Iterator[Mapping[str, Any]]:
    for action in story.plan.read():
        if action.diff is Diff.UNRESTORABLE:
            yield {"key": action.key, "reason": action.reason}


def _in_doubt(story: Story) -> Iterator[Mapping[str, Any]]:
    for action in story.plan.read():
        if action.caveats:
            yield {"key": action.key, "caveats": [caveat.value for caveat in action.caveats]}


def _differing(story: Story) -> Iterator[Mapping[str, Any]]:
    for one in verification.differing(story.plan.differing):
        yield {"key": one.key, "why": one.why.value, "current": one.current}
