"""What the turn left is read late: how much of it is listed, and that it proves nothing exact."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, cast

import pytest

from functions.aurora import witness_second
from functions.aurora.database import Session
from functions.aurora.digest import Digest
from functions.aurora.manifest import Table, Witnessed
from functions.aurora.passing import Pass, Read
from functions.aurora.sandwich import Chunk, Sandwich, Version
from functions.aurora.witness_turn import Turned
from functions.aurora.witness_work import Work
from tests.unit.round_readings import read_first
from tests.unit.rounds import Cluster, Reader
from tests.unit.witness_samples import a_work

TURNED = Turned(
    name="abc",
    restore_time="2026-11-02T05:00:00Z",
    before="b",
    after="a",
    own_from=9000,
    next_xid=9100,
    turned_at="2026-11-02T05:00:01Z",
    server={},
)
ROOM = 6


@pytest.fixture
def work() -> Work:
    made = a_work(schemas=["s"])
    names = ("listed", "t")
    base = Table(schema="s", name="t", oid=1, kind="r", bytes=0, columns=(), excluded="")
    made.put("tables", [asdict(replace(base, name=name)) for name in names])
    digest: dict[str, Any] = {"sql": "digest", "name": "1-a", "unproven": [], "refused": ""}
    made.put("digests", {"side": "", "tables": {f"s.{name}": digest for name in names}})
    return made


def listed(count: int) -> Sandwich:
    """The sandwich of a chunk in which so many versions came."""
    one = Digest(rows=1, first=1, second=1)
    chunk = Chunk(start=0, end=None, horizon=8000, next_xid=8000, old=Digest(), rows=0)
    came = tuple(Version(f"(0,{line})", 8001, one) for line in range(1, count + 1))
    return Sandwich(chunk=chunk, left=Digest(), came=came)


def read_late(work: Work, already: int) -> list[Witnessed]:
    """Both tables, as the manifest has them: of one the turn has listed so many versions."""
    cluster = Cluster.holding(9000, (8990, 0), (8991, 1))
    first = read_first(cluster)
    for _ in range(3):
        cluster.write(1)
    sandwich = listed(already)
    done = Read(going=Pass(finished=True, oid=1, filenode=1), chunks=(sandwich.chunk,))
    work.put("chunks-0", {"s.listed": done.to_document(), "s.t": first.to_document()})
    work.put("rows-abc-0", {"s.listed": {"rows": [sandwich.to_row()]}})
    session = cast(Session, Reader(cluster))
    place, _ = witness_second.read(work, session, TURNED, groups=1, place=0, going=Pass())
    assert place == 1
    found = witness_second.witnessed(work, TURNED, 1)
    return [
        Witnessed(schema="s", name=name, kind="r", counted=True, **found[f"s.{name}"])
        for name in ("listed", "t")
    ]


@pytest.mark.parametrize(("already", "omitted"), [(0, 0), (2, 0), (3, 3), (ROOM, 3), (99, 3)])
def test_what_a_file_of_evidence_lists_has_a_limit(
    work: Work, monkeypatch: pytest.MonkeyPatch, already: int, omitted: int
) -> None:
    monkeypatch.setattr(witness_second, "MOST_VERSIONS", ROOM)
    read_late(work, already)
    _, busy = map(Sandwich.from_row, work.get("rows-abc-0")["s.t"]["rows"])
    assert (len(busy.came), busy.omitted) == (3 - omitted, omitted)


def test_what_is_read_late_is_never_exact(work: Work) -> None:
    in_time, late = read_late(work, 2)
    assert (in_time.level, in_time.unlisted) == ("exact", 0)
    assert (late.level, late.unlisted, late.chunks) == ("bounded", 2, 2)
    assert late.inexact.startswith("2 of 2 ranges of its blocks had their second reading late")
    # Not even where nothing has happened since.
    quiet, _ = map(Sandwich.from_row, work.get("rows-abc-0")["s.t"]["rows"])
    assert (quiet.left, quiet.listed, quiet.proves) == (quiet.chunk.old, False, False)
