"""The command compare, between two real databases: what it finds, and what it says."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench import digest
from cli import compare, comparing
from cli.compare_sides import Side, TookTooLong
from cli.compare_work import Options
from cli.comparing import Compared, Kind, Standing
from cli.parser import commands
from functions.aurora import content, database
from functions.aurora.chunks import Blocks
from functions.aurora.database import BadConnectionString, told
from lab.postgres import Server, Servers, find_binaries
from tests.cli.conftest import ROOT, Ran
from tests.cli.databases import EQUAL, SCHEMA, Databases, table
from tests.unit.test_docs import rows

PAGE = ROOT / "docs" / "compare.md"
SYSTEM = Path("/usr/lib/postgresql/15/bin")
SECRET = "open-sesame-17"  # noqa: S105 - the test's own

DAMAGES: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "a row lost": ("DELETE FROM shop.orders WHERE id = 777", "shop.orders", (0, 1, 0)),
    "a row too many": (
        "INSERT INTO shop.orders VALUES (0, 1, 0, '', NULL, NULL, NULL)",
        "shop.orders",
        (0, 0, 1),
    ),
    "one for another": (
        "DELETE FROM shop.orders WHERE id = 5; INSERT INTO shop.orders (id, price) VALUES (-5, 1)",
        "shop.orders",
        (0, 1, 1),
    ),
    "a sign": ("UPDATE shop.orders SET price = -price WHERE id = 9", "shop.orders", (1, 0, 0)),
    "a null": ("UPDATE shop.orders SET note = NULL WHERE id = 9", "shop.orders", (1, 0, 0)),
    "minus zero": ("UPDATE shop.orders SET ratio = '-0' WHERE id = 9", "shop.orders", (1, 0, 0)),
    "a sign within": (
        "UPDATE shop.orders SET data = jsonb_set(data, '{n}', '-9') WHERE id = 9",
        "shop.orders",
        (1, 0, 0),
    ),
    "a scale within": (
        "UPDATE shop.orders SET data = jsonb_set(data, '{n}', '9.0') WHERE id = 9",
        "shop.orders",
        (1, 0, 0),
    ),
    "a time": (
        "UPDATE shop.orders SET at = at + interval '4294.967297 s' WHERE id = 9",
        "shop.orders",
        (1, 0, 0),
    ),
    "a mood": ("UPDATE shop.orders SET mood = 'sad' WHERE id = 20000", "shop.orders", (1, 0, 0)),
    "a swap": (
        "UPDATE shop.orders AS o SET note = p.note FROM shop.orders AS p"
        " WHERE (o.id, p.id) IN ((10, 11), (11, 10))",
        "shop.orders",
        (2, 0, 0),
    ),
    "a toasted byte": (
        "UPDATE shop.long SET body = overlay(body PLACING 'z' FROM 19000) WHERE id = 7",
        "shop.long",
        (1, 0, 0),
    ),
    "twins for twins": (
        "UPDATE shop.keyless SET a = 1000 WHERE ctid IN (SELECT ctid FROM shop.keyless"
        " WHERE a = 1 AND b = 1 LIMIT 2)",
        "shop.keyless",
        (0, 2, 2),
    ),
    "an odd name": (
        'UPDATE shop."Odd ""%s {name}" SET "{}" = \'\' WHERE "50 %" = 2',
        'shop.Odd "%s {name}',
        (1, 0, 0),
    ),
    "a partition's row": ("DELETE FROM shop.parts_old WHERE id = 3", "shop.parts_old", (0, 1, 0)),
    "a truncated table": ("TRUNCATE shop.long", "shop.long", (0, 40, 0)),
    "a stale view": (
        "DELETE FROM shop.orders WHERE id = 1; REFRESH MATERIALIZED VIEW shop.sums;"
        "INSERT INTO shop.orders SELECT 1, 1.01, 0, 'note 1',"
        """ '{"n": 1, "s": "x1"}', '2026-01-01 00:00:01+00', 'glad'""",
        "shop.sums",
        (0, 1, 1),
    ),
}
"""Statements that damage a copy, the table that must be found, its rows changed, lost and new."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    servers = Servers(folder=tmp_path_factory.mktemp("servers"), binaries=find_binaries({}))
    try:
        made = servers.create("source")
        with made.connect() as connection:
            connection.execute("ALTER SYSTEM SET autovacuum = off")  # it takes transaction ids
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE DATABASE source")
            connection.execute("CREATE DATABASE before")
            connection.execute("CREATE DATABASE after")
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'".encode())
            connection.execute("GRANT pg_read_all_data TO reader")
        with made.connect("source") as connection:
            connection.execute(SCHEMA.encode())
        yield made
    finally:
        servers.stop()


