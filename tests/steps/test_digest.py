"""The digest sees all that is stored, and nothing else: `record_image_eq` is the judge."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.aurora import content, database
from functions.aurora.chunks import Blocks, Place
from functions.aurora.database import Session
from functions.aurora.digest import Digest, row_digest
from tests.steps.company import DATABASE, Company

TYPES = """
CREATE SCHEMA digested;
SET search_path = digested, public;
CREATE EXTENSION citext SCHEMA public;
CREATE EXTENSION hstore SCHEMA public;
CREATE EXTENSION ltree SCHEMA public;
CREATE EXTENSION cube SCHEMA public;
CREATE EXTENSION seg SCHEMA public;
CREATE TYPE mood AS ENUM ('sad', 'fine', 'glad');
CREATE DOMAIN price AS numeric(20, 4) CHECK (VALUE IS NULL OR VALUE <> 666);
CREATE DOMAIN label AS citext;
CREATE TYPE inner_pair AS (a numeric, b mood);
CREATE TYPE pair AS (a text, "b %" inner_pair, c xml, d char(4));
CREATE TYPE simple AS (a int, b text);
CREATE DOMAIN paired AS pair;
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE simplerange AS RANGE (subtype = simple);
"""

NOT_EVERYWHERE = (
    "CREATE COLLATION digested.nocase"
    " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE EXTENSION vector SCHEMA public",
)

POOL: dict[str, Sequence[str]] = {
    "int2": ("0", "1", "-1", "32767"),
    "int4": ("0", "1", "-1", "65536"),
    "int8": ("0", "1", "-1", "4294967295", "4294967296", "-4294967296", "8589934594"),
    "oid": ("0", "1", "4294967295"),
    "bool": ("true", "false"),
    '"char"': ("a", "b", ""),
    "float4": ("0", "-0", "1", "NaN", "Infinity", "1.0000001"),
    "float8": ("0", "-0", "1", "1.0000000000000002", "NaN", "Infinity", "-Infinity"),
    "numeric": (
        *("0", "0.0", "1", "1.0", "1.00", "-1", "NaN", "Infinity", "-Infinity", "1e40"),
        *("0.1234567890123", "0.1234567890124", "100000000000000001", "100000000000000002"),
    ),
    "money": ("0", "1.01", "-1.01", "42949672.96"),
    "text": ("", " ", "a", "A", "a ", "\u00e9", "e\u0301"),
    "varchar": ("", "a", "a "),
    'text COLLATE "digested"."nocase"': ("a", "A", "a "),
    "char(6)": ("a", "b", ""),
    "bpchar": ("a", "b", ""),
    "name": ("a", "A"),
    "citext": ("a", "A", "a "),
    "bytea": ("", "\\x00", "\\x0000", "\\x61"),
    "date": ("2026-01-01", "infinity", "-infinity", "0044-03-15 BC"),
    "time": ("00:00", "24:00", "01:11:34.967297", "00:00:00.000001"),
    "timetz": ("00:00+00", "01:00+01", "02:00+02"),
    "timestamp": (
        *("2000-01-01", "2000-01-01 01:11:34.967297", "2000-01-01 00:00:00.000001"),
        *("infinity", "-infinity"),
    ),
    "timestamptz": ("2000-01-01+00", "2000-01-01 01:11:34.967297+00", "2026-01-01+00"),
    "interval": ("1 day", "24 hours", "30 days", "1 month", "-1 day", "0"),
    "uuid": ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"),
    "json": ("1", "1 ", "1.0", '{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a":1, "b": 2}', "null"),
    "jsonb": (
        *("1", "-1", "1.0", "[1]", '"1"', "null", '{"a": 1}', '{"a": -1}', '{"a": 1.0}'),
        *('{"a": [1, {"b": null}]}', "[]", "{}", '""'),
    ),
    "jsonpath": ("$.a", "strict $.a", "$.b"),
    "xml": (
        "<a/>",
        "<a></a>",
        '<?xml version="1.0"?><a/>',
        '<?xml version="1.0" encoding="UTF-8"?><a/>',
    ),
    "bit(4)": ("0000", "0001", "1000"),
    "varbit": ("", "0", "00", "1"),
    "inet": ("10.0.0.1", "10.0.0.1/24", "10.0.0.1/16", "::1", "::ffff:10.0.0.1"),
    "cidr": ("10.0.0.0/24", "10.0.0.0/16"),
    "macaddr": ("08:00:2b:01:02:03", "08:00:2b:01:02:04"),
    "macaddr8": ("08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:06"),
    "point": ("(0,0)", "(-0,0)", "(0,0.0000001)", "(1,2)"),
    "line": ("{1,2,3}", "{1,2,4}"),
    "lseg": ("[(0,0),(1,1)]", "[(1,1),(0,0)]"),
    "box": ("(1,1),(0,0)", "(2,1),(0,0)"),
    "path": ("[(0,0),(1,1)]", "((0,0),(1,1))"),
    "polygon": ("((0,0),(1,1),(1,0))", "((0,0),(1,0),(1,1))"),
    "circle": ("<(0,0),1>", "<(0,0),2>"),
    "tsvector": ("a", "a:1", "a:1A", "a b", ""),
    "tsquery": ("a", "a:*", "a & b", "a | b", "a <-> b"),
    "tid": ("(0,1)", "(1,0)"),
    "xid": ("1", "2"),
    "xid8": ("1", "4294967296"),
    "pg_lsn": ("0/1", "1/0"),
    "pg_snapshot": ("1:1:", "1:2:", "1:3:2"),
    "regclass": ("pg_class", "pg_type"),
    "int4range": ("empty", "[1,2)", "(,2)", "[1,)", "(,)"),
    "numrange": ("[1,2)", "[1.0,2)", "(1,2)", "[1,2]", "empty"),
    "tstzrange": ("[2000-01-01,2000-01-02)", "[2000-01-01,2000-01-02]"),
    "int4multirange": ("{}", "{[1,2)}", "{[1,2),[4,5)}"),
    "nummultirange": ("{[1,2)}", "{[1.0,2)}"),
    "int2vector": ("1 2", "2 1", ""),
    "oidvector": ("1 2", "2 1"),
    "mood": ("sad", "fine", "glad"),
    "price": ("1", "1.5", "-1"),
    "label": ("a", "A"),
    "inner_pair": ("(,)", "(1,sad)", "(1.0,sad)", "(1,glad)"),
    "simple": ("(,)", "(1,)", '(1,"")', "(1,a)", "(2,a)"),
    "pair": (
        "(,,,)",
        '("",,,)',
        '(,"(,)",,)',
        '(a,"(1,sad)",<a/>,x)',
        '(a,"(1.0,sad)",<a/>,x)',
        '(a,"(1,fine)",<a/>,x)',
        '(a,"(1,sad)","<?xml version=""1.0""?><a/>",x)',
        '(a,"(1,sad)",<a/>,y)',
    ),
    "paired": ("(,,,)", '(a,"(1,sad)",<a/>,x)', '(a,"(-1,sad)",<a/>,x)'),
    "textrange": ("[a,b)", "[A,b)", "(a,b)", "empty", "(,b)"),
    "simplerange": ('["(1,a)","(1,b)")', '["(1,a)","(1,c)")', "empty", '("(1,a)",)'),
    "hstore": ("", "a=>1", "a=>NULL", 'a=>"NULL"', "a=>1, b=>2"),
    "ltree": ("a", "a.b", "A"),
    "vector(2)": ("[1,2]", "[1,3]", "[-0,2]", "[0,2]"),
    "sparsevec(3)": ("{1:1}/3", "{2:1}/3"),
    "cube": ("(1)", "(1),(2)", "(1),(1.5)", "(1,2)"),
}
"""Values of each type, no two of which are stored alike."""

NO_ARRAY = {"int2vector", "oidvector"}
GOLDEN = 13289078582825272009
"""What the digests of POOL come to, on every version."""

UNSETTLED = """
SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German, DMY'; SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape'; SET extra_float_digits = -3; SET xmlbinary = 'hex';
SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET quote_all_identifiers = on
"""
"""Settings that change how values are shown."""

NOT_KEPT = {"xml", "pair", "paired", "regclass", "vector(2)", "sparsevec(3)"}
"""Types that not every build has, or whose values are of one cluster."""

ROWS = ("int8", "numeric", "text", "jsonb", "float8")
"""The types of a table's columns, whose rows are made at random from POOL."""


