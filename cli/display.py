"""What an operator sees: the preflight, the plan as a diff, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.arguments import Command
from cli.plan_file import Counts
from cli.words import shown, size, written
from functions.report.words import count, instant
from functions.s3_versions.values import Action, Caveat, Diff, How

_STYLES: Final = {
    Diff.CREATE: "green",
    Diff.CHANGE: "yellow",
    Diff.REMOVE: "red",
    Diff.UNCHANGED: "dim",
    Diff.UNRESTORABLE: "bold magenta",
}
SIGNS: Final = {
    Diff.CREATE: "+",
    Diff.CHANGE: "~",
    Diff.REMOVE: "-",
    Diff.UNCHANGED: "=",
    Diff.UNRESTORABLE: "!",
}
CAVEATS: Final = {
    Caveat.MULTIPART: "uploaded in parts: S3 dates it by the beginning of its upload, it may have"
    " been visible only after that time",
    Caveat.SAME_SECOND: "written in the very second of that time: S3's dates do not tell whether"
    " before or after; taken as before",
    Caveat.NULL_OVERWRITTEN: "written later while versioning was off or suspended: what was there"
    " before left no version",
    Caveat.MAYBE_EXPIRED: "a lifecycle rule may have deleted what was current then",
}
"""What each caveat means for the one who reads it."""

_GUESS: Final = "--accept-doubts makes them what the listing shows, where it shows something"
_UNFINISHED: Final = (
    "no AbortIncompleteMultipartUpload rule ends what is left unfinished, and parts are billed; if"
    " this is killed, the same command ends it"
)


def preflight(lines: Iterable[tuple[str, str, bool]]) -> Iterator[Text]:
    """The lines of a preflight, warnings in yellow."""
    for word, sentence, warns in lines:
        yield Text.assemble((f"{word:<13}", "dim"), (sentence, "yellow" if warns else ""))


def plan(counts: Counts, command: Command, *, aborts: bool = True) -> RenderableType:
    """The counts of a plan: by what becomes of a key, by what it takes, and the caveats.

    `aborts` says whether a lifecycle rule ends uploads that are left unfinished.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("keys", justify="right", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    for diff in Diff:
        keys, amount = counts.tally.keys[diff.value], counts.tally.bytes[diff.value]
        style = _STYLES[diff] if keys else "dim"
        told = size(amount) if amount or diff in (Diff.CREATE, Diff.CHANGE) else ""
        table.add_row(Text(f"{SIGNS[diff]} {diff.value}", style=style), f"{keys:,}", told)
    parts: list[RenderableType] = [table]
    parts += [Text(f"  {line}", style="dim") for line in _means(counts, command)]
    parts += [Text(f"  {line}", style="yellow") for line in caveats(counts.tally.caveats)]
    if counts.doubted:
        told = f"  {count(counts.doubted, 'key')} in doubt left as they are: {_GUESS}"
        parts.append(Text(told, style="yellow"))
    if counts.in_parts and not aborts:
        told = f"  {count(counts.in_parts, 'key')} above 5 GB, copied in parts: {_UNFINISHED}"
        parts.append(Text(told, style="yellow"))
    return Group(*parts)


def _means(counts: Counts, command: Command) -> Iterator[str]:
    """What the plan takes."""
    if number := counts.keys[How.COPY.value]:
        amount = size(counts.bytes[How.COPY.value])
        yield f"{count(number, 'version')} copied forward, {amount}, inside S3"
    if number := counts.keys[How.UNDELETE.value]:
        yield f"{count(number, 'key')} undeleted by removing markers, nothing is copied"
    if number := counts.keys[How.MARKER.value]:
        yield f"{count(number, 'delete marker')} added"
    if number := counts.keys[How.THAW.value]:
        yield (
            f"{count(number, 'archived version')} asked back first (hours): the same command copies"
            " them later"
        )
    if counts.kept:
        yield f"{count(counts.kept, 'key')} only in {command.to}: left alone"


def caveats(numbers: Mapping[str, int]) -> Iterator[str]:
    """A line for each caveat that keys have.

    >>> [line[:36] for line in caveats({"multipart": 2, "same_second": 0})]
    ['2 keys multipart: uploaded in parts:']
    """
    for caveat, meaning in CAVEATS.items():
        if number := numbers.get(caveat.value, 0):
            yield f"{count(number, 'key')} {caveat.value}: {meaning}"


def difference(action: Action) -> Text:
    """A line of the diff.

    >>> difference(Action(key="a b", diff=Diff.REMOVE, how=How.MARKER)).plain
    '- a b'
    """
    reason = f"  {action.reason}" if action.reason else ""
    marks = f"  ({', '.join(action.caveats)})" if action.caveats else ""
    line = f"{SIGNS[action.diff]} {shown(action.key)}"
    return Text.assemble((line, _STYLES[action.diff]), reason, (marks, "yellow"))


def question(command: Command, keys: int) -> str:
    """What is asked before anything is written.

    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 11, 2, 5, 0, tzinfo=UTC)
    >>> question(Command(bucket="site", at=at, to="copy"), 1)
    "Restore 1 key of site into copy as it was at 2026-11-02T05:00:00Z? Type the bucket's name: "
    """
    it = "it was" if keys == 1 else "they were"
    how = f"into {command.to} as {it}" if command.to else f"in place to what {it}"
    return (
        f"Restore {count(keys, 'key')} of {command.bucket} {how} at {written(command.at)}?"
        " Type the bucket's name: "
    )


def headline(command: Command) -> Text:
    """What a command is about to make."""
    below = f" below '{shown(command.prefix)}'" if command.prefix else ""
    into = f" into {command.to}" if command.to else ""
    return Text(
        f"{command.bucket}{below} as it was on {instant(written(command.at))}{into}", style="bold"
    )
