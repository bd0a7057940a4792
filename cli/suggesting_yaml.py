"""Proposals as text for drills.yaml: entries to be pasted, and comments that say why. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, assert_never

import yaml

from cli.suggesting import MOST, Omitted, Proposal, Section
from cli.words import shown

WIDTH: Final = 100
_KEYS: Final = " " * 4
_ITEMS: Final = " " * 6
_WITHIN: Final = " " * 4

_SIMPLE: Final = re.compile(r"[A-Za-z_][\w.-]*|[1-9]\d*[smhd]", re.ASCII)
_PHRASE: Final = re.compile(r"[A-Za-z_][\w.-]*( [\w.-]+)*", re.ASCII)
_LINE: Final = re.compile(r"\S(.*\S)?")
_MEANT_OTHERWISE: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

_OPENING: Final = {
    Section.EXCLUDE: "Tables that could be left out; none is, until you uncomment it.",
    Section.CHECKS: "What the copy is asked. A count is at least nine tenths of today's: raise it"
    " now and then; for a drill that restores to a moment weeks ago it may be too high.",
    Section.FRESHNESS: "The newest row may lie so far before the restored moment: twice the longest"
    " time without one, as seen so far.",
}


def section_lines(
    section: Section, proposals: Sequence[Proposal], omitted: Sequence[Omitted]
) -> Iterator[str]:
    """The lines of a key of a drill; of none where there is nothing to say.

    The key is a comment where all of its entries are.
    """
    if not proposals and not omitted:
        return
    yield ""
    yield from comment(_OPENING[section], indent=_KEYS)
    if proposals:
        key = f"{section.value}:"
        active = any(proposal.active for proposal in proposals)
        yield f"{_KEYS}{key}" if active else f"{_KEYS}# {key}"
    for proposal in proposals:
        yield from comment(f"{proposal.why} {proposal.review}", indent=_ITEMS)
        mark = "" if proposal.active else "# "
        for line in _entry(proposal):
            yield f"{_ITEMS}{mark}{line}"
    for each in omitted[:MOST]:
        yield from comment(f"Not proposed: {each.target}: {each.reason}.", indent=_ITEMS)
    if (more := len(omitted) - MOST) > 0:
        yield from comment(f"Not proposed: {more} more, which --json names.", indent=_ITEMS)


def drill_lines(*, name: str, family: str, database: str) -> Iterator[str]:
    """The head of a drill, with places to fill in.

    >>> print(*drill_lines(name="shop", family="aurora-postgresql15", database="shop"), sep="\\n")
      - name: shop
        kind: aurora
        cluster: to-fill-in   # the identifier of the cluster
        engine_family: aurora-postgresql15
        database: shop
        schedule: {cron: "0 5 ? * 2#1 *", timezone: UTC}   # the first Monday, at five
        witness: {network: production, endpoint: reader}   # one of deployment.source_networks
    """
    yield f"  - name: {scalar(name)}"
    yield f"{_KEYS}kind: aurora"
    yield f"{_KEYS}cluster: to-fill-in   # the identifier of the cluster"
    yield f"{_KEYS}engine_family: {scalar(family)}"
    yield f"{_KEYS}database: {scalar(database)}"
    yield (
        f'{_KEYS}schedule: {{cron: "0 5 ? * 2#1 *", timezone: UTC}}   # the first Monday, at five'
    )
    yield (
        f"{_KEYS}witness: {{network: production, endpoint: reader}}"
        "   # one of deployment.source_networks"
    )


def schema_lines(schemas: Sequence[str]) -> Iterator[str]:
    """The key that names schemas.

    >>> list(schema_lines(["sales", "a,b"]))
    ['    schemas: [sales, "a,b"]']
    """
    yield f"{_KEYS}schemas: [{', '.join(scalar(schema) for schema in schemas)}]"


def comment(text: str, *, indent: str = _KEYS) -> Iterator[str]:
    """A text as comments, folded; what cannot be seen is escaped.

    >>> list(comment("Why.", indent=""))
    ['# Why.']
    """
    start = f"{indent}# "
    yield from textwrap.wrap(
        shown(" ".join(text.split())),
        width=WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def scalar(text: str, *, phrase: bool = False) -> str:
    """A text as YAML, plain where it is simple; a phrase may hold blanks.

    >>> scalar("sales.busy"), scalar("24h"), scalar("on"), scalar("a b"), scalar("a b", phrase=True)
    ('sales.busy', '24h', '"on"', '"a b"', 'a b')
    """
    plain = (_PHRASE if phrase else _SIMPLE).fullmatch(text)
    if plain and text.lower() not in _MEANT_OTHERWISE:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)
    return quoted.rstrip("\n")


def _entry(proposal: Proposal) -> Iterator[str]:
    given = proposal.entry
    match proposal.section:
        case Section.EXCLUDE:
            yield f"- {scalar(given['table'])}"
        case Section.FRESHNESS:
            yield f"- {{{_pairs(given)}}}"
        case Section.CHECKS:
            yield f"- name: {scalar(given['name'], phrase=True)}"
            yield from _query(proposal.lines)
            yield f'  expect: "{given["expect"]}"'
        case unreachable:
            assert_never(unreachable)


def _pairs(given: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {scalar(value)}" for key, value in given.items())


def _query(lines: Sequence[str]) -> Iterator[str]:
    """A query, folded where nothing of it could be lost by that."""
    if all(line.isprintable() and _LINE.fullmatch(line) for line in lines):
        yield "  sql: >-"
        yield from (f"{_WITHIN}{line}" for line in lines)
    else:
        yield f"  sql: {scalar(' '.join(lines))}"
