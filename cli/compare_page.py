"""What a comparison tells: a sentence, the tables that are not equal, the first rows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from cli.comparing import Compared, Comparison, Kind, Spot, Standing, hexadecimal
from cli.output import Told, plain_table
from cli.words import rate, shown, size
from functions.aurora.chunks import Blocks
from functions.report.words import count, duration

STATUSES: Final = {0: "equal", 1: "different", 2: "not comparable in part"}
_MOST_RANGES: Final = 5
_STYLES: Final = {
    Standing.EQUAL: "green",
    Standing.DIFFERENT: "bold red",
    Standing.MOVED: "yellow",
    Standing.NOT_COMPARED: "yellow",
    Standing.LEFT_OUT: "dim",
}


def told(found: Comparison, *, source: str, copy: str) -> Told:
    """The document, and the same for people."""
    return Told(
        document=_document(found, source=source, copy=copy),
        shown=_page(found, source=source, copy=copy),
        status=found.status,
    )


def _document(found: Comparison, *, source: str, copy: str) -> dict[str, Any]:
    return {
        "command": "compare",
        "source": {"at": source, "database": found.source.database, "version": _version(found, 0)},
        "copy": {"at": copy, "database": found.copy.database, "version": _version(found, 1)},
        "answer": STATUSES[found.status],
        "sentence": _sentence(found),
        "seconds": round(found.seconds, 3),
        "bytes": found.bytes,
        "moving": list(found.moving),
        "only_source": list(found.only_source),
        "only_copy": list(found.only_copy),
        "tables": [result.to_record() for result in found.results],
    }


def _page(found: Comparison, *, source: str, copy: str) -> RenderableType:
    parts: list[RenderableType] = [
        Text(_sentence(found), style="bold green" if found.status == 0 else "bold"),
        Text(
            f"source {shown(source)} (PostgreSQL {_version(found, 0)}), copy {shown(copy)}"
            f" (PostgreSQL {_version(found, 1)})",
            style="dim",
        ),
    ]
    if found.moving:
        parts.append(
            Text(
                f"transactions ended meanwhile in {' and '.join(found.moving)}: tables that were"
                " written to, as its counters show, have moved",
                style="yellow",
            )
        )
    unequal = [result for result in found.results if _is_shown(result)]
    if unequal or found.only_source or found.only_copy:
        parts += [Text(), _table(found, unequal)]
    for result in unequal:
        parts += _places(result)
    return Group(*parts)


def _sentence(found: Comparison) -> str:
    """The answer, and how much it rests on."""
    equal = [result for result in found.results if result.standing is Standing.EQUAL]
    rows = sum(result.source.rows for result in equal)
    begin = {0: "Equal", 1: "Different", 2: "Not comparable in part"}[found.status]
    told = [f"{count(len(equal), 'table')} equal ({count(rows, 'row')})"]
    for standing in (Standing.DIFFERENT, Standing.MOVED, Standing.NOT_COMPARED, Standing.LEFT_OUT):
        number = sum(result.standing is standing for result in found.results)
        if number:
            told.append(f"{number:,} {standing.value}")
    for side, names in (("source", found.only_source), ("copy", found.only_copy)):
        if names:
            told.append(f"{len(names):,} only in the {side}")
    return (
        f"{begin}: {', '.join(told)}; {size(found.bytes)} a side in {duration(found.seconds)},"
        f" {size(rate(found.bytes, found.seconds))}/s."
    )


def _table(found: Comparison, unequal: Sequence[Compared]) -> RenderableType:
    table = plain_table("table", "", "source", "copy", "changed", "lost", "new")
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for result in unequal:
        counts = [result.counts.get(kind, 0) for kind in Kind]
        more = "+" if result.partial else ""
        numbers = [f"{number:,}{more if number else ''}" for number in counts]
        table.add_row(
            shown(result.target),
            Text(result.standing.value, style=_STYLES[result.standing]),
            *([f"{result.source.rows:,}", f"{result.copy.rows:,}"] if result.read else ["", ""]),
            *(numbers if any(counts) else ["", "", ""]),
        )
    for side, names in (("source", found.only_source), ("copy", found.only_copy)):
        for name in names:
            table.add_row(shown(name), Text(f"only in the {side}", style="bold red"))
    return table


def _remarks(result: Compared) -> Iterator[str]:
    if result.detail:
        yield shown(result.detail)
    if result.elsewhere:
        yield "the same rows, in other places"
    if result.unproven:
        names = ", ".join(shown(name) for name in result.unproven)
        yield f"of the type of {names} nobody knows that all of it was seen"
    if result.partial:
        yield "more rows differ than were counted"
    if result.chunks:
        ranges = [_range(blocks) for blocks in result.chunks[:_MOST_RANGES]]
        more = len(result.chunks) - len(ranges)
        yield f"blocks {', '.join(ranges)}{f' and {more:,} ranges more' if more else ''}"
    if any(result.counts.values()) and not result.keyed:
        yield "it has no key: a changed row counts as lost and new"


def _places(result: Compared) -> Iterator[RenderableType]:
    """What there is to say of a table, and the rows of it that are named."""
    remarks = list(_remarks(result))
    if not remarks and not result.spots:
        return
    yield Text()
    yield Text(f"{shown(result.target)}: {'; '.join(remarks)}")
    if result.spots:
        table = plain_table("", "key digest", "source ctid", "copy ctid")
        for spot in result.spots:
            table.add_row(*_spot(spot))
        yield table
        if more := sum(result.counts.values()) - len(result.spots):
            least = "at least " if result.partial else ""
            yield Text(f"and {least}{more:,} more", style="dim")


def _spot(spot: Spot) -> tuple[str, str, str, str]:
    return spot.kind.value, hexadecimal(spot.key), spot.source or "-", spot.copy or "-"


def _range(blocks: Blocks) -> str:
    """A range for people.

    >>> _range(Blocks(0, 1024)), _range(Blocks(8, None))
    ('0-1023', '8-')
    """
    return f"{blocks.start}-{'' if blocks.end is None else blocks.end - 1}"


def _is_shown(result: Compared) -> bool:
    return result.standing is not Standing.EQUAL or result.elsewhere or bool(result.unproven)


def _version(found: Comparison, side: int) -> str:
    return (found.source, found.copy)[side].version.partition(" ")[0]
