"""The sample company, and the process that keeps writing to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from lab import processes, seed
from lab.postgres import Server
from lab.rds import Rds
from lab.seed.writer import WriterProcess
from tests.lab_parts.conftest import SCALE, Copies, eventually, value

ROOT = Path(__file__).parents[2]

QUIET = (
    "albedo_orders.countries",
    "albedo_orders.customers",
    "albedo_orders.invoices",
    "albedo_orders.products",
    "albedo_orders.shipments",
    "nigredo_leads.campaigns",
    "nigredo_leads.consents",
    "nigredo_leads.import_batches",
    "nigredo_leads.private_notes",
    "nigredo_leads.segments",
    "nigredo_leads.sources",
    "rubedo_ledger.accounts",
    "rubedo_ledger.exchange_rates",
    "rubedo_ledger.measurements",
)


@pytest.fixture
def company(server: Server) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with server.connect(seed.DATABASE) as connection:
        yield connection


Company = psycopg.Connection[tuple[object, ...]]


def row_counts(company: Company) -> dict[str, int]:
    names = [
        str(row[0])
        for row in company.execute(
            "SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p', 'm')"
            " AND NOT relispartition AND relnamespace::regnamespace::text = ANY (%s)",
            [list(seed.SCHEMAS)],
        )
    ]
    return {name: value(company, f"SELECT count(*) FROM {name}") for name in names}  # noqa: S608


class TestCompany:
    def test_is_large_and_varied(self, company: Company) -> None:
        counts = row_counts(company)
        assert len(counts) >= 20
        fixed = 4_300  # of tables that do not grow with the scale
        assert sum(counts.values()) == pytest.approx(fixed + 205_000 * SCALE, rel=0.05)
        kinds = company.execute(
            "SELECT array_agg(DISTINCT relkind::text), array_agg(DISTINCT relpersistence::text)"
            " FROM pg_class WHERE relnamespace::regnamespace::text = ANY (%s)",
            [list(seed.SCHEMAS)],
        ).fetchone()
        assert kinds is not None
        # tables, partitioned, indexes, of partitioned, sequences, views, materialized, composite
        assert set("rpiISvmc") <= set(kinds[0])  # type: ignore[arg-type]
        assert set(kinds[1]) == {"p", "u"}  # type: ignore[arg-type]
        types = value(
            company,
            "SELECT count(DISTINCT atttypid) FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE attnum > 0 AND relkind = 'r'"
            " AND relnamespace::regnamespace::text = ANY (%s)",
            list(seed.SCHEMAS),
        )
        assert types >= 30

    def test_has_what_an_operator_installs(self, company: Company) -> None:
        role = "SELECT count(*) FROM pg_roles WHERE rolname = 'backup_drills_verifier'"
        assert value(company, f"{role} AND rolcanlogin AND rolbypassrls") == 1
        assert value(company, "SELECT pg_has_role('backup_drills_verifier', 'rds_iam', 'MEMBER')")
        beats = "SELECT string_agg(position, ' ') FROM backup_drills.heartbeat"
        assert value(company, beats) == "beat"

    def test_hides_rows_from_its_application(self, company: Company, server: Server) -> None:
        notes = "SELECT count(*) FROM nigredo_leads.private_notes"
        with server.connect(seed.DATABASE, user=seed.APPLICATION) as application:
            seen = value(application, notes)
        assert seen < value(company, notes)
        assert seen == value(company, f"{notes} WHERE NOT confidential")

    def test_has_values_that_are_stored_out_of_line(self, company: Company) -> None:
        toast = "SELECT reltoastrelid FROM pg_class WHERE oid = 'albedo_orders.invoices'::regclass"
        assert value(company, f"SELECT pg_relation_size(({toast}))") > 0

    def test_comes_back_without_its_unlogged_rows(
        self, copies: Copies, rds: Rds, company: Company
    ) -> None:
        lines = "SELECT count(*) FROM nigredo_leads.import_lines"
        copy = rds.cluster(copies.available()).server
        assert copy is not None
        with copy.connect(seed.DATABASE) as restored:
            assert value(company, lines) > 0
            assert value(restored, lines) == 0
            assert row_counts(restored) == row_counts(company) | {"nigredo_leads.import_lines": 0}


class TestWriter:
    @pytest.fixture
    def writer(self, server: Server, tmp_path: Path) -> Iterator[WriterProcess]:
        process = WriterProcess(server, folder=tmp_path)
        yield process
        process.stop()
        assert processes.recorded(tmp_path) == []
        assert (tmp_path / "writer.log").read_text() == ""

    def test_writes_all_the_time_and_leaves_the_quiet_tables(
        self,
        writer: WriterProcess,
        company: Company,
    ) -> None:
        activity = (
            "SELECT json_build_array(xact_rollback, tup_inserted, tup_updated, tup_deleted)"
            " FROM pg_stat_database WHERE datname = 'fibonacci'"
        )
        before, counts = value(company, activity), row_counts(company)
        ids = "SELECT max(id) FROM nigredo_leads.leads"
        newest = value(company, ids)
        time.sleep(2.5)
        eventually(
            lambda: all(a > b for a, b in zip(value(company, activity), before, strict=True))
        )
        assert value(company, ids) > newest
        assert value(
            company,
            "SELECT max(created_at) > now() - interval '2 seconds' FROM nigredo_leads.leads",
        )
        after = row_counts(company)
        assert {name: after[name] for name in QUIET} == {name: counts[name] for name in QUIET}
        assert writer.running

    def test_uses_several_connections_and_subtransactions(
        self,
        writer: WriterProcess,
        company: Company,
    ) -> None:
        assert writer.running
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer'"
        eventually(lambda: value(company, sessions) == 4)

        def nested() -> bool:
            """Row versions whose writer was a subtransaction: two ids in one transaction."""
            return bool(
                value(
                    company,
                    "SELECT count(*) FROM nigredo_leads.lead_notes AS note"
                    " JOIN nigredo_leads.leads AS lead ON lead.id = note.lead_id"
                    " WHERE note.author = 'writer' AND note.xmin <> lead.xmin",
                )
            )

        eventually(nested)

    def test_comes_back_when_the_server_does(
        self,
        writer: WriterProcess,
        server: Server,
    ) -> None:
        server.stop()
        server.start()
        ids = "SELECT max(id) FROM nigredo_leads.leads"
        with server.connect(seed.DATABASE) as company:
            newest = value(company, ids)
            eventually(lambda: value(company, ids) > newest)
        assert writer.running

    def test_ends_when_its_parent_is_killed(self, server: Server, tmp_path: Path) -> None:
        parent = subprocess.run(
            [
                sys.executable,
                "-c",
                "import json, os, signal, sys\n"
                "from pathlib import Path\n"
                "from types import SimpleNamespace\n"
                "from lab.seed.writer import WriterProcess\n"
                "server = SimpleNamespace(**json.loads(sys.argv[1]))\n"
                "WriterProcess(server, folder=Path(sys.argv[2]))\n"
                "os.kill(os.getpid(), signal.SIGKILL)\n",
                json.dumps({"sockets": str(server.sockets), "port": server.port}),
                str(tmp_path),
            ],
            cwd=ROOT,
            env=os.environ,
            check=False,
        )
        assert parent.returncode == -signal.SIGKILL
        [left] = processes.recorded(tmp_path)
        eventually(lambda: not psutil.pid_exists(left.process_id))
