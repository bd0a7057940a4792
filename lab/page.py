"""The lab's pages: the report's own look, and a little more. No script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from functions import report
from functions.report.markup import Markup, fill, join

_PAGES: Final = Path(__file__).with_name("pages")
_REPORT: Final = Path(report.__file__).with_name("page.html")


def document(
    *, title: str, tone: str, eyebrow: Sequence[str], headline: str, lead: str, body: Iterable[str]
) -> str:
    """A whole page. `tone` is a class of the stylesheet: passed, failed, not_run, off."""
    return fill(
        (_PAGES / "page.html").read_text(encoding="utf-8"),
        title=title,
        style=Markup(style()),
        tone=tone,
        eyebrow=join(fill("<span>$part</span>", part=part) for part in eyebrow),
        headline=headline,
        lead=fill('<p class="cause">$lead</p>', lead=lead) if lead else Markup(),
        body=join(body),
    )


@cache
def style() -> str:
    """The stylesheet of the reports, and the lab's own."""
    page = _REPORT.read_text(encoding="utf-8")
    house = page.partition("<style>")[2].partition("</style>")[0]
    return house + (_PAGES / "style.css").read_text(encoding="utf-8")


def card(heading: str, lead: str, *blocks: str, anchor: str = "") -> Markup:
    """A part of a page, with a heading."""
    return fill(
        _CARD,
        anchor=anchor,
        heading=heading,
        lead=fill("<p>$lead</p>\n", lead=lead) if lead else "",
        blocks=join(fill('<div class="block">\n$block</div>\n', block=b) for b in blocks if b),
    )


def tile(name: str, value: str, note: str, *, tone: str = "off") -> Markup:
    """One number that matters."""
    return fill(_TILE, name=name, value=value, note=note, tone=tone)


def badge(text: str, *, tone: str) -> Markup:
    """A word in a colour: a severity, a state, a verdict."""
    return fill('<span class="badge $tone">$text</span>', text=text, tone=tone)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "") -> Markup:
    """A table; a cell that is Markup is HTML already."""
    return fill(
        '<table class="$kind"><thead><tr>$headings</tr></thead>\n<tbody>\n$rows</tbody></table>\n',
        kind=kind,
        headings=join(fill('<th scope="col">$name</th>', name=name) for name in headings),
        rows=join(
            fill(
                "<tr>$cells</tr>\n",
                cells=join(_cell(name, cell) for name, cell in zip(headings, row, strict=True)),
            )
            for row in rows
        ),
    )


def _cell(heading: str, cell: str) -> Markup:
    """A cell, which says its heading where the page is narrow.

    >>> print(_cell("Rang", "3 Mar"), _cell("", "A"))
    <td data-label="Rang:">3 Mar</td> <td>A</td>
    """
    if not heading:
        return fill("<td>$cell</td>", cell=cell)
    return fill('<td data-label="$name:">$cell</td>', name=heading, cell=cell)


_CARD: Final = """\
<section class="card" id="$anchor">
<h2>$heading</h2>
$lead$blocks</section>
"""

_TILE: Final = """\
<section class="tile"><h2>$name</h2><p class="value $tone">$value</p><p class="note">$note</p>\
</section>
"""
