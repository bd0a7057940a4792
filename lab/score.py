"""A score: one restore, a copy of it for each damage, and Verify on every copy.

    source, written all the time -> witness -> restore
        -> for each damage: copy, damage, Verify, and beside it a count of all rows
        -> for each healthy copy: something that harms nothing, Verify

A damage of the restore itself has a restore of its own. One that is done to files is done to two
copies: the pages of one carry checksums, those of the other do not.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from lab import score_source, seed
from lab.damage import Damage, UnknownDamage, list_damages
from lab.postgres import Server
from lab.score_healthy import HARMLESS, Harmless
from lab.score_outcome import Found, Healthy, Score
from lab.score_source import Estate

AT_ONCE = 2
"""Copies that are verified at the same time."""

Counts = Mapping[str, int | None]
"""The rows of every table; None where they cannot be counted."""

_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind IN ('r', 'm') AND relnamespace::regnamespace::text = ANY (%s)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bases:
    """What copies are made of: restored, and stopped; with checksums and without."""

    with_checksums: Server
    without: Server
    usual: bool
    counts: Counts

    def of(self, *, checksums: bool) -> Server:
        """The one whose pages carry checksums, or do not."""
        return self.with_checksums if checksums else self.without


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A damage, or something harmless, for a copy whose pages carry checksums or do not."""

    checksums: bool
    damage: Damage | None = None
    harmless: Harmless | None = None


def choose(names: Sequence[str]) -> list[Damage]:
    """The damages of a copy that have these names; all of them where none is named.

    Raises UnknownDamage.
    """
    known = {damage.name: damage for damage in list_damages() if damage.kind == "aurora"}
    for name in names:
        if name not in known:
            raise UnknownDamage(
                f"there is no damage {name!r} of a copy: expected one of {', '.join(known)}"
            )
    return [damage for name, damage in known.items() if not names or name in names]


def run(
    folder: Path,
    damages: Sequence[Damage],
    *,
    harmless: Sequence[Harmless] = HARMLESS,
    binaries: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Score:
    """Find out what Verify says of each damage, and of healthy copies.

    Raises PostgresError, WriterFailed, and what witness and Verify raise.
    """
    began = time.monotonic()
    estate = score_source.make(folder, binaries, tell=tell, environment=os.environ)
    try:
        tell("restoring it")
        bases = _bases(estate)
        cases = [*_of_damages(damages, bases), *_of_harmless(harmless, bases)]
        tell(f"verifying {len(cases)} copies, {AT_ONCE} at once")
        outcomes = _all(estate, bases, cases, tell)
    finally:
        estate.close()
    return Score(
        version=estate.copies.version,
        found=[each for each in outcomes if isinstance(each, Found)],
        healthy=[each for each in outcomes if isinstance(each, Healthy)],
        seconds=time.monotonic() - began,
    )


def _bases(estate: Estate) -> Bases:
    restored = estate.restore("restored")
    restored.stop()
    copies = estate.copies
    usual = copies.has_checksums(restored)
    other = copies.with_checksums("other", of=restored, wanted=not usual)
    # Counted on a copy: reading leaves traces on pages.
    counted = copies.duplicate("counted", of=restored)
    counted.start()
    counts = count(counted)
    copies.remove(counted.name)
    return Bases(
        with_checksums=restored if usual else other,
        without=other if usual else restored,
        usual=usual,
        counts=counts,
    )


def _of_damages(damages: Sequence[Damage], bases: Bases) -> Iterator[Case]:
    for damage in damages:
        for checksums in (False, True) if damage.at_rest else (bases.usual,):
            yield Case(damage=damage, checksums=checksums)


def _of_harmless(harmless: Sequence[Harmless], bases: Bases) -> Iterator[Case]:
    for each in harmless:
        for checksums in (False, True) if each.with_both else (bases.usual,):
            yield Case(harmless=each, checksums=checksums)


def _all(
    estate: Estate, bases: Bases, cases: Sequence[Case], tell: Callable[[str], None]
) -> list[Found | Healthy]:
    """The outcome of every case, in their order."""
    done: dict[int, Found | Healthy] = {}
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = {
            pool.submit(_one, estate, bases, case, f"copy-{number}"): number
            for number, case in enumerate(cases)
        }
        try:
            for future in as_completed(asked):
                done[asked[future]] = future.result()
                if len(done) % 20 == 0:
                    tell(f"{len(done)} of {len(cases)} are verified")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            estate.copies.end()
            raise
    return [done[number] for number in range(len(cases))]


def _one(estate: Estate, bases: Bases, case: Case, name: str) -> Found | Healthy:
    """What Verify says of one copy."""
    began = time.monotonic()
    copies = estate.copies
    try:
        server = _copy(estate, bases, case, name)
        if case.damage:
            copies.damage(server, case.damage, seed.DATABASE)
        elif case.harmless:
            case.harmless.act(server)
        outcome = estate.judge(server)
        counted = count(server, bases.counts) if case.damage else {}
    finally:
        copies.remove(name)
    seconds = time.monotonic() - began
    failed = tuple(dict.fromkeys(name for name, _ in outcome.red()))
    not_run = tuple(dict.fromkeys(name for name, _ in outcome.unsure()))
    if case.damage:
        return Found(
            damage=case.damage,
            checksums=case.checksums,
            failed=failed,
            not_run=not_run,
            counted=counted != bases.counts,
            seconds=seconds,
        )
    assert case.harmless is not None
    alarms = [f"{name} of {target}" for name, target in (*outcome.red(), *outcome.unsure())]
    what = f"{case.harmless.what}{'' if case.checksums else ', no checksums'}"
    return Healthy(what=what, alarms=tuple(alarms), seconds=seconds)


def _copy(estate: Estate, bases: Bases, case: Case, name: str) -> Server:
    """A copy that runs: of the one restore, unless the damage is one of the restore."""
    damage = case.damage
    if damage and damage.restore_time(estate.restore_time) != estate.restore_time:
        return estate.restore(name, damage)
    server = estate.copies.duplicate(name, of=bases.of(checksums=case.checksums))
    server.start()
    return server


def count(server: Server, known: Counts | None = None) -> Counts:
    """The rows of every table of the company, or of those that are known, one by one."""
    with server.connect(seed.DATABASE) as connection:
        names = list(known or ())
        if known is None:
            found = connection.execute(_TABLES, [list(seed.SCHEMAS)]).fetchall()
            names = sorted(row[0] for row in found)
    return {name: _rows(server, name) for name in names}


def _rows(server: Server, name: str) -> int | None:
    # A connection of its own: after a damaged page there may be none left.
    with contextlib.suppress(psycopg.Error), server.connect(seed.DATABASE) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*name.split(".")))
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else None
    return None
