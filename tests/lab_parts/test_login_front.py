"""The door before a server, met by a real client: who gets in, who does not, what they are told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pg8000.native
import psycopg
import pytest

from lab import seed
from lab.login_front import Gate, LoginFront, LoginRefused
from lab.postgres import Server
from lab.rds import Rds
from lab.rds_records import ServedCluster
from lab.tokens import Credential
from tests.lab_parts.conftest import REGION, VERIFIER, Copies, Policies, eventually, sdk, value

ROLE = "lab_verifier"
PAM = f'FATAL:  PAM authentication failed for user "{ROLE}"'


@pytest.fixture(scope="module", autouse=True)
def _roles(rds: Rds) -> Iterator[None]:
    server = next(iter(rds.backend.clusters.values())).server
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'a password' IN ROLE rds_iam")
        connection.execute("CREATE ROLE locked NOLOGIN IN ROLE rds_iam")
    yield
    with server.connect() as connection:
        connection.execute(f"DROP ROLE {ROLE}, locked")


@pytest.fixture(autouse=True)
def _allowing(policies: Policies) -> Iterator[None]:
    policies.asked.clear()
    yield
    policies.allow = True


@pytest.fixture(scope="module")
def keys(endpoint: str) -> dict[str, str]:
    """The credentials of the verifier's role, as a function has them."""
    found = sdk("sts", endpoint).assume_role(RoleArn=VERIFIER, RoleSessionName="verifier")
    return {
        "aws_access_key_id": found["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": found["Credentials"]["SecretAccessKey"],
        "aws_session_token": found["Credentials"]["SessionToken"],
    }


@pytest.fixture
def token(source: ServedCluster, keys: dict[str, str]) -> Callable[..., str]:
    """Makes tokens; as they should be but for what the test says."""

    def make(region: str = REGION, **changes: Any) -> str:
        client = boto3.client("rds", region_name=region, **(keys | changes.pop("keys", {})))
        told = {"DBHostname": "127.0.0.1", "Port": source.front.port, "DBUsername": ROLE} | changes
        return str(client.generate_db_auth_token(**told))

    return make


@pytest.fixture
def connect(rds: Rds, source: ServedCluster) -> Callable[..., psycopg.Connection[Any]]:
    def connect(password: str, **options: Any) -> psycopg.Connection[Any]:
        told = {
            "host": "127.0.0.1",
            "port": source.front.port,
            "dbname": seed.DATABASE,
            "user": ROLE,
            "sslmode": "verify-full",
            "sslrootcert": str(rds.authority.certificate),
            "connect_timeout": 5,
        }
        return psycopg.connect(password=password, autocommit=True, **(told | options))

    return connect


class TestToken:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_lets_the_role_in(
        self,
        host: str,
        connect: Callable[..., Any],
        token: Callable[..., str],
        policies: Policies,
        source: ServedCluster,
    ) -> None:
        with connect(token(DBHostname=host), host=host) as connection:
            assert value(connection, "SELECT current_user") == ROLE
            assert connection.pgconn.ssl_in_use
        resource_id = source.db_cluster_resource_id
        resource = f"arn:aws:rds-db:{REGION}:123456789012:dbuser:{resource_id}/{ROLE}"
        assert policies.asked == [(VERIFIER, "rds-db:connect", resource)]

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"DBHostname": "example.com"}, "its endpoint is example.com"),
            ({"Port": 5432}, "its endpoint is 127.0.0.1:5432"),
            ({"DBUsername": "somebody"}, "its DBUser is somebody"),
            ({"region": "eu-west-1"}, "its region is eu-west-1"),
            ({"keys": {"aws_access_key_id": "AKIAUNKNOWN"}}, "does not know its access key"),
            ({"keys": {"aws_secret_access_key": "guessed"}}, "its signature is wrong"),
            ({"keys": {"aws_session_token": "old"}}, "its session token is not that of"),
            ({"keys": {"aws_session_token": None}}, "its session token is not that of"),
        ],
    )
    def test_that_is_wrong_is_refused(
        self,
        changes: dict[str, Any],
        reason: str,
        connect: Callable[..., Any],
        token: Callable[..., str],
        source: ServedCluster,
        policies: Policies,
    ) -> None:
        with pytest.raises(psycopg.OperationalError, match=PAM):
            connect(token(**changes))
        assert reason in source.front.refusals[-1][1]
        assert policies.asked == []

    @pytest.mark.parametrize("tampering", ["DBUser=somebody", "X-Amz-Expires=9000", "Action=x"])
    def test_that_was_changed_is_refused(
        self, tampering: str, connect: Callable[..., Any], token: Callable[..., str]
    ) -> None:
        name = tampering.partition("=")[0]
        parts = [tampering if part.startswith(name) else part for part in token().split("&")]
        host, _, first = parts[0].partition("?")
        parts[0] = f"{host}?{tampering if first.startswith(name) else first}"
        with pytest.raises(psycopg.OperationalError, match=PAM):
            connect("&".join(parts))

    @pytest.mark.parametrize("password", ["", "a password", "127.0.0.1:1/?X", "%%%?=&=", "é"])
    def test_no_password_is_one(self, password: str, connect: Callable[..., Any]) -> None:
        """A member of rds_iam has no other way in."""
        with pytest.raises(psycopg.OperationalError, match=f"{PAM}|no password supplied"):
            connect(password)

    def test_of_a_role_without_the_permission_is_refused(
        self,
        connect: Callable[..., Any],
        token: Callable[..., str],
        policies: Policies,
        source: ServedCluster,
    ) -> None:
        policies.allow = False
        with pytest.raises(psycopg.OperationalError, match=PAM):
            connect(token())
        assert "may not rds-db:connect" in source.front.refusals[-1][1]

    def test_is_refused_while_iam_logins_are_off(
        self, client: Any, connect: Callable[..., Any], token: Callable[..., str], rds: Rds
    ) -> None:
        name = next(iter(rds.backend.clusters))
        switch = {"DBClusterIdentifier": name, "ApplyImmediately": True}
        client.modify_db_cluster(EnableIAMDatabaseAuthentication=False, **switch)
        try:
            with pytest.raises(psycopg.OperationalError, match=PAM):
                connect(token())
        finally:
            client.modify_db_cluster(EnableIAMDatabaseAuthentication=True, **switch)
        connect(token()).close()

    def test_of_a_role_that_may_not_log_in_is_refused_by_the_server(
        self, connect: Callable[..., Any], token: Callable[..., str]
    ) -> None:
        with pytest.raises(
            psycopg.OperationalError, match=r'FATAL:  role "locked" is not permitted to log in'
        ):
            connect(token(DBUsername="locked"), user="locked")

    def test_for_a_database_that_is_not_there(
        self, connect: Callable[..., Any], token: Callable[..., str]
    ) -> None:
        with pytest.raises(psycopg.OperationalError, match=r'database "x" does not exist'):
            connect(token(), dbname="x")


