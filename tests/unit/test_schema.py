"""The tables of a restore to the past, where nobody witnessed which there were."""

from __future__ import annotations

from functions.aurora.schema import Known, compare_names
from functions.model import Status


def test_a_copy_without_any_table_is_red_even_when_none_is_expected() -> None:
    (check,) = compare_names((), {}, "fibonacci", known=Known(), waived=True)
    assert (check.name, check.status) == ("tables", Status.FAILED)
    assert check.observed == "0 tables"