@pytest.fixture
def databases(server: Server, capsys: pytest.CaptureFixture[str]) -> Databases:
    return Databases(server, capsys)


def unequal(document: dict[str, Any]) -> set[str]:
    return {t["table"] for t in document["tables"] if t["standing"] not in ("equal", "left out")}


def test_a_copy_that_is_the_same(databases: Databases) -> None:
    databases.copy()
    document = databases.told(status=0)
    standings = [t["standing"] for t in document["tables"]]
    assert (standings.count("equal"), standings.count("left out")) == (EQUAL, 2)
    assert {t["level"] for t in document["tables"] if t["standing"] == "equal"} == {"exact"}
    assert not document["moving"]
    assert document["answer"] == "equal"
    assert table(document, "shop.orders")["copy_rows"] == 20000
    shown = databases.compare()
    assert shown.status == 0
    assert f"Equal: {EQUAL} tables equal (23,103 rows), 2 left out" in shown.out
    assert "shop.cache: unlogged table" in shown.out


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damage_is_found_in_its_table_and_nowhere_else(databases: Databases, name: str) -> None:
    damage, target, (changed, lost, new) = DAMAGES[name]
    databases.copy(damage)
    document = databases.told(status=1)
    assert unequal(document) == {target}
    found = table(document, target)
    assert found["standing"] == "different"
    assert found["rows"] == {"changed": changed, "only_source": lost, "only_copy": new}
    assert len(found["places"]) == min(10, changed + lost + new)


def test_a_damage_is_placed(databases: Databases) -> None:
    databases.copy("UPDATE shop.orders SET note = 'other' WHERE id = 12345")
    [(before,)] = databases.run("source", "SELECT ctid::text FROM shop.orders WHERE id = 12345")
    [(after,)] = databases.run("copy", "SELECT ctid::text FROM shop.orders WHERE id = 12345")
    ran = databases.compare("--chunk-megabytes", "1", "--tables", "shop.orders")
    assert ran.status == 1
    assert "changed   " in ran.out
    assert before in ran.out
    assert after in ran.out
    assert "note 12345" not in ran.out + ran.err


@pytest.mark.parametrize("few", [20_000, 1], ids=["at once", "by buckets"])
def test_rows_that_lie_elsewhere_are_the_same(
    databases: Databases, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "FEW_ROWS", few)
    databases.copy(
        "CREATE TABLE shop.sorted AS SELECT * FROM shop.orders ORDER BY id DESC;"
        "TRUNCATE shop.orders; INSERT INTO shop.orders SELECT * FROM shop.sorted;"
        "DROP TABLE shop.sorted"
    )
    words = ["--chunk-megabytes", "1", "--tables", "shop.orders"]
    document = databases.told(*words, status=0)
    found = table(document, "shop.orders")
    assert (found["standing"], found["elsewhere"], found["level"]) == ("equal", True, "exact")
    assert "the same rows, in other places" in databases.compare(*words).out
    databases.run("copy", "UPDATE shop.orders SET price = price + 1 WHERE id IN (1, 9000, 20000)")
    databases.run("copy", "DELETE FROM shop.orders WHERE id = 4")
    found = table(databases.told(*words, status=1), "shop.orders")
    assert found["rows"] == {"changed": 3, "only_source": 1, "only_copy": 0}
    assert not found["partial"]


def test_of_more_rows_than_are_held_at_once_a_part_is_counted(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "FEW_ROWS", 100)
    monkeypatch.setattr(comparing, "MOST_ROWS", 1000)
    databases.copy("UPDATE shop.orders SET note = note || '.'")
    found = table(databases.told(status=1), "shop.orders")
    assert found["partial"]
    assert 0 < found["rows"]["changed"] <= 500
    assert found["rows"]["only_source"] == found["rows"]["only_copy"] == 0
    assert "more rows differ than were counted" in databases.compare().out