@dataclass(frozen=True)
class Desk:
    """Where tables are made, and digested."""

    company: Company
    session: Session
    connection: psycopg.Connection[tuple[object, ...]]

    def run(self, statement: str) -> list[tuple[object, ...]]:
        cursor = self.connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def place(self, name: str, *, key: Sequence[str] = ()) -> Place:
        """A table, and the expressions of its digests."""
        [(oid,)] = self.run(f"SELECT 'digested.{name}'::regclass::oid")
        assert isinstance(oid, int)
        columns = content.read_columns(self.session, [oid])[oid]
        types = content.read_types(self.session, {column.type for column in columns})
        keys = [column for column in columns if column.name in key]
        values = [column for column in columns if column.name not in key]
        made = row_digest(values, types)
        assert not made.unproven
        key_digest = row_digest(keys or columns, types).sql
        return Place(schema="digested", name=name, digest=made.sql, key=key_digest)

    def whole(self, name: str) -> Digest:
        with self.session.snapshot(seconds=60):
            return content.digest_blocks(self.session, self.place(name), Blocks())

    def numbered(self, name: str) -> list[int]:
        """The digests of the rows, by a column n that numbers them."""
        rows = self.run(f"SELECT ctid::text FROM digested.{name} ORDER BY n")  # noqa: S608
        with self.session.snapshot(seconds=60):
            found = content.list_rows(
                self.session,
                self.place(name, key=["n"]),
                Blocks(),
                buckets=1,
                chosen=[0],
                since=3,
            )
        by_place = {row.ctid: row.digest for row in found}
        return [by_place[str(ctid)] for (ctid,) in rows]


