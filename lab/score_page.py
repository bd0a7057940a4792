"""A score as a page: a row for each damage, with what found it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.report.markup import Markup, fill, join
from lab.page import badge, card, document, table, tile
from lab.score_outcome import Found, RowCount, Score, Verdict

_COUNTS = {RowCount.ALONE: "medium", RowCount.FINDS: "low", RowCount.MISSES: "off"}


def page(score: Score) -> str:
    """The page of a score."""
    sentence = score.sentence()
    return document(
        title="What Verify finds",
        tone="passed" if score.good else "failed",
        eyebrow=("What Verify finds", f"PostgreSQL {score.version}"),
        headline=sentence[0].upper() + sentence[1:],
        lead=(
            "One restore of a database that was written all the time. Each damage was done to a"
            " copy of it, and Verify was asked about every copy."
        ),
        body=_body(score),
    )


def _body(score: Score) -> Iterator[Markup]:
    yield fill('<div class="tiles">\n$tiles</div>\n', tiles=join(_tiles(score)))
    yield card(
        "Damages",
        "Found is what turned red the check that must find it, and no other than may. Beside it:"
        " what a count of all rows says.",
        table(
            ("Damage", "Red", "A count of rows", "Verdict"), (_row(each) for each in score.found)
        ),
    )
    if score.healthy:
        yield card(
            "Healthy copies",
            "What happened to them harms nothing: Verify must not mind.",
            table(
                ("Copy", "Verify"),
                (
                    (
                        each.what,
                        join(badge(alarm, tone="failed") for alarm in each.alarms)
                        or badge("green", tone="passed"),
                    )
                    for each in score.healthy
                ),
            ),
        )


def _tiles(score: Score) -> Iterator[Markup]:
    found = len(score.found)
    counted = score.count(RowCount.ALONE) + score.count(RowCount.FINDS)
    yield tile("Found", f"{score.right} of {found}", "by the check that must find it")
    yield tile(
        "False alarms", f"{score.false_alarms} of {len(score.healthy)}", "copies without damage"
    )
    yield tile(
        "A count of all rows", f"{counted} of {found}", "is what a test that counts would find"
    )
    yield tile("Took", f"{score.seconds:.0f} s", "for all of them")


def _row(each: Found) -> Sequence[str]:
    pages = {"checksums": "with checksums", "bare": "without checksums"}.get(each.pages, "")
    good = each.verdict is Verdict.FOUND
    return (
        fill(
            '<code>$name</code> $pages<span class="detail">$breaks</span>',
            name=each.damage.name,
            pages=pages,
            breaks=each.damage.description,
        ),
        join(_checks(each)),
        badge(each.row_count.value, tone=_COUNTS[each.row_count]),
        badge(each.verdict.value, tone="passed" if good else "failed"),
    )


def _checks(each: Found) -> Iterator[Markup]:
    """The check that must find it first; what was not run last."""
    if each.expected not in each.failed:
        yield _line(fill("not <code>$name</code>", name=each.expected))
    for name in sorted(each.failed, key=lambda name: (name != each.expected, name)):
        yield _line(fill("<code>$name</code>", name=name))
    if each.not_run:
        yield _line(
            fill('<span class="detail">not run: $names</span>', names=", ".join(each.not_run))
        )


def _line(text: Markup) -> Markup:
    return fill('<span class="line">$text</span>', text=text)
