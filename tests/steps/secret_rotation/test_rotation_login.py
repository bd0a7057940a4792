"""Logins with a password: how each of them ends, and what is said of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from functions.errors import LoginRefused, NotReachable, TlsFailed, TryAgain
from functions.secret_rotation import login
from functions.secret_rotation.login import StatementFailed
from lab.authority import Authority
from lab.login_front import HOST
from lab.postgres import Server, Servers, find_binaries
from tests.steps import rotation
from tests.steps.rotation import Database

SPECIAL = [
    "'; DROP ROLE app; --",
    '"quoted" and \\ and \\\'',
    "%s %(a)s :name $1 {x} ${y}",
    " space before and behind ",
    "äöü ß é",
    "пароль 密码",
    "ﬁ Ⅸ ½",  # SASLprep makes other characters of these
    "a\u00a0b",
    "x" * 200,
    ",=n,,",
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    made = Servers(folder=tmp_path_factory.mktemp("servers"), binaries=find_binaries({}))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with rotation.database(servers, Authority(tmp_path_factory.mktemp("tls"))) as made:
        yield made


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


def test_who_knows_the_password_is_let_in(shop: Database) -> None:
    user = shop.user()
    tried = login.attempt(user, ca_file=shop.ca_file)
    assert tried == login.Attempt(accepted=True, user=user.username)
    assert not tried.refused


def test_a_wrong_password_is_refused_with_28p01(shop: Database) -> None:
    user = replace(shop.user(), password="guess")  # noqa: S106
    tried = login.attempt(user, ca_file=shop.ca_file)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, True, "28P01")
    assert "password authentication failed" in tried.told
    assert user.username in tried.told


def test_a_user_that_is_not_there_looks_like_a_wrong_password(shop: Database) -> None:
    tried = login.attempt(replace(shop.user(), username="nobody"), ca_file=shop.ca_file)
    assert (tried.refused, tried.sqlstate) == (True, "28P01")


def test_a_user_that_may_not_log_in_is_no_refusal_of_its_password(shop: Database) -> None:
    user = shop.user(options="NOLOGIN")
    tried = login.attempt(user, ca_file=shop.ca_file)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "28000")
    assert "is not permitted to log in" in tried.told


def test_a_database_that_is_absent_is_no_refusal_of_a_password(shop: Database) -> None:
    tried = login.attempt(replace(shop.user(), database="shoe"), ca_file=shop.ca_file)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "3D000")


def test_too_many_connections_are_no_answer(shop: Database) -> None:
    user = shop.user(options="LOGIN CONNECTION LIMIT 0")
    tried = login.attempt(user, ca_file=shop.ca_file)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "")
    with (
        pytest.raises(NotReachable, match=r"too many connections.* \(53300\)"),
        login.session(user, ca_file=shop.ca_file),
    ):
        pass


def test_nobody_listens(shop: Database) -> None:
    user = shop.user()
    with shop.down():
        tried = login.attempt(user, ca_file=shop.ca_file)
        assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "")
        assert "Connection refused" in tried.told
        with pytest.raises(NotReachable), login.session(user, ca_file=shop.ca_file):
            pass
    assert login.attempt(user, ca_file=shop.ca_file).accepted


def test_a_host_that_has_no_address(shop: Database) -> None:
    user = replace(shop.user(), host="no-such-host.invalid")
    with pytest.raises(NotReachable), login.session(user, ca_file=shop.ca_file):
        pass


def test_a_server_that_cannot_answer_yet(shop: Database, servers: Servers) -> None:
    asleep = Server(servers, name="never-started", port=9999)
    front = rotation.door(asleep, shop.authority)
    try:
        user = replace(shop.user(), port=front.port)
        with (
            pytest.raises(NotReachable, match=r"\(57P03\)$"),
            login.session(user, ca_file=shop.ca_file),
        ):
            pass
        assert login.attempt(user, ca_file=shop.ca_file).sqlstate == ""
    finally:
        front.release()


def test_a_certificate_of_somebody_else(shop: Database, other: Authority) -> None:
    user = shop.user()
    with (
        pytest.raises(TlsFailed, match="CERTIFICATE_VERIFY_FAILED"),
        login.session(user, ca_file=other.certificate),
    ):
        pass
    tried = login.attempt(user, ca_file=other.certificate)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "")


def test_a_certificate_of_another_name(shop: Database) -> None:
    front = rotation.door(shop.server, shop.authority, host_name="db.elsewhere.example")
    try:
        with (
            pytest.raises(TlsFailed, match="IP address mismatch"),
            login.session(replace(shop.user(), port=front.port), ca_file=shop.ca_file),
        ):
            pass
    finally:
        front.release()


def test_a_server_that_offers_no_encryption(shop: Database) -> None:
    host, port = shop.server.address
    plain = replace(shop.user(), host=host, port=port)
    with (
        pytest.raises(TlsFailed, match=r"the server offers no TLS, or has hung up$"),
        login.session(plain, ca_file=shop.ca_file),
    ):
        pass
    assert login.asks_for_tls(plain) is False


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port at which whoever connects gets these bytes, and the end."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(8)
                client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_server_that_hangs_up_offers_no_tls_either(shop: Database) -> None:
    """As one does that is shutting down, or a load balancer without a server behind it."""
    with (
        answering(b"") as port,
        pytest.raises(TlsFailed, match=r"or has hung up$"),
        login.session(replace(shop.user(), port=port), ca_file=shop.ca_file),
    ):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of pg8000's socket
def test_who_speaks_another_protocol_offers_no_tls(shop: Database) -> None:
    with answering(b"\xff") as port:
        tried = login.attempt(replace(shop.user(), port=port), ca_file=shop.ca_file)
        assert not tried.accepted


def test_whether_a_connection_in_the_clear_is_refused(shop: Database) -> None:
    user = shop.user()
    assert login.asks_for_tls(user) is True
    shop.front.requires_tls = False
    try:
        assert login.asks_for_tls(user) is False
        # Whoever is let in without a password at all is let in in the clear too.
        shop.server.accept_any_password(user.username, True)
        assert login.asks_for_tls(user) is False
    finally:
        shop.front.requires_tls = True
        shop.server.accept_any_password(user.username, False)
    with shop.down():
        assert login.asks_for_tls(user) is None


def test_the_question_in_the_clear_carries_no_password_of_anybody(shop: Database) -> None:
    shop.front.requires_tls = False
    try:
        user = shop.user("no password of anybody")  # the worst case: it would be let in
        assert login.asks_for_tls(user) is False
    finally:
        shop.front.requires_tls = True


def test_a_session_that_was_killed_is_dead(shop: Database) -> None:
    user = shop.user()
    with login.session(user, ca_file=shop.ca_file) as session:
        assert session.is_alive()
        assert shop.ended(user.username) == 1
        assert not session.is_alive()
        with pytest.raises(TryAgain, match="the connection to the database was lost"):
            session.all("who")


def test_a_session_lives_on_when_its_password_changes(shop: Database) -> None:
    user = shop.user()
    with login.session(user, ca_file=shop.ca_file) as session:
        shop.set_password(user.username, "another")
        assert session.is_alive()
        assert session.all("who") == [(user.username,)]
    assert not shop.accepts(user)


def test_what_a_session_is_pinned_to(shop: Database) -> None:
    expected = {
        "search_path": "pg_catalog",
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "client_min_messages": "error",
        "application_name": "backup-drills rotation",
    }
    with login.session(shop.user(), ca_file=shop.ca_file) as session:
        for name, value in expected.items():
            session.run(f"DO $$BEGIN ASSERT current_setting('{name}') = '{value}'; END$$")
        with pytest.raises(StatementFailed, match=r"\(P0004\)$"):
            session.run("DO $$BEGIN ASSERT current_setting('search_path') = ''; END$$")


def test_a_statement_that_fails_tells_its_sqlstate_and_no_row(shop: Database) -> None:
    shop.run("CREATE TABLE unique_things (id text PRIMARY KEY)")
    shop.run("INSERT INTO unique_things VALUES ('very private')")
    shop.run("GRANT ALL ON unique_things TO PUBLIC")
    with login.session(shop.user(), ca_file=shop.ca_file) as session:
        with pytest.raises(StatementFailed, match=r"^division by zero \(22012\)$"):
            session.run("SELECT 1 / 0")
        with pytest.raises(StatementFailed, match=r"\(23505\)$") as failure:
            session.run("INSERT INTO public.unique_things VALUES ('very private')")
        assert "very private" not in repr(failure.value)
        assert failure.value.__suppress_context__
        assert session.is_alive()


def test_a_statement_may_take_longer_than_a_login(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "CONNECT_SECONDS", 1.0)
    with login.session(shop.user(), ca_file=shop.ca_file) as session:
        session.run("SELECT pg_sleep(1.5)")


@pytest.mark.parametrize("password", SPECIAL)
def test_passwords_with_special_characters(shop: Database, password: str) -> None:
    user = shop.user(password)  # PostgreSQL makes the verifier
    assert shop.accepts(user)
    assert not shop.accepts(replace(user, password=f"{password}x"))
    fresh = replace(user, password=f"{password}{password}")
    with login.session(user, ca_file=shop.ca_file) as session:
        session.change_own_password(user.username, fresh.password)  # we do
    assert shop.accepts(fresh)
    assert not shop.accepts(user)


@pytest.mark.parametrize("name", ['Mixed Case "quoted"', "select", "имя"])
def test_users_with_special_names(shop: Database, name: str) -> None:
    user = shop.user(name=name)
    fresh = replace(user, password="changed")  # noqa: S106
    with login.session(user, ca_file=shop.ca_file) as session:
        assert session.all("who") == [(name,)]
        session.change_own_password(name, fresh.password)
    assert login.attempt(fresh, ca_file=shop.ca_file).user == name


@pytest.mark.parametrize("password", ["tab\there", "a key \U0001f511", "private \ue000"])
def test_what_saslprep_forbids_is_a_password_too(shop: Database, password: str) -> None:
    """PostgreSQL and libpq then take it as bytes; the driver cannot, which is no refusal."""
    tried = login.attempt(shop.user(password), ca_file=shop.ca_file)
    assert (tried.accepted, tried.refused, tried.sqlstate) == (False, False, "")
    assert password not in tried.told


def test_the_new_password_is_stored_as_a_verifier_and_logged_by_nobody(shop: Database) -> None:
    shop.run("ALTER SYSTEM SET log_statement = 'all'")
    shop.run("SELECT pg_reload_conf()")
    user = shop.user()
    fresh = replace(user, password="not-for-any-log-4711")  # noqa: S106
    try:
        with login.session(user, ca_file=shop.ca_file) as session:
            session.change_own_password(user.username, fresh.password)
        assert shop.accepts(fresh)
        assert not shop.accepts(user)
        log = Path(shop.server.log).read_text(errors="replace")
    finally:
        shop.run("ALTER SYSTEM RESET log_statement")
        shop.run("SELECT pg_reload_conf()")
    stored = shop.stored(user.username)
    assert stored.startswith("SCRAM-SHA-256$4096:")
    assert f'ALTER ROLE "{user.username}" PASSWORD' in log
    assert fresh.password not in log
    assert fresh.password not in stored


def test_a_password_is_in_no_error(shop: Database, other: Authority) -> None:
    secret = "hunter-two-hunter-two"  # noqa: S105
    user = replace(shop.user(), password=secret)
    places = [user, replace(user, port=1), replace(user, host="no-such-host.invalid")]
    places.append(replace(user, port=shop.server.address[1]))
    for place in places:
        for ca_file in (shop.ca_file, other.certificate):
            with (
                pytest.raises((LoginRefused, NotReachable, TlsFailed)) as failure,
                login.session(place, ca_file=ca_file),
            ):
                pass
            assert secret not in f"{failure.value} {failure.value!r}"
            assert failure.value.__cause__ is None
            assert failure.value.__suppress_context__
            assert secret not in repr(login.attempt(place, ca_file=ca_file))