changes = st.dictionaries(
    st.integers(1, 60), st.sampled_from(["change", "lose", "move", "double"]), max_size=20
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    changes=changes, new=st.integers(0, 3), few=st.sampled_from([1, 20_000]), keyed=st.booleans()
)
def test_what_is_counted_is_what_was_done(
    databases: Databases, changes: dict[int, str], new: int, few: int, keyed: bool
) -> None:
    """Changed, lost, new, written again in another place; with a key and without."""
    for name in ("before", "after"):
        databases.run(
            name,
            "DROP TABLE IF EXISTS public.model; CREATE TABLE public.model (id int, x text);"
            "INSERT INTO public.model SELECT i, repeat('x', 500) || i"
            " FROM generate_series(1, 60) AS i",
        )
        if keyed:
            databases.run(name, "ALTER TABLE public.model ADD PRIMARY KEY (id)")
    done = Counter(changes.values())
    statements = {
        "change": "UPDATE public.model SET x = x || '.' WHERE id = {}",
        "lose": "DELETE FROM public.model WHERE id = {}",
        "move": "UPDATE public.model SET x = x WHERE id = {}",
        "double": "INSERT INTO public.model SELECT id + {}, x FROM public.model WHERE id = {}",
    }
    for number, what in changes.items():
        shift = [1000, number] if what == "double" else [number]
        databases.run("after", statements[what].format(*shift))
    for number in range(new):
        databases.run("after", f"INSERT INTO public.model VALUES ({5000 + number}, '')")  # noqa: S608
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "FEW_ROWS", few)
        [found] = compared(databases, "public.model")
    added = done["double"] + new
    wanted = {
        Kind.CHANGED: done["change"] if keyed else 0,
        Kind.ONLY_SOURCE: done["lose"] + (0 if keyed else done["change"]),
        Kind.ONLY_COPY: added + (0 if keyed else done["change"]),
    }
    assert {kind: found.counts.get(kind, 0) for kind in Kind} == wanted
    assert (found.standing is Standing.EQUAL) == (not any(wanted.values()))


def compared(databases: Databases, *targets: str) -> list[Compared]:
    """Tables of the databases before and after, a block at a time."""
    sides = [
        Side(option, databases.dsn(name), connections=2, seconds=30)
        for option, name in (("source", "before"), ("copy", "after"))
    ]
    with closing(sides[0]), closing(sides[1]):
        options = Options(tables=targets, chunk_bytes=8192)
        return list(compare.compare(*sides, options, Console(quiet=True)).results)


def test_tables_and_columns_of_one_side_alone(databases: Databases) -> None:
    databases.copy(
        "DROP TABLE shop.empty; CREATE TABLE shop.extra (id int);"
        "ALTER TABLE shop.keyless ALTER b TYPE bigint;"
        "ALTER TABLE shop.long ALTER body SET NOT NULL; REFRESH MATERIALIZED VIEW shop.never"
    )
    document = databases.told(status=1)
    assert (document["only_source"], document["only_copy"]) == (["shop.empty"], ["shop.extra"])
    assert unequal(document) == {"shop.keyless", "shop.long", "shop.never"}
    assert table(document, "shop.keyless")["level"] == "none"
    assert "b bigint" in table(document, "shop.keyless")["detail"]
    assert "body text not null" in table(document, "shop.long")["detail"]
    assert table(document, "shop.never")["detail"] == "populated on one side only"


def test_a_type_that_nobody_knows_is_no_proof(databases: Databases) -> None:
    for name in ("before", "after"):
        databases.run(
            name,
            "CREATE EXTENSION IF NOT EXISTS seg; DROP TABLE IF EXISTS public.vague;"
            "CREATE TABLE public.vague (id int, x seg);"
            "INSERT INTO public.vague VALUES (1, '1 .. 2')",
        )
    sides = {"source": databases.dsn("before"), "copy": databases.dsn("after")}
    found = table(databases.told("--tables", "public.vague", status=2, **sides), "public.vague")
    assert (found["standing"], found["level"]) == ("equal", "unproven")
    assert found["unproven_columns"] == ["x"]
    assert "of the type of x nobody knows" in databases.compare(**sides).out
    databases.run("after", "UPDATE public.vague SET x = '1.0 .. 2'")
    databases.told("--tables", "public.vague", status=1, **sides)


