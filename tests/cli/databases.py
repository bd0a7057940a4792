"""Two databases to compare: one real server, the copy made from the source as its template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from cli.__main__ import main
from lab.postgres import SUPERUSER, Server
from tests.cli.conftest import ROOT, Ran

SCHEMA = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'glad');
CREATE TABLE shop.orders (
    id bigint PRIMARY KEY, price numeric(12, 2) NOT NULL, ratio float8, note text, data jsonb,
    at timestamptz, mood shop.mood
);
INSERT INTO shop.orders
    SELECT i, i * 1.01, 0, 'note ' || i, jsonb_build_object('n', i, 's', 'x' || i),
           '2026-01-01'::timestamptz + i * interval '1 second', 'glad'
    FROM generate_series(1, 20000) AS i;
CREATE TABLE shop.keyless (a int, b int);
INSERT INTO shop.keyless SELECT i % 100, i % 7 FROM generate_series(1, 3000) AS i;
CREATE TABLE shop."Odd ""%s {name}" ("50 %" int UNIQUE NOT NULL, "{}" text);
INSERT INTO shop."Odd ""%s {name}" VALUES (1, 'a'), (2, NULL);
CREATE TABLE shop.empty (id int);
CREATE TABLE shop.long (id int PRIMARY KEY, body text);
ALTER TABLE shop.long ALTER body SET STORAGE EXTERNAL;
INSERT INTO shop.long SELECT i, repeat('y', 20000) FROM generate_series(1, 40) AS i;
CREATE TABLE shop.parts (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE shop.parts_old PARTITION OF shop.parts
    FOR VALUES FROM ('2020-01-01') TO ('2026-01-01');
CREATE TABLE shop.parts_new PARTITION OF shop.parts DEFAULT;
INSERT INTO shop.parts SELECT i, date '2025-12-01' + i FROM generate_series(1, 60) AS i;
CREATE UNLOGGED TABLE shop.cache (id int);
CREATE MATERIALIZED VIEW shop.sums AS SELECT count(*) AS n FROM shop.orders;
CREATE MATERIALIZED VIEW shop.never AS SELECT 1 AS n WITH NO DATA;
"""

DOCUMENT = json.loads((ROOT / "docs" / "compare.schema.json").read_text())

EQUAL = 8
"""Tables with rows of their own, empty ones too."""


@dataclass
class Databases:
    """The two, on one server."""

    server: Server
    capture: pytest.CaptureFixture[str]

    def dsn(self, name: str, user: str = SUPERUSER) -> str:
        return f"host={self.server.sockets} port={self.server.port} dbname={name} user={user}"

    def run(self, name: str, statements: str) -> list[tuple[Any, ...]]:
        with self.server.connect(name) as connection:
            cursor = connection.execute(statements.encode())
            return cursor.fetchall() if cursor.description else []

    def copy(self, *damages: str) -> None:
        """A copy of the source that is as it is, but for these statements."""
        self.run("postgres", "DROP DATABASE IF EXISTS copy")
        self.run("postgres", "CREATE DATABASE copy TEMPLATE source")
        for damage in damages:
            self.run("copy", damage)

    def compare(self, *words: str, source: str = "", copy: str = "") -> Ran:
        """The command, whatever it says."""
        self.capture.readouterr()
        sides = ["--source", source or self.dsn("source"), "--copy", copy or self.dsn("copy")]
        status = main(["compare", *sides, *words])
        out, err = self.capture.readouterr()
        return Ran(status=status, out=out, err=err)

    def told(self, *words: str, status: int, **sides: str) -> dict[str, Any]:
        """Its document."""
        ran = self.compare("--json", *words, **sides)
        assert ran.status == status, ran.err + ran.out
        document: dict[str, Any] = json.loads(ran.out)
        jsonschema.validate(document, DOCUMENT)
        return document


def table(document: dict[str, Any], target: str) -> dict[str, Any]:
    """What it says of a table."""
    [found] = [each for each in document["tables"] if each["table"] == target]
    return found
