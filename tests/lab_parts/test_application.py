"""The sample company's application and the way to it, met by clients that know only its name."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab import seed
from lab.application import HOST_NAME, Application
from lab.postgres import Server
from lab.proxy import Proxy
from lab.rds import Rds
from lab.rds_records import ServedCluster
from tests.lab_parts.conftest import eventually

TARGET = f"{HOST_NAME}:443"
REACHED = (200, {"status": "ok"})
UNREACHABLE = (503, {"status": "database unreachable"})

URLLIB = """
import sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=20) as answer:
    print(answer.status, answer.read().decode())
"""


class Vault:
    """Keeps the secret, and counts how often it is read."""

    def __init__(self, secret: dict[str, Any]) -> None:
        self.secret = secret
        self.reads = 0
        self.error: Exception | None = None

    def read(self) -> dict[str, Any]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return dict(self.secret)


@pytest.fixture
def vault(source: ServedCluster) -> Vault:
    return Vault(
        {
            "engine": "postgres",
            "host": "127.0.0.1",
            "port": source.front.port,
            "dbname": seed.DATABASE,
            "username": seed.APPLICATION,
            "password": seed.PASSWORD,
        }
    )


Make = Callable[..., Application]


@pytest.fixture
def make(rds: Rds, vault: Vault) -> Iterator[Make]:
    made: list[Application] = []

    def make(cache_seconds: float = 0.0) -> Application:
        application = Application(
            authority=rds.authority, read_secret=vault.read, cache_seconds=cache_seconds
        )
        made.append(application)
        application.start()
        return application

    yield make
    for application in made:
        application.stop()


@pytest.fixture
def get(rds: Rds) -> Callable[..., tuple[int, Any]]:
    context = ssl.create_default_context(cafile=rds.authority.certificate)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT

    def get(application: Application, path: str = "/health/database") -> tuple[int, Any]:
        """The status and the body; the certificate is checked for the application's own name."""
        with (
            socket.create_connection(("127.0.0.1", application.port), timeout=20) as raw,
            context.wrap_socket(raw, server_hostname=HOST_NAME) as encrypted,
        ):
            encrypted.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST_NAME}\r\n\r\n".encode())
            answer = http.client.HTTPResponse(encrypted)
            answer.begin()
            with answer:
                return answer.status, json.loads(answer.read())

    return get


@pytest.fixture
def rotate(server: Server) -> Iterator[Callable[[str], None]]:
    def rotate(password: str) -> None:
        with server.connect() as connection:
            connection.execute(f"ALTER ROLE {seed.APPLICATION} PASSWORD '{password}'")

    yield rotate
    rotate(seed.PASSWORD)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "http"}


class TestApplication:
    def test_says_that_it_is_well_and_touches_nothing(
        self, make: Make, get: Callable[..., Any], vault: Vault
    ) -> None:
        vault.error = RuntimeError("not to be read")
        application = make()
        assert get(application, "/health") == REACHED
        assert get(application, "/") == (404, {"status": "not found"})
        assert vault.reads == 0
        assert application.requests == 2

    def test_opens_a_new_connection_for_every_look(
        self, make: Make, get: Callable[..., Any], rotate: Callable[[str], None]
    ) -> None:
        application = make(cache_seconds=3600.0)
        assert get(application) == REACHED
        rotate("another one")
        assert get(application) == UNREACHABLE
        assert "password authentication failed" in application.failures[-1]
        rotate(seed.PASSWORD)
        assert get(application) == REACHED

    def test_keeps_a_secret_for_a_while(
        self, make: Make, get: Callable[..., Any], vault: Vault
    ) -> None:
        kept, fresh = make(cache_seconds=3600.0), make(cache_seconds=0.0)
        for application, reads in ((kept, 1), (fresh, 3)):
            vault.reads = 0
            for _ in range(3):
                assert get(application) == REACHED
            assert vault.reads == reads

    def test_follows_a_rotation_unless_it_is_pooled(
        self,
        make: Make,
        get: Callable[..., Any],
        vault: Vault,
        rotate: Callable[[str], None],
    ) -> None:
        follows, pooled = make(), make()
        pooled.pooled = True
        assert get(follows) == get(pooled) == REACHED
        rotate("another one")
        vault.secret["password"] = "another one"  # noqa: S105
        assert get(follows) == REACHED
        assert get(pooled) == UNREACHABLE
        pooled.pooled = False
        assert get(pooled) == REACHED

    @pytest.mark.parametrize(
        "change",
        [{"password": "wrong"}, {"port": 1}, {"dbname": "x"}, {"host": "127.0.0.2"}],
        ids=str,
    )
    def test_tells_no_reason(
        self, make: Make, get: Callable[..., Any], vault: Vault, change: dict[str, Any]
    ) -> None:
        vault.secret |= change
        application = make()
        assert get(application) == UNREACHABLE
        assert application.failures[-1].startswith("OperationalError: ")

    def test_tells_no_reason_for_a_secret_that_cannot_be_read(
        self, make: Make, get: Callable[..., Any], vault: Vault
    ) -> None:
        application = make()
        vault.error = LookupError("there is no such secret")
        assert get(application) == UNREACHABLE
        assert application.failures[-1] == "LookupError: there is no such secret"
        vault.error = None
        del vault.secret["host"]
        assert get(application) == UNREACHABLE
        assert application.failures[-1] == "KeyError: 'host'"

    def test_is_for_its_own_name_only(self, make: Make, rds: Rds) -> None:
        application = make()
        context = ssl.create_default_context(cafile=rds.authority.certificate)
        with (
            socket.create_connection(("127.0.0.1", application.port), timeout=20) as raw,
            pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"),
        ):
            context.wrap_socket(raw, server_hostname="localhost")

    def test_its_key_is_for_its_owner_only(self, make: Make, rds: Rds) -> None:
        make()
        key = rds.authority.certificate.with_name(f"{HOST_NAME}.pem")
        assert key.stat().st_mode & 0o077 == 0

    @pytest.mark.parametrize("said", [b"", b"\x16\x03", b"GET / HTTP/1.1\r\n\r\n"])
    def test_ends_with_all_that_it_began(
        self, make: Make, get: Callable[..., Any], said: bytes
    ) -> None:
        """Also with a client that has said nothing, or half a word, or no TLS at all."""
        before = threads()
        application = make()
        for _ in range(2):
            port = application.port
            with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
                silent.sendall(said)
                assert get(application, "/health") == REACHED
                application.stop()
                application.stop()
            assert threads() == before
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            application.start()
            application.start()
            assert application.port == port
        assert get(application, "/health") == REACHED


