"""Nothing in a copy runs by itself, and what could reach out rests: asked of real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.postgres import Server
from tests.steps.company import Outcome
from tests.steps.fingerprint.conftest import Estate


def isolation(outcome: Outcome) -> dict[str, str]:
    """What each check of isolation observed."""
    return {c.name: c.observed for c in outcome.checks if c.check_class == "isolation"}


def restarted(copy: Server, **settings: str) -> Server:
    """The copy, with other settings of the server."""
    copy.stop()
    with (copy.data / "postgresql.conf").open("a") as file:
        for name, value in settings.items():
            file.write(f"{name.replace('__', '.')} = '{value}'\n")
    copy.start()
    return copy


def test_what_there_is_is_listed(estate: Estate) -> None:
    outcome = estate.judge(estate.copy())
    assert isolation(outcome) == {
        "jobs_inert": "nothing loaded",
        "subscriptions_inert": "1 subscription, none enabled",
        "outward_inert": "1 extension, 1 foreign server: none runs by itself",
    }
    (outward,) = outcome.of("outward_inert")
    assert outward.detail == "extension postgres_fdw; foreign server archive"


@pytest.mark.parametrize("may_see", [False, True])
def test_a_server_that_runs_jobs_is_red(estate: Estate, may_see: bool) -> None:
    """pg_cron is nowhere to be had: its setting stands for it, and a library of its name."""
    copy = estate.copy()
    if may_see:
        (folder,) = estate.company.run("SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'")[0]
        stand_in = copy.folder / "pg_cron.so"
        stand_in.write_bytes((Path(folder) / "pg_trgm.so").read_bytes())
        estate.company.servers.give(stand_in)
        restarted(copy, shared_preload_libraries=str(stand_in.with_suffix("")))
        estate.company.run("GRANT pg_read_all_settings TO backup_drills_verifier", copy)
    else:
        restarted(copy, cron__database_name="fibonacci")
    outcome = estate.judge(copy)
    (jobs,) = outcome.of("jobs_inert")
    assert (jobs.status, jobs.observed) == ("failed", "pg_cron loaded")
    assert outcome.red()[0] == ("jobs_inert", jobs.target)


def test_an_enabled_subscription_rests_where_no_workers_are_allowed(estate: Estate) -> None:
    copy = restarted(estate.copy(), max_logical_replication_workers="0")
    estate.company.run("ALTER SUBSCRIPTION prices ENABLE", copy)
    outcome = estate.judge(copy)
    assert outcome.red() == []
    (subscriptions,) = outcome.of("subscriptions_inert")
    assert subscriptions.observed == "1 subscription, 1 enabled"
    assert subscriptions.detail == "max_logical_replication_workers is 0; prices"


def test_a_trigger_that_reaches_out_is_listed_and_one_at_login_is_red(estate: Estate) -> None:
    copy = estate.copy()
    estate.company.run(
        """
        CREATE SCHEMA reaching;
        CREATE FUNCTION reaching.tell() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM dblink_connect('elsewhere'); RETURN NEW; END $$;
        CREATE TABLE reaching.t ();
        CREATE TRIGGER tells BEFORE INSERT ON reaching.t
            FOR EACH ROW EXECUTE FUNCTION reaching.tell();
        """,
        copy,
    )
    listed = estate.judge(copy).of("outward_inert")[0]
    assert listed.status == "passed"
    assert "trigger reaching.t.tells" in listed.detail
    (version,) = estate.company.run("SELECT current_setting('server_version_num')::int", copy)[0]
    if version >= 170000:
        estate.company.run(
            """
            CREATE FUNCTION reaching.at_login() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF false THEN PERFORM dblink_connect('elsewhere'); END IF;
            END $$;
            CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION reaching.at_login();
            """,
            copy,
        )
        found = estate.judge(copy).of("outward_inert")[0]
        assert found.status == "failed"
        assert found.observed.endswith("event trigger at_login runs by itself")
