"""The tables that are compared: large ones that are alike, and small ones that differ in one thing.

Each has a key, for the other tools want one. Numerics have a precision, for one of them fails over
those that have none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from bench.digest import TABLES
from lab.driven import INSTALL
from lab.postgres import Server

LARGE: Final = "large"
TENTH: Final = "tenth"
SMALL: Final = "small"
"""The databases: the large tables, the same with a tenth of the rows, and the small ones."""

READER: Final = "bench"
READER_PASSWORD: Final = "bench"  # noqa: S105 - of servers that are alone with us

SHARES: Final = {"narrow": 0.7, "wide": 0.1, "jsonb": 0.1976, "toasted": 0.0024}
"""The large tables, and which part of the rows each of them has."""

_AT: Final = "'2026-01-01'::timestamptz + i * interval '1 second'"
_FEW: Final = 50_000
_ONE: Final = 500
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What is not the same: `_FEW` rows of an id and a `v`, the copy's, and what the source has.

    The value of each row i is `value`, that of row `_ONE` is `copied`; then `source` is run on the
    source alone. `none`: nothing is different.
    """

    name: str
    what: str
    type: str
    value: str
    copied: str
    source: str
    none: bool = False


def _value(name: str, what: str, kind: str, value: str, *, source: str, copied: str) -> Difference:
    """A row whose value is another one."""
    change = f"UPDATE {name} SET v = {source} WHERE id = {_ONE}"  # noqa: S608
    return Difference(name=name, what=what, type=kind, value=value, copied=copied, source=change)


def _numbers(name: str, what: str, source: str, *, none: bool = False) -> Difference:
    """A table of numbers, of which the source has other rows."""
    return Difference(
        name=name, what=what, type="int", value="i", copied="i", source=source, none=none
    )


DIFFERENCES: Final = (
    _numbers("row_lost", "a row lost", "INSERT INTO row_lost VALUES (0, 0)"),
    _numbers("row_more", "a row too many", "DELETE FROM row_more WHERE id = 500"),
    _value(
        "letter", "a letter of a text", "text", "'text ' || i", source="'text a'", copied="'text b'"
    ),
    _numbers(
        "swapped",
        "a column swapped between two rows",
        "UPDATE swapped SET v = 1003 - v WHERE id IN (501, 502)",
    ),
    _value("empty", "NULL, the empty string", "text", "'x'", source="NULL", copied="''"),
    _value("marked", "NULL, the text <null>", "text", "'x'", source="NULL", copied="'<null>'"),
    _value("blank", "a blank at the end", "text", "'x'", source="'x '", copied="'x'"),
    _value(
        "decimal",
        "the 13th decimal, numeric(30, 15)",
        "numeric(30, 15)",
        "i * 1.5",
        source="1.0000000000001",
        copied="1.0000000000002",
    ),
    _value(
        "digits",
        "the 18th digit, numeric(30, 0)",
        "numeric(30, 0)",
        "i",
        source="100000000000000001",
        copied="100000000000000002",
    ),
    _value(
        "loose_decimal",
        "the 13th decimal, numeric without precision",
        "numeric",
        "i",
        source="1.0000000000001",
        copied="1.0000000000002",
    ),
    _value(
        "loose_digits",
        "the 18th digit, numeric without precision",
        "numeric",
        "i",
        source="12345678901234567.8",
        copied="12345678901234567.9",
    ),
    _value(
        "loose_scale",
        "1.0, 1.00, numeric without precision",
        "numeric",
        "i",
        source="1.0",
        copied="1.00",
    ),
    _value(
        "least",
        "a float, 1e-14 more",
        "float8",
        "i * 1.5",
        source="1.5",
        copied="1.50000000000001",
    ),
    _value("float", "a float, 1e-9 more", "float8", "i * 1.5", source="1.5", copied="1.500000001"),
    _value("sign", "the sign of a zero", "float8", "i", source="'-0'", copied="0"),
    _value(
        "moment",
        "a time, 3 microseconds later",
        "timestamptz",
        _AT,
        source="'2026-01-01 00:00:00.000001Z'",
        copied="'2026-01-01 00:00:00.000004Z'",
    ),
    _value(
        "scale",
        "1.0, 1.00 in jsonb",
        "jsonb",
        "jsonb_build_object('n', i)",
        source="""'{"n": 1.0}'""",
        copied="""'{"n": 1.00}'""",
    ),
    _value("day", "1 day, 24 hours", "interval", "'1 s'", source="'1 day'", copied="'24:00'"),
    _numbers(
        "elsewhere",
        "nothing: rows stored in another order",
        "UPDATE elsewhere SET v = v WHERE id = 500",
        none=True,
    ),
)


def load(source: Server, rows: int) -> None:
    """Make the three databases on the source; what the copies have not, `differ` makes later."""
    with source.connect() as connection:
        # What is loaded need not be archived: the base backup is taken afterwards.
        for setting, value in (("archive_command", "/bin/true"), ("autovacuum", "off")):
            connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        for name in (LARGE, TENTH, SMALL):
            connection.execute(f"CREATE DATABASE {name}".encode())
        role = f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}' IN ROLE pg_read_all_data"
        connection.execute(role.encode())
    _load_large(source, LARGE, rows)
    _load_large(source, TENTH, rows // 10)
    _run(source, SMALL, *(statement for each in DIFFERENCES for statement in _made(each)))
    for name in (LARGE, TENTH, SMALL):
        _run(source, name, INSTALL.read_text(), "VACUUM ANALYZE")
    with source.connect() as connection:
        while list((source.data / "pg_wal" / "archive_status").glob("*.ready")):
            time.sleep(_LOOK_SECONDS)
        connection.execute("ALTER SYSTEM RESET archive_command")
        connection.execute("SELECT pg_reload_conf()")


def differ(source: Server) -> None:
    """Let the small tables of the source be other ones than those of the copies made before."""
    _run(source, SMALL, *(each.source for each in DIFFERENCES))


def sizes(server: Server, database: str) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each large table, the latter without its indexes."""
    with server.connect(database) as connection:
        found: dict[str, tuple[int, int]] = {}
        for name in SHARES:
            row = connection.execute(
                f"SELECT (SELECT count(*) FROM {name}), pg_table_size('{name}')".encode()  # noqa: S608
            ).fetchone()
            assert row is not None
            found[name] = (int(row[0]), int(row[1]))
    return found


def _load_large(source: Server, database: str, rows: int) -> None:
    for name, share in SHARES.items():
        columns = TABLES[name][0].format(at=_AT)
        number = max(1, round(rows * share))
        _run(
            source,
            database,
            f"CREATE TABLE {name} AS SELECT {columns} FROM generate_series(1, {number}) AS i",  # noqa: S608
            f"ALTER TABLE {name} ADD PRIMARY KEY (id)",
        )


def _made(each: Difference) -> tuple[str, str]:
    value = f"(CASE WHEN i = {_ONE} THEN {each.copied} ELSE {each.value} END)::{each.type}"
    return (
        f"CREATE TABLE {each.name} (id int PRIMARY KEY, v {each.type})",
        f"INSERT INTO {each.name} SELECT i, {value} FROM generate_series(1, {_FEW}) AS i",  # noqa: S608
    )


def _run(server: Server, database: str, *statements: str) -> None:
    with server.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())