class TestProxy:
    @pytest.fixture
    def proxy(self) -> Iterator[Proxy]:
        proxy = Proxy(targets={})
        proxy.start()
        yield proxy
        proxy.stop()

    def through(
        self, proxy: Proxy, rds: Rds, url: str, variable: str = "https_proxy"
    ) -> subprocess.CompletedProcess[str]:
        """What urllib makes of it in a process whose variable names the proxy."""
        environment = {
            name: told for name, told in os.environ.items() if not name.lower().endswith("_proxy")
        }
        environment |= {"SSL_CERT_FILE": str(rds.authority.certificate), variable: proxy.url}
        return subprocess.run(
            [sys.executable, "-c", URLLIB, url],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
    def test_leads_to_the_application_by_its_real_address(
        self, proxy: Proxy, make: Make, rds: Rds, variable: str
    ) -> None:
        application = make()
        proxy.targets = {TARGET: application.port}
        outcome = self.through(proxy, rds, f"https://{HOST_NAME}/health/database", variable)
        assert (outcome.returncode, outcome.stderr) == (0, "")
        assert outcome.stdout == '200 {"status": "ok"}\n'
        assert application.requests == 1

    def test_leads_nowhere_else(self, proxy: Proxy, make: Make, rds: Rds) -> None:
        application = make()
        proxy.targets = {TARGET: application.port}
        for url in ("https://localhost/health", f"https://{HOST_NAME}:8443/health"):
            outcome = self.through(proxy, rds, url)
            assert "Tunnel connection failed: 403" in outcome.stderr
        outcome = self.through(proxy, rds, f"http://{HOST_NAME}/health", "http_proxy")
        assert "HTTP Error 403" in outcome.stderr
        assert application.requests == 0

    def test_says_that_its_target_does_not_answer(self, proxy: Proxy, make: Make, rds: Rds) -> None:
        application = make()
        proxy.targets = {TARGET: application.port}
        application.stop()
        outcome = self.through(proxy, rds, f"https://{HOST_NAME}/health")
        assert "Tunnel connection failed: 502" in outcome.stderr

    def test_loses_nothing_that_comes_with_the_request(self, proxy: Proxy) -> None:
        with socket.create_server(("127.0.0.1", 0)) as target:
            target.settimeout(20)
            proxy.targets = {"some.example:443": target.getsockname()[1]}
            with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client:
                client.sendall(b"CONNECT Some.example:443 HTTP/1.1\r\n\r\nat once")
                served, _ = target.accept()
                with served:
                    served.settimeout(20)
                    assert served.recv(7, socket.MSG_WAITALL) == b"at once"
                    served.sendall(b"bye")
                told = b""
                while data := client.recv(1024):
                    told += data
        assert told.startswith(b"HTTP/1.0 200 ")
        assert told.endswith(b"\r\n\r\nbye")

    def test_ends_with_the_tunnels_that_are_open(self, proxy: Proxy) -> None:
        before = threads()
        with socket.create_server(("127.0.0.1", 0)) as target:
            target.settimeout(20)
            proxy.targets = {"some.example:443": target.getsockname()[1]}
            with (
                socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client,
                socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as silent,
            ):
                client.sendall(b"CONNECT some.example:443 HTTP/1.1\r\n\r\n")
                served, _ = target.accept()
                with served:
                    served.settimeout(20)
                    eventually(lambda: len(threads() - before) == 2)
                    proxy.stop()
                    proxy.stop()
                    assert served.recv(1) == b""
                silent.settimeout(20)
                assert silent.recv(1) == b""
        assert len(threads()) == len(before) - 1
        proxy.start()