@pytest.fixture(scope="module")
def desk(company: Company) -> Iterator[Desk]:
    company.run(TYPES)
    for statement in NOT_EVERYWHERE:
        with contextlib.suppress(psycopg.Error):
            company.run(statement)
    login = company.login(company.source)
    with (
        company.source.connect(DATABASE) as connection,
        database.connect(login, application="test") as session,
    ):
        connection.execute("SET search_path = digested, public")
        connection.execute("SET lc_monetary = 'C'")
        yield Desk(company, session, connection)
    company.run("DROP SCHEMA digested CASCADE")


def digest_of(desk: Desk, name: str) -> tuple[object, ...]:
    """The same by hand, in a session that has other settings."""
    place = desk.place(name)
    [found] = desk.run(
        f"SELECT count(*), sum(hashint4extended(1, {place.digest})),"  # noqa: S608
        f" sum(hashint4extended(2, {place.digest})) FROM {name} AS x"
    )
    return found


def fill(desk: Desk, name: str, type_name: str, values: Sequence[str]) -> None:
    """A table of numbered values, SQL expressions, the last of them null."""
    rows = ", ".join(f"({number}, {value})" for number, value in enumerate([*values, "NULL"]))
    desk.run(f"DROP TABLE IF EXISTS {name}")
    try:
        desk.run(f"CREATE TABLE {name} (n int, x {type_name})")
        desk.run(f"INSERT INTO {name} VALUES {rows}")  # noqa: S608 - the test's own
    except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedObject) as error:
        pytest.skip(f"this build has no such type: {error}")


def stored_alike(desk: Desk, name: str) -> set[tuple[int, int]]:
    """The pairs of rows whose values are the same byte by byte, as PostgreSQL says."""
    pairs = desk.run(
        f"SELECT a.n, b.n FROM {name} a, {name} b"  # noqa: S608
        " WHERE a.n < b.n AND record_image_eq(ROW(a.x), ROW(b.x))"
    )
    return {(int(str(a)), int(str(b))) for a, b in pairs}


