"""The end of a restore, in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from rich.text import Text

from cli import journal, verification
from cli.plan_file import Seal
from cli.report import Ended, Story
from cli.verification import Why
from cli.words import rate, shown, size
from functions.report.words import count, duration, instant
from functions.s3_versions.outcome import Result
from functions.s3_versions.values import Caveat, Diff

_BAD: Final = "bold red"
_WARNING: Final = "yellow"
_GOOD: Final = "bold green"

_OF_RESULTS: Final = {
    Result.FAILED: ("failed", _BAD),
    Result.CONFLICT: ("conflicted: written meanwhile by others, whose write is kept", _WARNING),
    Result.THAWING: ("archived and asked back", _WARNING),
}
_OF_REASONS: Final = {
    Why.WRONG: ("restored, and not what it was", _BAD),
    Why.WRITTEN_SINCE: ("written since by others, whose write is kept", _WARNING),
}


def farewell(story: Story) -> str:
    """What is said when a restore is ended at once."""
    return f"stopped at once. To go on: {story.options.again(story.command)}"


def taken_up(story: Story, seal: Seal) -> str:
    """What is said when a restore that was interrupted goes on."""
    actions = seal.counts.actions
    return (
        f"goes on with the plan of {instant(seal.made_at)}: {story.standing.good:,} of"
        f" {count(actions, 'key')} are done (--anew plans again)"
    )


def lines(story: Story) -> Iterator[Text]:
    """What is said at the end: what went wrong first, the verdict last."""
    if story.ended is Ended.VERSIONING_LOST:
        yield from _lost(story)
    elif story.trouble:
        yield Text(f"stopped by an error: {story.trouble}", style=_BAD)
    if story.ended in (Ended.RESTORED, Ended.STOPPED):
        yield from _keys(story)
    if story.ended in (Ended.NOTHING_TO_DO, Ended.DRY_RUN):
        yield from _unrestorable(story)
    if story.verification:
        for one in story.verification.unlike:
            yield Text(f"! {shown(one.key)}  read back: {one.problem}", style=_BAD)
    if story.written:
        yield Text(_speed(story), style="dim")
    yield _verdict(story)
    if story.ended is Ended.STOPPED or (story.ended is Ended.RESTORED and story.exit_status == 2):
        yield Text(f"to go on: {story.options.again(story.command)}")
    if story.ended is Ended.DRY_RUN:
        yield Text(f"to do it: {story.options.again(story.command)}")


def _lost(story: Story) -> Iterator[Text]:
    """What is said where history may just have been destroyed."""
    bucket = story.command.written_to
    yield Text(f"VERSIONING OF {bucket} WAS LOST WHILE IT WAS WRITTEN TO", style=_BAD)
    yield Text(f"  {story.trouble}", style=_BAD)
    written = [shown(one.key) for one in journal.unversioned(story.plan.journal, story.standing)]
    head = (
        "written without a version: what these keys held from before versioning, their null"
        " version, may be lost"
    )
    if written:
        yield from _some((f"! {key}" for key in written), len(written), head, story, _BAD)
    else:
        yield Text("no key is known to have been written without a version", style=_BAD)
    yield Text(
        "nothing more was written. Switch versioning on, find out who switched it off, and look at"
        " these keys, before anything else is written there",
        style=_BAD,
    )


def _keys(story: Story) -> Iterator[Text]:
    """The keys that are not what they were, some of each sort."""
    for result, (head, style) in _OF_RESULTS.items():
        if number := story.standing.counts[result]:
            said = (
                f"! {shown(noted.key)}  {shown(noted.detail)}"
                for noted in journal.standing(story.plan.journal, story.standing)
                if noted.result is result
            )
            yield from _some(said, number, head, story, style)
    yield from _unrestorable(story)
    for why, (head, style) in _OF_REASONS.items():
        if story.verification and (number := story.verification.differing[why]):
            said = (
                f"! {shown(one.key)}"
                for one in verification.differing(story.plan.differing)
                if one.why is why
            )
            yield from _some(said, number, head, story, style)


def _unrestorable(story: Story) -> Iterator[Text]:
    if story.unrestorable and story.ended is not Ended.STOPPED:
        said = (
            f"! {shown(action.key)}  {action.reason}"
            for action in story.plan.read()
            if action.diff is Diff.UNRESTORABLE
        )
        yield from _some(said, story.unrestorable, "cannot be restored", story, _BAD)


def _some(said: Iterator[str], number: int, head: str, story: Story, style: str) -> Iterator[Text]:
    yield Text(f"{count(number, 'key')} {head}", style=style)
    shown_most = story.options.show
    yield from (Text(f"  {line}") for line in islice(said, shown_most))
    if number > shown_most:
        yield Text(f"  and {number - shown_most:,} more", style="dim")


def _speed(story: Story) -> str:
    seconds = story.seconds.get("write", 0.0)
    return (
        f"{count(story.written, 'key')}, {size(story.written_bytes)} in {duration(seconds)}:"
        f" {rate(story.written, seconds):,.0f} keys a second,"
        f" {size(rate(story.written_bytes, seconds))}/s"
    )


def _verdict(story: Story) -> Text:
    status, keys = story.exit_status, story.standing.good
    match story.ended:
        case Ended.NOTHING_TO_DO:
            if status:
                return Text("nothing to do, but not all can be what it was", style=_BAD)
            return Text(f"nothing to do: {_as_it_was(story)}", style=_style(story))
        case Ended.DRY_RUN:
            return Text("a dry run: nothing was written", style="bold")
        case Ended.NOT_CONFIRMED:
            return Text("not confirmed: nothing was written", style="bold")
        case Ended.STOPPED:
            left = story.seal.counts.actions - keys if story.seal else 0
            told = (
                f"{count(keys, 'key')} done, {left:,} left" if story.seal else "nothing was written"
            )
            return Text(f"stopped: {told}", style=_BAD)
        case Ended.VERSIONING_LOST:
            return Text(f"stopped for good: {count(keys, 'key')} done", style=_BAD)
        case Ended.RESTORED:
            return _restored(story, keys)


def _as_it_was(story: Story) -> str:
    """That all is as it was, as surely as that can be said."""
    said = "all is as it was at that time"
    if story.guessed:
        said = f"as far as the listing tells, {count(story.guessed, 'key')} in doubt"
    numbers = story.seal.counts.tally.caveats if story.seal else {}
    dated = [
        f"{numbers[caveat.value]:,} {caveat.value}"
        for caveat in (Caveat.MULTIPART, Caveat.SAME_SECOND)
        if numbers.get(caveat.value)
    ]
    return f"{said} (by dates that may err: {', '.join(dated)})" if dated else said


def _style(story: Story) -> str:
    return _WARNING if story.guessed else _GOOD


def _restored(story: Story, keys: int) -> Text:
    found = story.verification
    sampled = len(found.sample) - len(found.unlike) if found else 0
    done = f"{count(keys, 'key')} restored"
    match story.exit_status:
        case 0:
            return Text(
                f"{_as_it_was(story)}: {done}, {sampled:,} of them read back in full",
                style=_style(story),
            )
        case 2:
            return Text(f"not all yet: {done}, the rest is being brought back", style=_WARNING)
        case _:
            return Text(f"not all is as it was: {done}, the rest is named above", style=_BAD)