class TestTokenAndClock:
    @pytest.fixture
    def gate(self, server: Server, rds: Rds) -> Gate:
        return Gate(
            server=server,
            region=REGION,
            account="123456789012",
            resource_id="cluster-X",
            iam_enabled=lambda: True,
            credential_of=rds.credential,
            authorise=lambda *_: True,
        )

    @pytest.mark.parametrize("minutes", [-4, 0, 14])
    def test_is_good_for_a_quarter_of_an_hour(
        self, gate: Gate, token: Callable[..., str], minutes: int
    ) -> None:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        gate.admit(user=ROLE, password=token(Port=1), port=1, now=now)

    @pytest.mark.parametrize("minutes", [-6, 15, 60])
    def test_and_no_longer(self, gate: Gate, token: Callable[..., str], minutes: int) -> None:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        with pytest.raises(LoginRefused) as caught:
            gate.admit(user=ROLE, password=token(Port=1), port=1, now=now)
        assert caught.value.sqlstate == "28000"
        assert "not valid now" in caught.value.reason

    def test_ends_with_the_session_of_its_key(self, gate: Gate, token: Callable[..., str]) -> None:
        now = datetime.now(UTC)

        def expired(key: str) -> Credential | None:
            found = gate.credential_of(key)
            return found and replace(found, expires=now - timedelta(seconds=1))

        with pytest.raises(LoginRefused) as caught:
            replace(gate, credential_of=expired).admit(
                user=ROLE, password=token(Port=1), port=1, now=now
            )
        assert "has expired" in caught.value.reason

    def test_of_an_iam_user_is_as_good(self, gate: Gate, endpoint: str) -> None:
        iam = sdk("iam", endpoint)
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        asked = []
        signed = boto3.client(
            "rds",
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        ).generate_db_auth_token(DBHostname="127.0.0.1", Port=1, DBUsername=ROLE)
        gate = replace(gate, authorise=lambda *asking: not asked.append(asking))  # type: ignore[func-returns-value]
        gate.admit(user=ROLE, password=signed, port=1, now=datetime.now(UTC))
        assert asked[0][0] == "arn:aws:iam::123456789012:user/ann"