def digested_alike(digests: Sequence[int]) -> set[tuple[int, int]]:
    numbers = range(len(digests))
    return {(a, b) for a in numbers for b in numbers if a < b and digests[a] == digests[b]}


def literal(value: str, type_name: str) -> str:
    return f"'{value.replace(chr(39), chr(39) * 2)}'::{type_name}"


def bare(type_name: str) -> str:
    return type_name.partition(" COLLATE")[0]


@pytest.mark.parametrize("type_name", POOL)
def test_two_values_have_one_digest_only_if_they_are_stored_alike(
    desk: Desk, type_name: str
) -> None:
    values = [literal(value, bare(type_name)) for value in POOL[type_name]]
    fill(desk, "one", type_name, [*values, values[0]])
    assert stored_alike(desk, "one") == {(0, len(values))}
    assert digested_alike(desk.numbered("one")) == {(0, len(values))}


@pytest.mark.parametrize("type_name", [name for name in POOL if name not in NO_ARRAY])
def test_the_same_of_arrays(desk: Desk, type_name: str) -> None:
    base = bare(type_name)
    a, b = (literal(value, base) for value in POOL[type_name][:2])
    array = f"{base}[]"
    values = [
        *(f"ARRAY[{value}]" for value in (literal(v, base) for v in POOL[type_name])),
        *(f"ARRAY[{a}, {b}]", f"ARRAY[{b}, {a}]", f"ARRAY[[{a}], [{b}]]", f"'{{}}'::{array}"),
        *(f"ARRAY[{a}, NULL]", f"ARRAY[NULL, {a}]", f"ARRAY[NULL]::{array}"),
        *(f"array_fill({a}, ARRAY[1], ARRAY[0])", f"array_fill({a}, ARRAY[1], ARRAY[7])"),
    ]
    fill(desk, "many", type_name.replace(base, array, 1), [*values, values[0]])
    assert digested_alike(desk.numbered("many")) == {(0, len(values))}


def test_what_the_hashes_of_the_types_do_not_see(desk: Desk) -> None:
    blind = """
    SELECT hash_record_extended(ROW(1::numeric), 0) = hash_record_extended(ROW(-1::numeric), 0),
           hash_record_extended(ROW(1::int8), 0) = hash_record_extended(ROW(4294967296), 0),
           hash_record_extended(ROW('00:00'::time), 0)
               = hash_record_extended(ROW('01:11:34.967297'::time), 0),
           hash_record_extended(ROW('{"a": 1}'::jsonb), 0)
               = hash_record_extended(ROW('{"a": -1.0}'::jsonb), 0),
           hash_record_extended(ROW('NaN'::numeric), 0)
               = hash_record_extended(ROW('Infinity'::numeric), 0),
           'a'::char(3)::text = 'a'::text
    """
    assert desk.run(blind) == [(True,) * 6]


def test_it_is_the_same_whatever_the_settings_of_a_session_are(desk: Desk) -> None:
    for type_name in ("timestamptz", "interval", "bytea", "float8", "money", "jsonb", "inner_pair"):
        fill(desk, "shown", type_name, [literal(value, type_name) for value in POOL[type_name]])
        found = desk.whole("shown")
        desk.run(UNSETTLED)
        assert digest_of(desk, "shown") == (found.rows, found.first, found.second)
        desk.run("RESET ALL; SET search_path = digested, public; SET lc_monetary = 'C'")


def test_it_is_the_same_on_every_version(desk: Desk) -> None:
    total = Digest()
    for type_name in POOL:
        if "nocase" in type_name or type_name in NOT_KEPT:
            continue
        fill(desk, "kept", type_name, [literal(value, type_name) for value in POOL[type_name]])
        total += desk.whole("kept")
    assert (total.first + total.second) % 2**64 == GOLDEN


