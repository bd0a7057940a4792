"""docs/runbook.md: how soon somebody must look, and what each section must say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.watch.conditions import OF_DRILLS, OF_SOURCES, RESPONSE

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def test_how_soon_somebody_must_look_is_what_the_reminder_says() -> None:
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", RUNBOOK, re.MULTILINE)
    assert dict(rows[1:]) == RESPONSE


def test_every_condition_that_alarms_has_a_section() -> None:
    conditions = [*(each for kind in OF_SOURCES.values() for each in kind), *OF_DRILLS]
    missing = [each.name for each in conditions if each.alarms and each.name not in SECTIONS]
    assert missing == []


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_what_to_do_and_when_it_clears(name: str) -> None:
    text = SECTIONS[name].strip()
    assert text.startswith("**"), "what it means, first"
    assert re.search(r"^1\. ", text, re.MULTILINE), "what to do first"
    assert re.search(r"^2\. ", text, re.MULTILINE), "what next"
    assert re.search(r"^Clears ", text, re.MULTILINE), "how it clears"


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", RUNBOOK))
def test_its_own_links_lead_somewhere(anchor: str) -> None:
    """To a section, or to a paragraph that bears the name."""
    assert anchor in SECTIONS or f'<a id="{anchor}"></a>' in RUNBOOK