class TestPassword:
    @pytest.fixture
    def speaks(self, rds: Rds, source: ServedCluster) -> Callable[..., Any]:
        """A connection by a driver that shares no code with psycopg's libpq."""

        def connect(password: str, **options: Any) -> pg8000.native.Connection:
            told = {
                "user": seed.APPLICATION,
                "host": "127.0.0.1",
                "port": source.front.port,
                "database": seed.DATABASE,
                "ssl_context": ssl.create_default_context(cafile=rds.authority.certificate),
                "timeout": 10,
            }
            return pg8000.native.Connection(password=password, **(told | options))

        return connect

    @pytest.fixture
    def refused(self, speaks: Callable[..., Any]) -> Callable[..., dict[str, str]]:
        """What the client of a login that fails is told, by the letters of the protocol."""

        def refused(password: str, **options: Any) -> dict[str, str]:
            with pytest.raises(pg8000.native.DatabaseError) as caught:
                speaks(password, **options)
            told: dict[str, str] = caught.value.args[0]
            return told

        return refused

    @pytest.mark.parametrize("binding", ["disable", "prefer"])
    def test_lets_an_ordinary_role_in(self, connect: Callable[..., Any], binding: str) -> None:
        options = {"channel_binding": binding, "require_auth": "scram-sha-256"}
        with connect(seed.PASSWORD, user=seed.APPLICATION, **options) as connection:
            assert value(connection, "SELECT current_user") == seed.APPLICATION
            assert connection.pgconn.ssl_in_use

    def test_is_never_sent(self, connect: Callable[..., Any], speaks: Callable[..., Any]) -> None:
        """Only a role of `rds_iam` is asked for it in clear."""
        with pytest.raises(psycopg.OperationalError, match='requirement "password" failed'):
            connect(seed.PASSWORD, user=seed.APPLICATION, require_auth="password")
        with pytest.raises(psycopg.OperationalError, match='requirement "scram-sha-256" failed'):
            connect("a password", require_auth="scram-sha-256")
        with contextlib.closing(speaks(seed.PASSWORD)) as connection:
            assert connection.run("SELECT current_user") == [[seed.APPLICATION]]

    def test_offers_no_channel_binding(self, connect: Callable[..., Any]) -> None:
        with pytest.raises(psycopg.OperationalError, match="channel binding is required"):
            connect(seed.PASSWORD, user=seed.APPLICATION, channel_binding="require")

    @pytest.mark.parametrize(
        ("user", "password"),
        [
            (seed.APPLICATION, "wrong"),
            ("nobody_of_that_name", seed.PASSWORD),
            ("rdsadmin", "guessed"),
            ("fibonacci_reporting", "none is set"),
        ],
    )
    def test_that_is_wrong_is_refused(
        self,
        user: str,
        password: str,
        connect: Callable[..., Any],
        refused: Callable[..., dict[str, str]],
        source: ServedCluster,
    ) -> None:
        message = f'password authentication failed for user "{user}"'
        with pytest.raises(psycopg.OperationalError, match=f"FATAL:  {message}"):
            connect(password, user=user)
        source.front.refusals.clear()
        told = refused(password, user=user)
        assert (told["S"], told["C"], told["M"]) == ("FATAL", "28P01", message)
        assert told["R"] == "auth_failed"  # the server's own words: it names its line of code
        assert list(source.front.refusals) == [(user, f"28P01: {message}")]

    def test_that_is_right_does_not_help_who_may_not_log_in(
        self, refused: Callable[..., dict[str, str]], server: Server, source: ServedCluster
    ) -> None:
        with server.connect() as connection:
            connection.execute("CREATE ROLE barred NOLOGIN PASSWORD 'right'")
        try:
            assert refused("right", user="barred")["C"] == "28000"
            assert source.front.refusals[-1] == (
                "barred",
                '28000: role "barred" is not permitted to log in',
            )
            assert refused("wrong", user="barred")["C"] == "28P01"
        finally:
            with server.connect() as connection:
                connection.execute("DROP ROLE barred")

    def test_that_is_right_does_not_help_without_the_database(
        self, refused: Callable[..., dict[str, str]]
    ) -> None:
        assert refused(seed.PASSWORD, database="x")["C"] == "3D000"

    def test_that_was_changed_counts_at_once(
        self,
        connect: Callable[..., Any],
        refused: Callable[..., dict[str, str]],
        server: Server,
        client: Any,
        source: ServedCluster,
    ) -> None:
        """For those who log in: sessions that are open go on."""
        user = {"user": seed.ADMINISTRATOR}
        with connect(seed.PASSWORD, **user) as session:
            client.modify_db_cluster(
                DBClusterIdentifier=source.identifier, MasterUserPassword="another one"
            )
            try:
                assert refused(seed.PASSWORD, **user)["C"] == "28P01"
                connect("another one", **user).close()
                assert value(session, "SELECT current_user") == seed.ADMINISTRATOR
            finally:
                with server.connect() as connection:
                    connection.execute(
                        f"ALTER ROLE {seed.ADMINISTRATOR} PASSWORD '{seed.PASSWORD}'"
                    )
            assert value(session, "SELECT 1") == 1
        assert refused("another one", **user)["C"] == "28P01"

    def test_may_be_any_at_a_server_set_up_so(
        self, speaks: Callable[..., Any], refused: Callable[..., dict[str, str]], server: Server
    ) -> None:
        server.accept_any_password(seed.APPLICATION, True)
        try:
            speaks("whatever").close()
            assert refused("whatever", user=seed.ADMINISTRATOR)["C"] == "28P01"
        finally:
            server.accept_any_password(seed.APPLICATION, False)
        assert refused("whatever")["C"] == "28P01"
        speaks(seed.PASSWORD).close()

    def test_lets_in_at_a_copy(
        self,
        copies: Copies,
        speaks: Callable[..., Any],
        refused: Callable[..., dict[str, str]],
    ) -> None:
        name = copies.available()
        instance = copies.add_instance(name)
        eventually(lambda: copies.instance_status(instance) == "available")
        port = copies.cluster(name)["Port"]
        speaks(seed.PASSWORD, port=port).close()
        assert refused("wrong", port=port)["C"] == "28P01"

    def test_must_be_encrypted_unless_the_parameter_says_otherwise(
        self,
        connect: Callable[..., Any],
        speaks: Callable[..., Any],
        refused: Callable[..., dict[str, str]],
        source: ServedCluster,
    ) -> None:
        in_clear: dict[str, Any] = {"ssl_context": False}
        told = refused(seed.PASSWORD, **in_clear)
        assert told["C"] == "28000"
        assert told["M"] == (
            f'no pg_hba.conf entry for host "127.0.0.1", user "{seed.APPLICATION}", '
            f'database "{seed.DATABASE}", no encryption'
        )
        assert refused("wrong", **in_clear) == told  # nobody was asked for it
        source.front.requires_tls = False
        try:
            with contextlib.closing(speaks(seed.PASSWORD, **in_clear)) as connection:
                [[much]] = connection.run("SELECT repeat('x', 5000000)")
                assert len(much) == 5_000_000
            assert refused("wrong", **in_clear)["C"] == "28P01"
            with pytest.raises(psycopg.OperationalError, match="no encryption"):
                connect("a token is never sent in clear", sslmode="disable")
            with connect(seed.PASSWORD, user=seed.APPLICATION) as encrypted:
                assert encrypted.pgconn.ssl_in_use
        finally:
            source.front.requires_tls = True
        assert refused(seed.PASSWORD, **in_clear) == told


