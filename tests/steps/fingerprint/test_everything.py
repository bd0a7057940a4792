"""A database that has one of everything: each kind of object is seen, changed, and told apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.aurora.definitions import KINDS, SINCE
from tests.steps.company import Company, drill, judge, plan
from tests.steps.fingerprint.conftest import SETTINGS, Estate, witnessed

SECRET = "hunter2"  # noqa: S105 - it must never be seen again
EVERYTHING = Path(__file__).with_name("everything.sql").read_text()

CHANGES = {
    "databases": "ALTER DATABASE postgres CONNECTION LIMIT 9",
    "roles": "ALTER ROLE odd_role VALID UNTIL '2030-01-01'",
    "memberships": "GRANT fibonacci_reporting TO odd_role",
    "settings": "ALTER ROLE odd_role SET odd.key = 'another'",
    "parameters": "REVOKE SET ON PARAMETER log_min_messages FROM odd_role",
    "schemas": "ALTER SCHEMA odd OWNER TO fibonacci_admin",
    "extensions": "CREATE EXTENSION pg_trgm SCHEMA odd",
    "languages": "UPDATE pg_language SET lanpltrusted = false WHERE lanname = 'odd_language'",
    "types": "ALTER DOMAIN odd.word DROP NOT NULL",
    "collations": "DROP CONVERSION odd.to_latin",
    "text_search": "ALTER TEXT SEARCH DICTIONARY odd.plain (accept = true)",
    "functions": "ALTER FUNCTION odd.add SECURITY DEFINER",
    "operators": "DROP OPERATOR FAMILY odd.family USING hash",
    "casts": "DROP CAST (odd.span AS text)",
    "foreign_servers": "ALTER SERVER odd_server OPTIONS (SET key 'another')",
    "tables": "ALTER TABLE odd.one SET (fillfactor = 70)",
    "views": "ALTER VIEW odd.shown SET (security_barrier = false)",
    "columns": "ALTER TABLE odd.one ALTER a SET DEFAULT 'another'",
    "constraints": "ALTER DOMAIN odd.word DROP CONSTRAINT not_secret",
    "indexes": "ALTER INDEX odd.one_partial SET (fillfactor = 70)",
    "statistics": "ALTER STATISTICS odd.one_statistics SET STATISTICS 7",
    "triggers": "ALTER TABLE odd.one ENABLE ALWAYS TRIGGER fires",
    "rules": "ALTER TABLE odd.one DISABLE RULE keeps",
    "policies": "ALTER POLICY sees ON odd.one USING (a <> 'another')",
    "sequences": "ALTER SEQUENCE odd.downwards NO CYCLE",
    "grants": "REVOKE GRANT OPTION FOR UPDATE ON odd.one FROM odd_role",
    "default_privileges": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO odd_role",
    "publications": "ALTER PUBLICATION odd_publication SET (publish = 'insert')",
    "published_schemas": "ALTER PUBLICATION odd_schema DROP TABLES IN SCHEMA odd",
    "subscriptions": "ALTER SUBSCRIPTION odd_subscription SET (synchronous_commit = 'local')",
    "event_triggers": "ALTER EVENT TRIGGER note_change ENABLE ALWAYS",
    "comments": "COMMENT ON TABLE odd.one IS 'another'",
}
"""A change of each kind; of tablespaces there is none on Aurora."""

ASKED = {"fingerprint": {"ignore": [], "comments": True}}


@pytest.fixture(scope="module")
def odd(company: Company) -> Iterator[Estate]:
    """The company with one of everything, witnessed with comments."""
    company.run(EVERYTHING)
    company.source.back_up()
    try:
        yield Estate(company, witnessed(company, **ASKED))
    finally:
        for statement in (
            "ALTER SUBSCRIPTION odd_subscription SET (slot_name = NONE)",
            "DROP SUBSCRIPTION odd_subscription",
            "DROP PUBLICATION odd_publication",
            "DROP PUBLICATION IF EXISTS odd_schema",
            "ALTER DATABASE fibonacci RESET odd.key",
            "DROP SCHEMA odd CASCADE",
            "DROP FOREIGN DATA WRAPPER odd_wrapper CASCADE",
            "DROP LANGUAGE odd_language",
            "DROP OWNED BY odd_role",
            "DROP ROLE odd_role",
        ):
            company.run(statement)


def kinds(company: Company) -> list[str]:
    (version,) = company.run("SELECT current_setting('server_version_num')::int")[0]
    return [kind for kind in KINDS if version >= SINCE.get(kind, 0) and kind != "tablespaces"]


def test_each_kind_is_seen_and_a_change_of_it_told(odd: Estate) -> None:
    copy = odd.copy()
    seen = {
        record[0]
        for key, text in odd.drilled.shelf.objects.items()
        if "/witness/catalogs-after-" in key
        for record in json.loads(text)
    }
    assert seen == set(kinds(odd.company))
    healthy = odd.judge(copy, **ASKED)
    assert (healthy.red(), healthy.unsure()) == ([], [])
    for kind in kinds(odd.company):
        odd.company.run(CHANGES[kind], copy)
    outcome = odd.judge(copy, **ASKED)
    assert outcome.red() == [(kind, "fibonacci") for kind in kinds(odd.company)]
    assert outcome.unsure() == []
    for check in outcome.checks:
        assert check.status != "failed" or check.detail.count("\n") <= 12, check.name
        assert SECRET not in str(check)


def test_what_is_ignored_may_differ_and_is_told(odd: Estate) -> None:
    copy = odd.copy()
    odd.company.run(CHANGES["tables"], copy)
    odd.company.run(CHANGES["indexes"], copy)
    ignore = {"ignore": ["tables:odd.*", "indexes:odd.one_part*"], "comments": True}
    outcome = odd.judge(copy, fingerprint=ignore)
    assert outcome.red() == []
    assert "1 left out by fingerprint.ignore" in outcome.of("indexes")[0].detail


def test_no_secret_is_kept(odd: Estate) -> None:
    kept = json.dumps(odd.drilled.shelf.objects)
    assert "odd.one_partial" in kept
    assert SECRET not in kept


def test_the_whole_difference_is_in_the_evidence(odd: Estate) -> None:
    copy, shelf = odd.copy(), odd.drilled.fresh()
    odd.company.run("DROP INDEX odd.one_partial", copy)
    with copy.connect("fibonacci") as connection:
        # No index of the copy may pass for one that came and went on the source.
        for _ in range(500):
            connection.execute("SELECT pg_current_xact_id()")
        for number in range(20):
            connection.execute(f"CREATE INDEX more_{number} ON odd.one (a)")
    settings = drill(**SETTINGS | ASKED)
    outcome = judge(odd.company.login(copy), odd.drilled.witnessed, shelf, settings=settings)
    (check,) = outcome.of("indexes")
    assert outcome.red() == [("indexes", "fibonacci")]
    assert check.observed == "1 missing, 20 unexpected"
    assert check.detail.startswith("- odd.one_partial: #")
    assert check.detail.endswith(f"and 9 lines more: {plan()['key']}/checks/catalogs.json")
    whole = shelf.get_json(f"{plan()['key']}/checks/catalogs.json")
    assert (whole[0], len(whole)) == ("@@ indexes", 22)
    assert " CREATE INDEX more_0 ON odd.one" in whole[2]
