"""The documents say what the code does: tables, versions, links."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from datetime import date
from itertools import takewhile
from pathlib import Path

import pytest

from functions.kinds import KINDS
from lab.__main__ import _parser
from lab.damage import list_damages

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LAB = ROOT / "docs" / "lab.md"

Row = tuple[str, ...]


def rows(document: Path, heading: str) -> list[Row]:
    """The rows of the table whose first column has this heading, without the marks of code."""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if cells(line)[:1] == (heading,):
            next(lines)
            return [cells(row) for row in takewhile(lambda row: row.startswith("|"), lines)]
    raise AssertionError(f"{document.name} has no table that begins with {heading}")


def cells(line: str) -> Row:
    """The cells of a line of a table; none for any other line.

    >>> cells("| `drill` | runs one |")
    ('drill', 'runs one')
    """
    if not line.startswith("|"):
        return ()
    return tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|"))


def listed(cell: str) -> set[str]:
    return {each.strip() for each in cell.split(",")}


def commands() -> dict[str, argparse.ArgumentParser]:
    """The lab's commands, each with its own parser."""
    actions = _parser()._actions
    found = next(each for each in actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


def options(parser: argparse.ArgumentParser) -> set[str]:
    names = {name for action in parser._actions for name in action.option_strings}
    return {name for name in names if name.startswith("--")} - {"--help"}


def test_every_command_of_the_lab_is_documented() -> None:
    assert {row[0] for row in rows(LAB, "python -m lab")} == set(commands())


def test_every_option_of_the_lab_is_documented_with_its_commands() -> None:
    expected: dict[str, set[str]] = {}
    for command, parser in commands().items():
        for option in options(parser):
            expected.setdefault(option, set()).add(command)
    for option in options(_parser()):
        expected[option] = {"all", "before the command"}
    assert {option: listed(of) for option, of, _ in rows(LAB, "option")} == expected


def test_the_exit_statuses_of_a_drill_are_documented() -> None:
    from lab.commands import COULD_NOT_RUN, EXIT  # here: it loads all of the lab

    documented = {int(status): meaning for status, meaning in rows(LAB, "exit status")}
    for verdict, status in EXIT.items():
        assert verdict in listed(documented[status].partition(";")[0])
    assert documented[COULD_NOT_RUN].startswith("it could not run")


def test_the_damages_are_documented_as_they_are() -> None:
    assert rows(LAB, "damage") == [(d.name, d.description, d.check) for d in list_damages()]


def test_the_version_of_moto_is_the_one_that_the_lab_mends() -> None:
    pinned = re.search(r"^moto==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert set(re.findall(r"moto (\d+\.\d+\.\d+)", LAB.read_text())) == {pinned[1]}


def test_the_readme_lists_the_kinds_there_are() -> None:
    assert [row[0] for row in rows(ROOT / "README.md", "kind")] == list(KINDS)


def test_the_changelog_has_a_section_for_what_comes_next_or_for_what_came() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections
    for section in sections:
        if section != "Unreleased":
            version, _, day = section.partition(" - ")
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), section
            date.fromisoformat(day)


def links(document: Path) -> Iterator[str]:
    """Where a document leads within the repository, headings left off."""
    text = re.sub(
        r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith("mailto:"):
            yield path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    missing = [link for link in links(document) if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_in_a_document_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    folders = "bench|docs|functions|infra|lab|tests"
    named = set(re.findall(rf"`((?:{folders})/[\w./-]+)`", text))
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