class TestConnection:
    @pytest.fixture
    def application(self, connect: Callable[..., Any]) -> Iterator[psycopg.Connection[Any]]:
        with connect(seed.PASSWORD, user=seed.APPLICATION) as connection:
            yield connection

    def test_must_be_encrypted(self, connect: Callable[..., Any]) -> None:
        with pytest.raises(psycopg.OperationalError, match="no encryption"):
            connect(seed.PASSWORD, user=seed.APPLICATION, sslmode="disable")

    def test_is_not_trusted_by_another_authority(self, connect: Callable[..., Any]) -> None:
        with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
            connect("x", sslrootcert="system")

    def test_is_for_its_own_names_only(self, connect: Callable[..., Any]) -> None:
        with pytest.raises(psycopg.OperationalError, match="does not match host name"):
            connect("x", host="example.com", hostaddr="127.0.0.1")

    def test_carries_much_both_ways(self, application: psycopg.Connection[Any]) -> None:
        application.execute("CREATE TEMPORARY TABLE much (number integer, text text)")
        row = f"{'x' * 1000}\n"
        with application.cursor().copy("COPY much FROM STDIN") as copy:
            for number in range(20_000):
                copy.write(f"{number}\t{row}")
        with application.cursor().copy("COPY much TO STDOUT") as copy:
            size = sum(len(data) for data in copy)
        assert size > 20_000_000

    def test_can_be_cancelled(self, application: psycopg.Connection[Any]) -> None:
        threading.Timer(0.2, application.cancel_safe).start()
        begun = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            application.execute("SELECT pg_sleep(30)")
        assert time.monotonic() - begun < 10

    def test_many_at_once(self, connect: Callable[..., Any]) -> None:
        opened = [connect(seed.PASSWORD, user=seed.APPLICATION) for _ in range(20)]
        assert {value(connection, "SELECT 1") for connection in opened} == {1}
        for connection in opened:
            connection.close()

    @pytest.mark.parametrize(
        "bytes_sent",
        [
            b"",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x00\x00\x00\x04",
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f" + b"\x16\x03" * 40,  # TLS asked for, then garbage
            b"\x7f\xff\xff\xff\x00\x03\x00\x00",
        ],
        ids=["nothing", "http", "too short", "no tls", "too long"],
    )
    def test_of_a_stranger_ends_quietly(self, source: ServedCluster, bytes_sent: bytes) -> None:
        with socket.create_connection(("127.0.0.1", source.front.port), timeout=5) as stranger:
            stranger.sendall(bytes_sent)
            with contextlib.suppress(OSError):  # such as a reset, for what was not read
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(1024):
                    pass

    def test_of_a_client_that_goes_away_is_given_up(
        self, source: ServedCluster, server: Server, connect: Callable[..., Any]
    ) -> None:
        connection = connect(seed.PASSWORD, user=seed.APPLICATION, application_name="goes")
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'goes'"
        with server.connect() as other:
            assert value(other, query) == 1
            with socket.socket(fileno=connection.fileno()) as half:
                half.shutdown(socket.SHUT_RDWR)
                half.detach()
            eventually(lambda: value(other, query) == 0)
        connection.close()
        assert source.front.is_open


