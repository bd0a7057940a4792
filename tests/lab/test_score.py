"""A part of the score, really done: what Verify finds, and what the command says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import score
from lab.__main__ import main
from lab.damage import UnknownDamage
from lab.score_healthy import HARMLESS
from lab.score_outcome import RowCount, Score, Verdict
from lab.score_table import table

DAMAGES = (
    "heap_page_zeroed",
    "index_bit_flipped",
    "password_two_generations_old",
    "ran_past_a_little",
    "row_deleted",
    "row_deleted_in_window",
    "row_resurrected",
    "trigger_dropped",
    "value_changed",
    "values_swapped",
)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Score:
    folder = Path(tmp_path_factory.mktemp("score"))
    return score.run(folder, score.choose(DAMAGES), harmless=HARMLESS[:1])


def test_each_damage_is_found_by_its_check(scored: Score) -> None:
    assert [each for each in scored.found if each.verdict is not Verdict.FOUND] == []
    assert {each.damage.name for each in scored.found} == set(DAMAGES)


def test_damages_of_files_are_done_with_checksums_and_without(scored: Score) -> None:
    done = {name: [f.expected for f in scored.found if f.damage.name == name] for name in DAMAGES}
    assert done["index_bit_flipped"] == ["index_rows", "checksums"]
    assert done["heap_page_zeroed"] == ["rows", "rows"]
    assert done["trigger_dropped"] == ["triggers"]


def test_what_a_count_of_rows_sees_is_told(scored: Score) -> None:
    told = {each.damage.name: each.row_count for each in scored.found}
    assert told["row_deleted"] is RowCount.ALONE
    assert told["ran_past_a_little"] is RowCount.FINDS
    for name in ("trigger_dropped", "index_bit_flipped", "value_changed", "values_swapped"):
        assert told[name] is RowCount.MISSES, name


def test_a_healthy_copy_is_green(scored: Score) -> None:
    assert [each.alarms for each in scored.healthy] == [(), ()]
    assert scored.good
    assert scored.sentence() == "found 13 of 13, false alarms 0 of 2"


@pytest.fixture
def told(
    scored: Score,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str, dict[str, Any]]]:
    """What the command does with that outcome, or with a change of it."""

    def run(**changes: Any) -> tuple[int, str, dict[str, Any]]:
        outcome = replace(scored, **changes)
        monkeypatch.setattr(score, "run", lambda *_, **__: outcome)
        page, record = tmp_path / "score.html", tmp_path / "score.json"
        status = main(
            ["--folder", str(tmp_path), "score", "--html", str(page), "--json", str(record)]
        )
        assert all(name in page.read_text() for name in DAMAGES)
        return status, capsys.readouterr().out, json.loads(record.read_text())

    return run


def test_the_command_ends_well_when_all_was_found(told: Any) -> None:
    status, printed, record = told()
    assert status == 0
    assert printed.splitlines()[-1] == "found 13 of 13, false alarms 0 of 2"
    assert all(name in printed for name in DAMAGES)
    assert {entry["verdict"] for entry in record["found"]} == {"found"}
    assert (record["right"], record["false_alarms"]) == (13, 0)


def test_the_command_fails_when_a_damage_was_missed(told: Any, scored: Score) -> None:
    missed = replace(scored.found[0], failed=())
    status, printed, record = told(found=[missed, *scored.found[1:]])
    assert status == 1
    assert printed.splitlines()[-1] == "found 12 of 13, false alarms 0 of 2"
    assert record["found"][0]["verdict"] == "missed"


def test_the_command_fails_when_another_check_is_red_than_expected(
    told: Any, scored: Score
) -> None:
    elsewhere = replace(scored.found[0], failed=(*scored.found[0].failed, "triggers"))
    status, _, record = told(found=[elsewhere, *scored.found[1:]])
    assert status == 1
    assert record["found"][0]["verdict"] == "by other checks"


def test_the_command_fails_when_a_healthy_copy_is_not_green(told: Any, scored: Score) -> None:
    alarmed = replace(scored.healthy[0], alarms=("rows of s.t",))
    status, printed, _ = told(healthy=[alarmed, scored.healthy[1]])
    assert status == 1
    assert "false alarm: rows of s.t" in printed
    assert printed.splitlines()[-1] == "found 13 of 13, false alarms 1 of 2"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_keeps_to_the_width_of_the_terminal(scored: Score, width: int) -> None:
    from rich.console import Console

    console = Console(width=width)
    with console.capture() as captured:
        console.print(table(scored, width=width))
    assert max(len(line.rstrip()) for line in captured.get().splitlines()) <= width


def test_an_unknown_damage_is_refused() -> None:
    with pytest.raises(UnknownDamage, match="'flood' of a copy: expected one of array_bounds"):
        score.choose(["flood"])


def test_what_the_score_alone_can_do_a_drill_refuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status = main(["--folder", str(tmp_path), "drill", "--damage", "heap_page_zeroed"])
    assert status == 3
    assert "python -m lab score --only heap_page_zeroed does it" in capsys.readouterr().out
