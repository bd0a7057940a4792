"""The exact digest beside others: what it costs and what they miss: `python -m bench.digest`.

Four tables, narrow, wide, with jsonb and toasted, each digested in every form, in turns, with all
of it cached: seconds of the server's processor where the system tells them, as ratios to the digest
of the row's text. Then tables that differ in one thing, and which digests see it. The server is the
wheel's, or that of DRILLS_POSTGRES_BIN.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

import psycopg
from rich.console import Console
from rich.table import Table

from functions.aurora import content, database
from functions.aurora.chunks import Blocks, Place
from functions.aurora.chunks import chunks as cut_into
from functions.aurora.database import Session
from functions.aurora.digest import row_digest
from lab.postgres import SUPERUSER, Servers, find_binaries

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
CHUNK_BYTES: Final = 8 * 1024 * 1024

# Names and types of the columns, and the rows of a table made from a series i.
TABLES: Final = {
    "narrow": ("i::bigint AS id, i % 1000 AS a, i AS b, {at} AS made, 'x' || i AS t", 1.0),
    "wide": (
        "i::bigint AS id, i AS a1, i % 7 AS a2, i * 3::bigint AS b1, i * 5::bigint AS b2,"
        " {at} AS t1, {at} AS t2, (i * 1.01)::numeric(12, 2) AS n1,"
        " (i * 2.02)::numeric(12, 2) AS n2,"
        " i * 0.1::float8 AS f1, i * 0.2::float8 AS f2, 'name ' || i AS s1, 'street ' || i AS s2,"
        " 'city ' || i % 100 AS s3, NULL::text AS s4, i % 2 = 0 AS o1, i % 3 = 0 AS o2,"
        " date '2020-01-01' + i % 1000 AS d1, gen_random_uuid() AS u1, gen_random_uuid() AS u2",
        0.2,
    ),
    "jsonb": (
        "i::bigint AS id, {at} AS made, 'k' || i % 10 AS kind, jsonb_build_object('a', i, 'b',"
        " 'text ' || i, 'c', jsonb_build_array(1, 2, i * 1.5), 'd', i % 2 = 0) AS document",
        0.25,
    ),
    "toasted": (
        "i::bigint AS id, (SELECT string_agg(md5(i::text || j), '')"
        " FROM generate_series(1, 500) AS j) AS body",
        0.003,
    ),
}
_AT: Final = "'2026-01-01'::timestamptz + i * interval '1 second'"

HASHED: Final = "hash_record_extended(x, 0)"
OTHERS: Final = {
    "count(*)": "count(*)",
    "text: sum(hashtextextended(x::text, 0))": "sum(hashtextextended(x::text, 0))",
    "hash: sum(hash_record_extended(x, 0))": f"sum({HASHED})",
    "hash, xor": f"bit_xor({HASHED})",
    "hash, mixed by hashint8": f"sum(hashint8extended({HASHED}, 0))",
    "record_send, hashed": "sum(hash_record_extended(ROW(record_send(x)), 0))",
    "md5: sum of 64 bits of md5(x::text)": "sum(('x' || left(md5(x::text), 16))::bit(64)::bigint)",
}
"""Digests of a table, each an aggregate of its rows x."""

SHORT: Final = ("count", "text", "hash", "xor", "mixed", "send", "md5")
"""The same, in a word."""

OURS: Final = "ours"
CHUNKED: Final = f"ours, in chunks of {CHUNK_BYTES // 1024**2} MB"
TEXT: Final = "text: sum(hashtextextended(x::text, 0))"

# What differs, the columns of the two tables, and their rows.
DIFFERENCES: Final = (
    ("a row lost", "a int", "(1), (2)", "(1)"),
    ("another row", "a int", "(1), (2)", "(1), (3)"),
    ("a column swapped between two rows", "a int, b int", "(1, 2), (3, 4)", "(1, 4), (3, 2)"),
    ("twins replaced by other twins", "a int", "(1), (2), (2)", "(1), (3), (3)"),
    ("a value moved to the next column", "a text, b text", "('a', NULL)", "(NULL, 'a')"),
    ("the same letters, cut elsewhere", "a text, b text", "('ab', 'c')", "('a', 'bc')"),
    ("null, empty", "a text", "(NULL)", "('')"),
    ("a blank at the end", "a text", "('a')", "('a ')"),
    ("upper case in citext", "a citext", "('a')", "('A')"),
    ("the sign of a numeric", "a numeric", "(17)", "(-17)"),
    ("the scale of a numeric", "a numeric", "(1.0)", "(1.00)"),
    ("the 18th digit of a numeric", "a numeric", "(100000000000000001)", "(100000000000000002)"),
    ("NaN, infinity", "a numeric", "('NaN')", "('Infinity')"),
    ("0, -0", "a float8", "(0)", "('-0')"),
    ("1, 2^32", "a bigint", "(1)", "(4294967296)"),
    ("4294.967297 seconds", "a timestamp", "('2000-01-01')", "('2000-01-01 01:11:34.967297')"),
    ("1 day, 24 hours", "a interval", "('1 day')", "('24 hours')"),
    ("a sign in jsonb", "a jsonb", """('{"n": 17}')""", """('{"n": -17}')"""),
    ("a scale in jsonb", "a jsonb", "('1.0')", "('1.00')"),
    ("the bounds of an array", "a int[]", "('{1,2}')", "('[0:1]={1,2}')"),
    ("the shape of an array", "a int[]", "('{1,2}')", "('{{1},{2}}')"),
    ("a scale in a range", "a numrange", "('[1,2]')", "('[1.0,2]')"),
    ("a blank in json", "a json", "('[1]')", "('[1 ]')"),
    ("a point", "a point", "('(1,2)')", "('(1,3)')"),
)


class Desk:
    """A connection that may write, and a session of the same database whose settings are pinned."""

    def __init__(self, connection: Connection, session: Session) -> None:
        self.session, self._connection = session, connection
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS citext")

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement of ours."""
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def place(self, name: str) -> Place:
        """The expression of a table's rows."""
        [(oid,)] = self.run(f"SELECT 'public.{name}'::regclass::oid")
        columns = content.read_columns(self.session, [oid])[oid]
        types = content.read_types(self.session, {column.type for column in columns})
        sql = row_digest(columns, types).sql
        return Place(schema="public", name=name, digest=sql, key=sql)

    def chunks(self, name: str) -> list[Blocks]:
        """Its ranges of equal bytes."""
        [(oid,)] = self.run(f"SELECT 'public.{name}'::regclass::oid")
        stored = content.read_storage(self.session, [oid])[oid]
        each = stored.bytes // max(1, stored.blocks)
        return cut_into(blocks=stored.blocks, bytes_each=each, chunk_bytes=CHUNK_BYTES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the tables; 1 where ours misses a difference."""
    parser = argparse.ArgumentParser(prog="python -m bench.digest", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of narrow, %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="%(default)s")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False, width=100)
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers(folder=Path(folder), binaries=find_binaries(os.environ))
        try:
            server = servers.create("bench")
            told = database.told(
                f"host={server.sockets} port={server.port} user={SUPERUSER} dbname=postgres"
            )
            with database.open_told(told, application="bench") as session:
                session.ask("SELECT set_config('max_parallel_workers_per_gather', '0', false)")
                options = "-c max_parallel_workers_per_gather=0 -c jit=off"
                desk = Desk(server.connect(options=options), session)
                console.print(f"PostgreSQL {servers.version}, load {os.getloadavg()[0]:.1f}")
                console.print(_speeds(desk, chosen.rows, chosen.rounds))
                table, seen = differences(desk)
                console.print(table)
        finally:
            servers.stop()
    return 0 if seen[OURS] == len(DIFFERENCES) else 1


def _speeds(desk: Desk, rows: int, rounds: int) -> Table:
    for name, (columns, share) in TABLES.items():
        number = max(1, round(rows * share))
        desk.run(
            f"CREATE TABLE {name} AS SELECT {columns.format(at=_AT)}"  # noqa: S608
            f" FROM generate_series(1, {number}) AS i"
        )
        desk.run(f"VACUUM ANALYZE {name}")
    seconds = {name: _measured(desk, name, rounds) for name in TABLES}
    table = Table(title=f"Seconds of {_CLOCK}, medians of {rounds}, and ratios to the text form")
    table.add_column("digest")
    for name in TABLES:
        table.add_column(name, justify="right")
    for form in (*OTHERS, OURS, CHUNKED):
        cells = []
        for name in TABLES:
            found, text = seconds[name][form], seconds[name][TEXT]
            cells.append(f"{found:.2f}  {found / max(text, 0.001):4.2f}")
        table.add_row(form, *cells)
    return table


def _measured(desk: Desk, name: str, rounds: int) -> dict[str, float]:
    place, chunks = desk.place(name), desk.chunks(name)

    def in_chunks() -> None:
        for blocks in chunks:
            content.digest_blocks(desk.session, place, blocks)

    forms: dict[str, tuple[int, Callable[[], object]]] = {
        form: (_pid(desk), _asked(desk, f"SELECT {sql} FROM {name} AS x"))  # noqa: S608
        for form, sql in OTHERS.items()
    }
    own = desk.session.ask("SELECT pg_backend_pid()")[0][0]
    forms[OURS] = (own, lambda: content.digest_blocks(desk.session, place, Blocks()))
    forms[CHUNKED] = (own, in_chunks)
    seconds: dict[str, list[float]] = {form: [] for form in forms}
    for _ in range(rounds):
        for form, (pid, digest) in forms.items():
            began = _cpu(pid)
            digest()
            seconds[form].append(_cpu(pid) - began)
    return {form: median(each) for form, each in seconds.items()}


def _asked(desk: Desk, statement: str) -> Callable[[], object]:
    return lambda: desk.run(statement)


def differences(desk: Desk) -> tuple[Table, dict[str, int]]:
    """Which digest sees which difference; and how many each of them sees."""
    table = Table(title="Which digest sees what: x seen, . missed, ! it fails")
    table.add_column("difference")
    for name in (*SHORT, OURS):
        table.add_column(name, justify="center")
    seen = dict.fromkeys((*OTHERS, OURS), 0)
    for what, columns, rows, others in DIFFERENCES:
        desk.run("DROP TABLE IF EXISTS one, two")
        for name, values in (("one", rows), ("two", others)):
            desk.run(f"CREATE TABLE {name} ({columns})")
            desk.run(f"INSERT INTO {name} VALUES {values}")  # noqa: S608
        ours = [
            content.digest_blocks(desk.session, desk.place(n), Blocks()) for n in ("one", "two")
        ]
        marks = [*(_mark(desk, sql) for sql in OTHERS.values()), "." if ours[0] == ours[1] else "x"]
        table.add_row(what, *marks)
        for name, mark in zip(seen, marks, strict=True):
            seen[name] += mark == "x"
    table.add_section()
    table.add_row(f"seen, of {len(DIFFERENCES)}", *(str(number) for number in seen.values()))
    return table, seen


def _mark(desk: Desk, sql: str) -> str:
    try:
        one, two = (desk.run(f"SELECT {sql} FROM {name} AS x") for name in ("one", "two"))  # noqa: S608
    except psycopg.errors.UndefinedFunction:
        return "!"
    return "." if one == two else "x"


def _pid(desk: Desk) -> int:
    [(pid,)] = desk.run("SELECT pg_backend_pid()")
    return int(pid)


def _cpu(pid: int) -> float:
    """Seconds of the processor that the process has used; of the clock where nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.perf_counter()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


_CLOCK: Final = "the processor" if Path("/proc/self/stat").exists() else "the clock"

if __name__ == "__main__":
    sys.exit(main())
