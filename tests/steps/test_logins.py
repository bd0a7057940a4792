"""The first login: what the copy's answer means, and for how long it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions import clock
from functions.aurora import database, verify
from functions.aurora.database import Login
from functions.errors import LoginRefused, NotReachable, TlsFailed
from lab.authority import Authority
from lab.login_front import LoginFront
from tests.steps.company import VERIFIER, Company, Drilled, Shelf, drill, plan

# Nothing here depends on the server's version.
pytestmark = pytest.mark.parametrize("company", ["wheel"], indirect=True, scope="session")

START = "2026-11-02T06:00:00Z"


def open_copy(
    login: Login, drilled: Drilled, previous: Mapping[str, Any], seconds: float
) -> tuple[dict[str, Any], Shelf]:
    shelf = drilled.fresh()
    answer = verify.open_copy(
        copy=login,
        drill=drill(),
        plan=plan(),
        witness=drilled.witnessed,
        previous=previous,
        evidence=shelf,
        now=lambda: clock.parse(START) + timedelta(seconds=seconds),
    )
    return answer, shelf


def given_up(login: Login, drilled: Drilled) -> dict[str, Any]:
    """The only record of a copy that lets nobody in for a minute."""
    first, _ = open_copy(login, drilled, {}, 0)
    assert not first["done"]
    assert first["wait_seconds"] == 1
    again, _ = open_copy(login, drilled, first, 59)
    assert not again["done"]
    assert again["first_attempt_at"] == START
    last, shelf = open_copy(login, drilled, again, 60)
    assert last["done"]
    assert last["units"] == []
    assert last["at_restore_point"] is None
    assert last["first_login_at"] is None
    (record,) = shelf.get_json(last["checks"]["key"])
    assert record["name"] == "login"
    assert record["status"] == last["login"]
    return dict(record)


def test_a_role_that_may_not_log_in(company: Company, drilled: Drilled) -> None:
    copy = company.restore(drilled.witnessed["restore_time"])
    company.run(f"ALTER ROLE {VERIFIER} NOLOGIN", copy)
    record = given_up(company.login(copy), drilled)
    assert (record["status"], record["observed"]) == ("failed", "refused")
    assert "is not permitted to log in" in record["detail"]


def test_a_password_that_is_wrong(company: Company, drilled: Drilled) -> None:
    record = given_up(company.login(company.source, password="guess"), drilled)  # noqa: S106
    assert record["status"] == "failed"
    assert "password authentication failed" in record["detail"]


def test_a_database_that_is_absent(company: Company, drilled: Drilled) -> None:
    record = given_up(replace(company.login(company.source), database="shoe"), drilled)
    assert record["status"] == "failed"
    assert 'database "shoe" does not exist' in record["detail"]


def test_nobody_answers(company: Company, drilled: Drilled) -> None:
    shut = LoginFront(context=company.authority.context)
    login = replace(company.login(company.source), port=shut.port)
    record = given_up(login, drilled)
    shut.release()
    assert record["status"] == "not_run"
    assert "Connection refused" in record["detail"]


def test_a_certificate_of_somebody_else(
    company: Company, drilled: Drilled, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Authority(tmp_path_factory.mktemp("other")).certificate
    login = replace(company.login(company.source), ca_file=other)
    record = given_up(login, drilled)
    assert record["status"] == "not_run"
    assert "certificate verify failed" in record["detail"]


def test_a_name_that_the_certificate_does_not_bear(company: Company) -> None:
    login = replace(company.login(company.source), host="127.0.0.2")
    with pytest.raises((TlsFailed, NotReachable)), database.connect(login, application="test"):
        pass


def test_a_login_after_refusals_counts_from_its_own_moment(
    company: Company, drilled: Drilled
) -> None:
    copy = company.restore(drilled.witnessed["restore_time"])
    company.run(f"ALTER ROLE {VERIFIER} NOLOGIN", copy)
    login = company.login(copy)
    first, _ = open_copy(login, drilled, {}, 0)
    company.run(f"ALTER ROLE {VERIFIER} LOGIN", copy)
    second, shelf = open_copy(login, drilled, first, 7)
    assert second["done"]
    assert second["first_login_at"] == "2026-11-02T06:00:07Z"
    login_record = shelf.get_json(second["checks"]["key"])[0]
    assert login_record["seconds"] == 7.0
    assert login_record["observed"] == "let in, encrypted and verified"
    assert "pg_read_all_data, bypassrls, read only" in login_record["detail"]


def test_a_session_is_read_only_and_pinned(company: Company) -> None:
    with database.connect(company.login(company.source), application="backup-drills test") as s:
        shown = {
            name: s.ask("SELECT current_setting('" + name + "')")[0][0]
            for name in ("row_security", "search_path", "TimeZone", "application_name")
        }
        assert shown == {
            "row_security": "off",
            "search_path": "pg_catalog",
            "TimeZone": "UTC",
            "application_name": "backup-drills test",
        }
        with pytest.raises(database.QueryFailed) as failure:
            s.one("put_marker", id="0" * 32, drill="d", run_id="r", position="beat")
    assert failure.value.sqlstate == "25006"


def test_a_password_is_in_no_error(company: Company) -> None:
    secret = "hunter-two"  # noqa: S105
    login = company.login(company.source, password=secret)
    with pytest.raises(LoginRefused) as refusal, database.connect(login, application="test"):
        pass
    assert secret not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__
