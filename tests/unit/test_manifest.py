"""The manifest: which tables the witness vouches for, how closely, and what that must come to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from functions import clock
from functions.aurora import manifest
from functions.aurora.database import Login
from functions.aurora.fingerprint import Catalogs
from functions.aurora.manifest import Manifest, Table, Witnessed
from functions.aurora.verify_work import Work
from functions.aurora.witness_work import Evidence

MOMENT = "2026-11-02T05:00:00Z"


def test_the_manifest_of_the_present() -> None:
    def table(name: str, **changes: Any) -> Table:
        base = Table(
            schema="s", name=name, oid=1, kind="r", bytes=0, columns=("a int",), excluded=""
        )
        return replace(base, **changes)

    before = [
        table("kept"),
        table("gone", oid=2),
        table("again", oid=3),
        table("left", oid=4, excluded="unlogged"),
        table("logged", oid=6, excluded="unlogged"),
        table("view", oid=7, kind="m", uncounted="not populated"),
        table("parent", oid=5, kind="p"),
    ]
    after = [
        *(t for t in before if t.name not in ("gone", "again", "logged")),
        table("again", oid=33),
        table("logged", oid=6),
        table("new", oid=8),
    ]
    read = {"least": 3, "most": 3, "rows": 3, "bytes": 16384, "digest": "1-a"}
    kept, excluded = manifest.of_present(before=before, after=after, read={"s.kept": read})
    assert [(t.target, t.level, t.bytes, t.lasting) for t in kept] == [
        ("s.kept", "exact", 16384, True),
        ("s.gone", "none", 0, False),
        ("s.again", "none", 0, False),
        ("s.logged", "none", 0, True),
        ("s.view", "none", 0, True),
        ("s.parent", "none", 0, True),
        ("s.new", "none", 0, False),
    ]
    by_name = {table.name: table for table in kept}
    assert [name for name, table in by_name.items() if table.swapped] == ["again"]
    assert by_name["logged"].reason == "altered meanwhile: unlogged"
    assert by_name["view"].reason == "not populated"
    assert not by_name["view"].counted
    assert by_name["new"].reason.startswith("made or renamed")
    assert excluded == (("s.left", "unlogged"),)
    again, _ = manifest.of_present(before=before, after=after, read={})
    assert (again[0].level, again[0].reason) == ("none", "it was not read")


@pytest.mark.parametrize(
    ("changes", "level", "inexact"),
    [
        ({}, "exact", ""),
        ({"least": None}, "none", ""),
        ({"most": None}, "none", ""),
        ({"undigested": "a: xml"}, "bounded", "its rows have no exact digest: a: xml"),
        ({"digest": ""}, "bounded", "its rows were only counted"),
        (
            {"unproven": ("a", "b")},
            "bounded",
            "nobody knows whether a digest sees all that is stored in a, b",
        ),
        (
            {"unlisted": 4, "chunks": 9},
            "bounded",
            "4 of 9 ranges of its blocks had their second reading late",
        ),
    ],
)
def test_how_closely_a_table_can_be_compared(
    changes: dict[str, Any], level: str, inexact: str
) -> None:
    table = Witnessed(
        schema="s", name="t", kind="r", bytes=0, counted=True, least=3, most=5, digest="1-a"
    )
    changed = replace(table, **changes)
    assert changed.level == level
    assert changed.inexact.startswith(inexact)
    assert bool(changed.inexact) == bool(inexact)
    made = Manifest(restore_time=MOMENT, tables=(changed,))
    assert made.to_document()["tables"][0]["level"] == level
    assert Manifest.from_document(made.to_document()) == made


DRILL = {"levels": {"s.own": "bounded", "s.free": "none", "s.all": "exact"}}


@pytest.mark.parametrize(
    ("name", "required", "past", "kind", "bounded", "level"),
    [
        ("t", "exact", False, "r", True, "exact"),
        ("t", "bounded", False, "r", False, "bounded"),
        ("own", "exact", False, "r", True, "bounded"),
        ("all", "bounded", False, "r", True, "exact"),
        ("free", "exact", False, "r", False, "none"),
        ("t", "none", False, "m", False, "none"),
        ("t", "exact", False, "m", True, "exact"),
        ("t", "exact", False, "m", False, "counted"),
        ("all", "none", False, "m", False, "counted"),
        ("free", "exact", False, "m", False, "none"),
        ("t", "exact", True, "r", False, "counted"),
        ("own", "counted", True, "r", False, "counted"),
        ("all", "none", True, "r", False, "counted"),
        ("free", "exact", True, "r", False, "none"),
        ("t", "none", True, "r", False, "none"),
    ],
)
def test_the_level_that_a_table_must_reach(
    name: str, required: str, past: bool, kind: str, bounded: bool, level: str
) -> None:
    count = 3 if bounded else None
    table = Witnessed(
        schema="s", name=name, kind=kind, bytes=0, counted=True, least=count, most=count
    )
    work = Work(
        copy=Login(
            host="copy.example", port=5432, database="d", user="u", password=str, ca_file=Path()
        ),
        drill=DRILL,
        plan={"restore": {"time": MOMENT if past else None, "required_level": required}},
        evidence=cast(Evidence, None),
        manifest=None,
        restore_time=clock.parse(MOMENT),
    )
    assert work.required_of(table) == level


def test_a_manifest_survives_its_bucket() -> None:
    made = Manifest(
        restore_time=MOMENT,
        schemas=("s",),
        catalogs=Catalogs(
            before=1, after=2, objects=9, horizon=7, next_xid=8, unread={"casts": "denied"}
        ),
        tables=(Witnessed(schema="s", name="t", kind="r", bytes=1, counted=True),),
        excluded=(("s.u", "unlogged"),),
    )
    assert Manifest.from_document(made.to_document()) == made