def test_a_side_that_is_written_to_has_moved(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "SETTLE_SECONDS", 0.1)
    databases.copy()
    asked = content.digest_blocks
    once = threading.Lock()

    def writing(*given: Any) -> Any:
        if given[1].name == "orders" and once.acquire(blocking=False):
            databases.run("source", "UPDATE shop.orders SET note = note WHERE id = 20000")
            databases.run("source", "UPDATE shop.orders SET note = 'moved' WHERE id = 20000")
        return asked(*given)

    monkeypatch.setattr(content, "digest_blocks", writing)
    try:
        document = databases.told("--tables", "shop.orders", status=2)
    finally:
        databases.run("source", "UPDATE shop.orders SET note = 'note 20000' WHERE id = 20000")
    found = table(document, "shop.orders")
    assert (found["standing"], found["level"]) == ("moved", "none")
    assert "source" in document["moving"]
    assert document["answer"] == "not comparable in part"


@pytest.mark.parametrize("attempt", range(4))
def test_rows_that_only_change_their_places_are_never_taken_for_damage(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    monkeypatch.setattr(compare, "SETTLE_SECONDS", 0.1)
    ended = threading.Event()
    written = threading.Event()
    rng = random.Random(attempt)  # noqa: S311 - the same rows each time

    def write() -> None:
        with databases.server.connect("after") as connection:
            while not ended.is_set():
                number = rng.randint(1, 20000)
                connection.execute("SELECT pg_stat_force_next_flush()")
                connection.execute("UPDATE public.busy SET note = note WHERE id = %s", [number])
                written.set()

    for name in ("before", "after"):
        databases.run(
            name,
            "DROP TABLE IF EXISTS public.busy, public.calm; CREATE TABLE public.busy AS"
            " SELECT i AS id, repeat('x', 100) || i AS note FROM generate_series(1, 20000) AS i;"
            "ALTER TABLE public.busy ADD PRIMARY KEY (id);"
            "CREATE TABLE public.calm AS SELECT * FROM public.busy",
        )
    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(30)
        found = compared(databases, "public.busy", "public.calm")
    finally:
        ended.set()
        writer.join()
    assert [each.standing for each in found] == [Standing.MOVED, Standing.EQUAL]


def test_a_table_that_is_rewritten_meanwhile_has_moved(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "SETTLE_SECONDS", 0.1)
    databases.copy()
    asked = content.digest_blocks
    once = threading.Lock()

    def rewriting(*given: Any) -> Any:
        if given[1].name == "keyless" and once.acquire(blocking=False):
            databases.run("copy", "VACUUM FULL shop.keyless")
        return asked(*given)

    monkeypatch.setattr(content, "digest_blocks", rewriting)
    found = table(databases.told("--tables", "shop.keyless", status=2), "shop.keyless")
    assert found["standing"] == "moved"
    assert "rewritten" in found["detail"]


def test_what_may_not_be_read_is_not_compared(databases: Databases) -> None:
    databases.copy(
        "ALTER TABLE shop.long ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY few ON shop.long USING (true)"
    )
    document = databases.told(status=2, copy=databases.dsn("copy", "reader"))
    assert unequal(document) == {"shop.long"}
    found = table(document, "shop.long")
    assert found["standing"] == "not compared"
    assert "row-level security" in found["detail"]


def test_a_page_that_cannot_be_read_is_a_difference(databases: Databases) -> None:
    databases.run("postgres", "DROP DATABASE IF EXISTS copy")
    databases.run("postgres", "CREATE DATABASE copy TEMPLATE source STRATEGY file_copy")
    [(path,)] = databases.run("copy", "SELECT pg_relation_filepath('shop.keyless')")
    with (databases.server.data / path).open("r+b") as file:
        file.seek(12)  # where a page says how much of it is free
        file.write(b"\xff\xff\xff\xff")
    found = table(databases.told("--tables", "shop.keyless", status=1), "shop.keyless")
    assert (found["standing"], found["level"]) == ("different", "none")
    assert "invalid page in block 0" in found["detail"]


def test_a_statement_that_takes_too_long_is_cut_in_two(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.copy("UPDATE shop.orders SET note = 'x' WHERE id = 3")
    asked = Side.ask
    cut = []

    def slow(side: Side, question: Any) -> Any:
        blocks = [cell.cell_contents for cell in question.__closure__ or ()]
        wide = [b for b in blocks if isinstance(b, Blocks) and _width(b) > 50]
        if wide:
            cut.append(wide[0])
            raise TookTooLong("it takes too long")
        return asked(side, question)

    monkeypatch.setattr(Side, "ask", slow)
    document = databases.told("--tables", "shop.orders", status=1)
    assert cut
    assert table(document, "shop.orders")["rows"]["changed"] == 1


def _width(blocks: Blocks) -> int:
    return (1000 if blocks.end is None and blocks.start == 0 else blocks.end or 0) - blocks.start


def test_statements_are_ended_by_the_server_in_time(databases: Databases) -> None:
    databases.copy()
    side = Side("source", databases.dsn("source"), connections=1, seconds=0.2)
    try:
        with pytest.raises(Exception, match="57014"):
            side.ask(
                lambda session: session.all("limit_statement", milliseconds="1") and _sleep(session)
            )
    finally:
        side.close()


def _sleep(session: Any) -> None:
    session.ask("SELECT pg_sleep(30)")


def test_a_comparison_goes_on_from_its_file(databases: Databases, tmp_path: Path) -> None:
    databases.copy("DELETE FROM shop.orders WHERE id = 5")
    file = tmp_path / "compare.jsonl"
    words = ["--resume", str(file), "--chunk-megabytes", "1"]
    first = databases.told(*words, status=1)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:4], lines[4][:20]]))
    second = databases.told(*words, status=1)
    for document in (first, second):
        del document["seconds"], document["sentence"]
    assert first == second
    assert len(file.read_text().splitlines()) == len(lines) + 1
    databases.run("copy", "DELETE FROM shop.orders WHERE id = 6; SELECT pg_stat_force_next_flush()")
    third = databases.told(*words, status=1)
    assert table(third, "shop.orders")["rows"]["only_source"] == 2
    databases.copy()
    other = databases.compare(*words, source=databases.dsn("postgres"))
    assert "of another comparison" in cannot_run(other)


