"""Which tables are witnessed, and what makes that impossible."""

from __future__ import annotations

from typing import Any, cast

import pytest

from functions.aurora.database import Session
from functions.aurora.witness_work import NothingToWitness, list_tables
from tests.unit.witness_samples import a_work

ORDINARY = {
    "bytes": 0,
    "columns": [],
    "ancestors": [],
    "persistence": "p",
    "method": "heap",
    "populated": True,
}


class Listing:
    """A session on a database with these tables, by schema and name."""

    def __init__(self, *there: tuple[str, str], kind: str = "r") -> None:
        self.there = there
        self.kind = kind

    def all(self, query: str, **given: Any) -> list[dict[str, Any]]:
        if query == "schemas":
            return [{"schema": schema} for schema in sorted({schema for schema, _ in self.there})]
        assert query == "tables"
        return [
            {
                **ORDINARY,
                "schema": schema,
                "name": name,
                "oid": number,
                "kind": self.kind,
            }
            for number, (schema, name) in enumerate(self.there)
            if schema in given["schemas"]
        ]


def listed(*there: tuple[str, str], kind: str = "r", **changes: Any) -> list[str]:
    work = a_work(**{"schemas": [], **changes})
    return [table.target for table in list_tables(cast(Session, Listing(*there, kind=kind)), work)]


def test_the_tables_of_the_schemas_are_witnessed() -> None:
    there = (("a", "t"), ("a", "u"), ("b", "t"))
    assert listed(*there) == ["a.t", "a.u", "b.t"]
    assert listed(*there, schemas=["b"]) == ["b.t"]


def test_two_tables_of_one_name_are_one_clear_error() -> None:
    alike = (("a", "b.c"), ("a.b", "c"))
    with pytest.raises(NothingToWitness) as reason:
        listed(("a", "t"), *alike, ("x", "y.z"), ("x.y", "z"))
    assert str(reason.value) == (
        "tables: a.b.c, x.y.z: two of the database are called so, because of a dot in a name:"
        " expected tables that can be told apart; rename one, or leave its schema out"
    )
    # One of them alone is no trouble.
    assert listed(*alike, schemas=["a.b"]) == ["a.b.c"]


@pytest.mark.parametrize(
    ("there", "changes", "message"),
    [
        ([("a", "t")], {"schemas": ["b"]}, "schemas: b: not in the database shop, which has a"),
        ([], {}, "schemas: none: hold no table that can be compared"),
        ([("a", "t")], {"kind": "f"}, "schemas: a: hold no table that can be compared"),
        (
            [("a", "t")],
            {"levels": {"a.u": "none"}},
            "levels: a.u: expected tables of the schemas a",
        ),
    ],
)
def test_what_is_not_there_is_an_error(
    there: list[tuple[str, str]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NothingToWitness) as reason:
        listed(*there, **changes)
    assert str(reason.value) == message