def test_types_that_nobody_knows_are_named(desk: Desk) -> None:
    fill(desk, "vague", "seg", ["'1 .. 2'::seg", "'1.0 .. 2'::seg"])
    [(oid,)] = desk.run("SELECT 'vague'::regclass::oid")
    assert isinstance(oid, int)
    columns = content.read_columns(desk.session, [oid])[oid]
    types = content.read_types(desk.session, {column.type for column in columns})
    made = row_digest(columns, types)
    assert made.unproven == ("x",)
    [(digests,)] = desk.run(f"SELECT count(DISTINCT {made.sql}) FROM vague AS x")  # noqa: S608
    assert digests == 3


def test_names_and_numbers_of_columns(desk: Desk) -> None:
    desk.run(
        """DROP TABLE IF EXISTS odd, nothing, broad;
        CREATE TABLE odd ("50 %" int, "{brace} ""q" text, "%(s)s" int, gone int);
        ALTER TABLE odd DROP COLUMN gone; INSERT INTO odd VALUES (1, 'a', 2), (2, NULL, 1);
        CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES"""
    )
    many = ", ".join(
        f"c{number} {('int8', 'text', 'float4')[number % 3]}" for number in range(1500)
    )
    desk.run(f"CREATE TABLE broad ({many}); INSERT INTO broad (c1499) VALUES (1.5)")  # noqa: S608
    assert [desk.whole(name).rows for name in ("odd", "nothing", "broad")] == [2, 1, 1]
    before = desk.whole("broad")
    desk.run("UPDATE broad SET c1499 = -1.5")
    assert desk.whole("broad") != before


def test_a_column_that_was_added_is_as_if_it_had_been_stored(desk: Desk) -> None:
    desk.run(
        """DROP TABLE IF EXISTS fast, slow;
        CREATE TABLE fast (n int); INSERT INTO fast VALUES (1), (2);
        ALTER TABLE fast ADD gone int, ADD x numeric DEFAULT 1.50; ALTER TABLE fast DROP gone;
        CREATE TABLE slow (n int, x numeric); INSERT INTO slow VALUES (2, 1.50), (1, 1.50)"""
    )
    assert desk.whole("fast") == desk.whole("slow")


numbers = st.tuples(*(st.integers(0, len(POOL[name])) for name in ROWS))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(numbers, min_size=1, max_size=6), data=st.data())
def test_tables_have_one_digest_only_if_they_hold_the_same_rows(
    desk: Desk, rows: list[tuple[int, ...]], data: st.DataObject
) -> None:
    """Rows in another order are the same; a swap between two, or another pair of twins, is not."""
    others = data.draw(st.permutations(rows))
    match data.draw(st.sampled_from(["same", "swap", "twins", "change", "lose"])):
        case "swap":
            place = data.draw(st.integers(0, len(ROWS) - 1))
            a, b = others[0], others[-1]
            others[0] = (*a[:place], b[place], *a[place + 1 :])
            others[-1] = (*b[:place], a[place], *b[place + 1 :])
        case "twins":
            rows = [*rows, rows[0], rows[0]]
            twin = data.draw(numbers)
            others = [*others, twin, twin]
        case "change":
            others[0] = data.draw(numbers)
        case "lose":
            others.pop()
    write(desk, "left_side", rows)
    write(desk, "right_side", others)
    same = desk.whole("left_side") == desk.whole("right_side")
    assert same == (Counter(rows) == Counter(others))


def write(desk: Desk, name: str, rows: Sequence[tuple[int, ...]]) -> None:
    """A table of these rows: each a value of POOL, or null, by column."""
    columns = ", ".join(f"c{place} {type_name}" for place, type_name in enumerate(ROWS))
    desk.run(f"CREATE TABLE IF NOT EXISTS {name} ({columns}); TRUNCATE {name}")
    for row in rows:
        values = [
            literal(POOL[type_name][number], type_name) if number < len(POOL[type_name]) else "NULL"
            for type_name, number in zip(ROWS, row, strict=True)
        ]
        desk.run(f"INSERT INTO {name} VALUES ({', '.join(values)})")  # noqa: S608