@pytest.mark.parametrize("connections", ["1", "5"])
def test_any_number_of_connections(databases: Databases, connections: str) -> None:
    databases.copy("DELETE FROM shop.orders WHERE id = 5")
    document = databases.told("--connections", connections, "--chunk-megabytes", "1", status=1)
    assert unequal(document) == {"shop.orders"}


def test_nothing_is_written_and_nothing_stays_open(databases: Databases) -> None:
    databases.copy()
    [(before,)] = databases.run("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())")
    databases.told(status=0)
    [(after,)] = databases.run("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())")
    assert before == after
    deadline = time.monotonic() + 10
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'backup-drills%'"
    while databases.run("postgres", open_) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_another_major_version_digests_alike(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not SYSTEM.is_dir():
        pytest.skip(f"no PostgreSQL in {SYSTEM}")
    servers = Servers(folder=tmp_path_factory.mktemp("older"), binaries=SYSTEM)
    try:
        older = servers.create("older")
        with older.connect() as connection:
            connection.execute(SCHEMA.encode())
        other = Databases(older, databases.capture).dsn("postgres")
        document = databases.told(status=0, copy=other)
        assert document["source"]["version"] != document["copy"]["version"]
        with older.connect() as connection:
            connection.execute("UPDATE shop.orders SET mood = 'sad' WHERE id = 4")
        assert unequal(databases.told(status=1, copy=other)) == {"shop.orders"}
    finally:
        servers.stop()


def test_it_can_be_stopped(databases: Databases) -> None:
    databases.copy()
    words = ["--source", databases.dsn("source"), "--copy", databases.dsn("copy")]
    with databases.server.connect("copy") as holder, holder.transaction():
        holder.execute("LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "compare", *words, "--tables", "shop.orders"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        deadline = time.monotonic() + 30
        while databases.run("postgres", waiting) == [(0,)]:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.decode()) == (130, "stopped\n")


def cannot_run(ran: Ran) -> str:
    assert ran.status == 3, ran
    assert not ran.out
    assert ran.err.startswith("could not run: ")
    assert ran.err.count("\n") == 1
    return ran.err


def test_what_cannot_run(databases: Databases) -> None:
    databases.copy()
    assert "it is the database of --source" in cannot_run(
        databases.compare(copy=databases.dsn("source"))
    )
    assert "--tables: shop.nowhere" in cannot_run(databases.compare("--tables", "shop.nowhere"))
    assert "no table on either side" in cannot_run(databases.compare("--schemas", "nowhere"))
    assert "all of them are left out" in cannot_run(databases.compare("--tables", "shop.cache"))
    assert "--copy: " in cannot_run(databases.compare(copy=databases.dsn("absent")))
    assert "--connections: '0': expected" in cannot_run(databases.compare("--connections", "0"))


def test_a_password_is_never_told(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    databases.copy()
    host, port = databases.server.address
    databases.run("postgres", "ALTER ROLE reader PASSWORD 'another'")
    try:
        refused = [
            f"postgresql://reader:{SECRET}@{host}:{port}/copy",
            f"host={host} port={port} dbname=copy user=reader password={SECRET}",
        ]
        for text in refused:
            assert SECRET not in cannot_run(databases.compare(copy=text))
        bare = f"postgresql://reader@{host}:{port}/copy"
        monkeypatch.setenv("PGPASSWORD", SECRET)
        assert "password authentication failed" in (err := cannot_run(databases.compare(copy=bare)))
        assert SECRET not in err
        monkeypatch.delenv("PGPASSWORD")
        kept = tmp_path / "pgpass"
        kept.write_text(f"{host}:{port}:*:reader:{SECRET}\n")
        kept.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(kept))
        assert SECRET not in cannot_run(databases.compare(copy=bare))
        databases.run("postgres", f"ALTER ROLE reader PASSWORD '{SECRET}'")
        for words in ((), ("--json",)):
            ran = databases.compare("--tables", "shop.orders", *words, copy=bare)
            assert ran.status == 0, ran.err
            assert SECRET not in ran.out + ran.err
        service = tmp_path / "service.conf"
        service.write_text(
            f"[restored]\nhost={host}\nport={port}\ndbname=copy\nuser=reader\npassword={SECRET}\n"
        )
        monkeypatch.setenv("PGSERVICEFILE", str(service))
        ran = databases.compare("--tables", "shop.orders", copy="service=restored")
        assert ran.status == 0, ran.err
        assert SECRET not in ran.out + ran.err
        assert "copy service restored" in ran.out
    finally:
        databases.run("postgres", f"ALTER ROLE reader PASSWORD '{SECRET}'")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://reader:open@sesame-17@db/copy",
        "postgresql://reader:open/sesame-17@db/copy",
        "postgresql://reader:open?sesame-17@db/copy",
        "postgresql://reader:open#sesame-17@db/copy",
        "open sesame-17",
        "host=db password=open sesame-17",
        "host=db port=sesame-17",
        "postgresql://reader@example.com:open@sesame-17/copy",
    ],
)
def test_nothing_of_a_connection_string_that_cannot_be_read_is_told(text: str) -> None:
    try:
        shown = told(text).shown
    except BadConnectionString as error:
        shown = str(error)
    assert "sesame" not in shown
    assert "open" not in shown


def test_every_option_and_exit_status_is_on_the_page() -> None:
    names = {name for action in commands()["compare"]._actions for name in action.option_strings}
    assert {row[0].split()[0] for row in rows(PAGE, "option")} == names - {"-h", "--help"}
    assert [row[0] for row in rows(PAGE, "exit status")] == ["0", "1", "2", "3", "130"]


def test_what_other_digests_miss_is_on_the_page(databases: Databases) -> None:
    databases.run("postgres", "DROP DATABASE IF EXISTS bench")
    databases.run("postgres", "CREATE DATABASE bench")
    with (
        database.open_told(told(databases.dsn("bench")), application="test") as session,
        databases.server.connect("bench") as connection,
    ):
        _, seen = digest.differences(digest.Desk(connection, session))
    documented = rows(PAGE, "digest")
    assert {row[0]: int(row[1]) for row in documented} == seen
    assert seen[digest.OURS] == len(digest.DIFFERENCES)
    assert f"sees of {len(digest.DIFFERENCES)}" in PAGE.read_text()