class TestDoor:
    @pytest.fixture
    def front(self, rds: Rds) -> Iterator[LoginFront]:
        front = LoginFront(context=rds.authority.context)
        yield front
        front.release()

    @pytest.fixture
    def gate(self, server: Server, rds: Rds) -> Gate:
        return Gate(
            server=server,
            region=REGION,
            account="123456789012",
            resource_id="cluster-X",
            iam_enabled=lambda: True,
            credential_of=rds.credential,
            authorise=lambda *_: True,
        )

    def test_refuses_until_it_is_opened(self, front: LoginFront, gate: Gate) -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", front.port))
        front.open(gate)
        socket.create_connection(("127.0.0.1", front.port)).close()

    def test_ends_connections_when_it_closes_and_keeps_its_port(
        self, front: LoginFront, gate: Gate, connect: Callable[..., Any]
    ) -> None:
        port = front.port
        for _ in range(2):
            front.open(gate)
            opened = connect(seed.PASSWORD, user=seed.APPLICATION, port=port)
            front.close()
            with pytest.raises(psycopg.OperationalError):
                opened.execute("SELECT 1")
            opened.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))

    def test_keeps_its_port_while_other_threads_start_programs(
        self, front: LoginFront, gate: Gate
    ) -> None:
        """Such a program has a copy of every socket for a moment."""
        ended = threading.Event()

        def start_programs() -> None:
            while not ended.is_set():
                subprocess.run(["true"], check=True, start_new_session=True)

        threads = [threading.Thread(target=start_programs) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            port = front.port
            for _ in range(10):
                front.open(gate)
                front.close()
                assert front.port == port
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    @pytest.mark.parametrize("said", [b"", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"])
    def test_does_not_wait_for_a_client_that_says_nothing(
        self, front: LoginFront, gate: Gate, said: bytes
    ) -> None:
        """Neither before nor in the middle of the handshake."""
        front.open(gate)
        with socket.create_connection(("127.0.0.1", front.port), timeout=5) as silent:
            silent.sendall(said)
            assert not said or silent.recv(1) == b"S"
            begun = time.monotonic()
            front.close()
            assert time.monotonic() - begun < 3

    def test_takes_another_port_when_the_asked_one_is_taken(
        self, front: LoginFront, rds: Rds
    ) -> None:
        second = LoginFront(context=rds.authority.context, port=front.port)
        assert second.port != front.port
        second.release()

    def test_its_key_is_for_its_owner_only(self, rds: Rds) -> None:
        key = rds.authority.certificate.with_name("server.pem")
        assert key.stat().st_mode & 0o077 == 0

    def test_its_certificate_passes_a_strict_check(
        self, front: LoginFront, rds: Rds, gate: Gate
    ) -> None:
        front.open(gate)
        context = ssl.create_default_context(cafile=rds.authority.certificate)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        with socket.create_connection(("127.0.0.1", front.port), timeout=5) as raw:
            raw.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
            assert raw.recv(1) == b"S"
            with context.wrap_socket(raw, server_hostname="localhost") as encrypted:
                assert encrypted.version() == "TLSv1.3"
