"""Plans and journals on disk: whole or not there, and taken up only by the command they are of."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import journal
from cli.errors import CannotRun
from cli.journal import Journal, Lock, Noted, Standing
from cli.plan_file import PlanFile, Seal
from functions.s3_versions.outcome import Outcome, Result
from functions.s3_versions.state_at import ELSEWHERE_ONLY
from functions.s3_versions.values import LARGEST_COPY, Action, Caveat, Diff, How

NOW = datetime(2026, 11, 2, 5, tzinfo=UTC)
COMMAND = {"bucket": "b", "at": "2026-11-02T04:00:00Z"}
COPY = Action(key="a\né?", diff=Diff.CREATE, how=How.COPY, size=3)
STAYS = Action(key="b", diff=Diff.UNCHANGED, how=How.NOTHING, version="1", size=5)
DOUBT = Action(
    key="c", diff=Diff.UNCHANGED, how=How.NOTHING, version="1", caveats=(Caveat.MULTIPART,)
)
LOST = Action(key="d", diff=Diff.UNRESTORABLE, how=How.NOTHING, reason="gone")
KEPT = Action(key="e", diff=Diff.UNCHANGED, how=How.NOTHING, reason=ELSEWHERE_ONLY)
MARKER = Action(key="f", diff=Diff.REMOVE, how=How.MARKER, expects="d41d")


@pytest.fixture
def plan(tmp_path: Path) -> PlanFile:
    return PlanFile(tmp_path / "work" / "b-1")


def seal(plan: PlanFile, made: datetime = NOW) -> Seal:
    counts = plan.write([COPY, STAYS, MARKER])
    sealed = Seal(
        command=COMMAND,
        made_at=made.isoformat().replace("+00:00", "Z"),
        horizon="",
        counts=counts,
        versions=7,
        seconds=0.5,
    )
    plan.seal(sealed)
    return sealed


def note(plan: PlanFile, number: int, action: Action, result: Result = Result.DONE) -> None:
    with Journal(plan.journal) as kept:
        kept.note(Noted.of(number, Outcome(action, result, "2", 0.1, action.size, "")))


def test_what_stays_for_sure_is_counted_and_has_no_line(plan: PlanFile) -> None:
    counts = plan.write([COPY, STAYS, DOUBT, LOST, KEPT, MARKER])
    assert list(plan.read()) == [COPY, DOUBT, LOST, KEPT, MARKER]
    assert counts.lines == 5
    assert counts.actions == 2
    assert counts.kept == 1
    assert counts.unrestorable == 1
    assert counts.tally.keys == {
        "create": 1,
        "change": 0,
        "remove": 1,
        "unchanged": 3,
        "unrestorable": 1,
    }
    assert counts.bytes["copy"] == 3
    with gzip.open(plan.path, "rt") as file:
        assert json.loads(next(file))["key"] == COPY.key


def test_a_plan_that_breaks_off_leaves_none(plan: PlanFile) -> None:
    seal(plan)
    note(plan, 0, COPY)

    def breaks_off() -> Iterator[Action]:
        yield COPY
        raise OSError("the listing broke off")

    with pytest.raises(OSError, match="broke off"):
        plan.write(breaks_off())
    assert plan.pending(COMMAND, now=NOW) is None
    assert not list(plan.folder.glob("*.part"))


def test_a_restore_is_taken_up_once_it_has_begun(plan: PlanFile) -> None:
    sealed = seal(plan)
    assert plan.pending(COMMAND, now=NOW) is None, "only planned: a dry run leaves this"
    note(plan, 0, COPY)
    assert plan.pending(COMMAND, now=NOW) == sealed


@pytest.mark.parametrize("case", ["other", "old", "ended", "unsealed", "torn seal", "anew"])
def test_and_not_otherwise(plan: PlanFile, case: str) -> None:
    made = NOW - timedelta(hours=24) if case == "old" else NOW - timedelta(hours=23, minutes=59)
    sealed = seal(plan, made)
    note(plan, 0, COPY)
    assert case == "old" or plan.pending(COMMAND, now=NOW) == sealed
    command: dict[str, Any] = COMMAND
    match case:
        case "other":
            command = {**COMMAND, "at": "2026-11-02T03:00:00Z"}
        case "ended":
            plan.end(sealed, now=NOW)
        case "unsealed":
            (plan.folder / "plan.json").unlink()
        case "torn seal":
            (plan.folder / "plan.json").write_text('{"command": {"buck')
        case "anew":
            plan.write([COPY])
    assert plan.pending(command, now=NOW) is None


def test_what_was_done_before_is_kept_when_it_is_planned_again(plan: PlanFile) -> None:
    seal(plan)
    seal(plan)
    assert not list(plan.folder.glob("until-*")), "nothing was done"
    note(plan, 0, COPY)
    plan.write([MARKER])
    [kept] = plan.folder.glob("until-*")
    assert [noted.key for noted in journal.read(kept / "journal.jsonl")] == [COPY.key]
    with gzip.open(kept / "plan.jsonl.gz", "rt") as file:
        assert len(list(file)) == 2
    assert not plan.journal.exists()
    assert list(plan.read()) == [MARKER]


def test_what_was_touched_is_what_a_plan_with_a_journal_was_to_do(plan: PlanFile) -> None:
    seal(plan)
    assert list(plan.touched()) == [], "only planned"
    note(plan, 0, COPY)
    assert list(plan.touched()) == [COPY.key, MARKER.key]
    plan.write([replace(COPY, key="Z"), LOST, replace(MARKER, key="c")])
    assert list(plan.touched()) == [COPY.key, MARKER.key], "and what earlier plans have done"
    note(plan, 0, COPY)
    assert list(plan.touched()) == ["Z", COPY.key, "c", MARKER.key]


def test_keys_in_doubt_and_keys_in_parts_are_counted(plan: PlanFile) -> None:
    doubts = (Caveat.MAYBE_EXPIRED, Caveat.NULL_OVERWRITTEN)
    large = replace(COPY, size=LARGEST_COPY + 1)
    counts = plan.write(
        [
            replace(large, key="a", caveats=(Caveat.SAME_SECOND, doubts[0])),
            replace(LOST, key="b", caveats=doubts),
            replace(STAYS, key="c", caveats=doubts[1:], size=large.size),
            replace(COPY, key="d", caveats=(Caveat.MULTIPART,), size=LARGEST_COPY),
            replace(MARKER, key="e"),
        ]
    )
    assert (counts.guessed, counts.doubted, counts.in_parts) == (2, 1, 1)


def test_a_plan_that_is_damaged_says_so(plan: PlanFile) -> None:
    seal(plan)
    plan.path.write_bytes(plan.path.read_bytes()[:-12])
    with pytest.raises(CannotRun, match=r"plan\.jsonl\.gz.*expected a plan; --anew"):
        list(plan.read())


def test_a_line_that_was_torn_is_as_if_it_were_not_there(plan: PlanFile) -> None:
    seal(plan)
    note(plan, 0, COPY)
    whole = plan.journal.read_bytes()
    for length in range(1, len(whole)):
        plan.journal.write_bytes(whole + whole[:length])
        assert len(list(journal.read(plan.journal))) == 1
    note(plan, 1, MARKER)
    assert [noted.key for noted in journal.read(plan.journal)] == [COPY.key, MARKER.key]


def test_a_torn_line_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b"[1]\n" + b"x" * 200_000)
    with Journal(path):
        pass
    assert path.read_bytes() == b"[1]\n"


def test_a_journal_that_is_damaged_within_says_so(plan: PlanFile) -> None:
    seal(plan)
    note(plan, 0, COPY)
    plan.journal.write_bytes(b"[0, \x00]\n" + plan.journal.read_bytes())
    with pytest.raises(CannotRun, match=r"journal\.jsonl.*expected a line of a journal"):
        list(journal.read(plan.journal))


def test_the_last_try_of_an_action_counts(plan: PlanFile) -> None:
    seal(plan)
    note(plan, 0, COPY, Result.FAILED)
    note(plan, 1, MARKER, Result.CONFLICT)
    note(plan, 0, COPY, Result.DONE)
    standing = Standing(2)
    for noted in journal.read(plan.journal):
        standing.take(noted)
    assert standing.settled(0)
    assert not standing.settled(1)
    assert (standing.good, standing.bad) == (1, 1)
    assert [(noted.number, noted.result) for noted in journal.standing(plan.journal, standing)] == [
        (1, Result.CONFLICT),
        (0, Result.DONE),
    ]


def test_one_restore_at_a_time_in_a_folder(plan: PlanFile) -> None:
    with Lock(plan.folder), pytest.raises(CannotRun, match="held by process"), Lock(plan.folder):
        pass
    with Lock(plan.folder):
        pass
