"""What a restore of a whole bucket accepts as its input, and of its buckets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.errors import Refused
from functions.s3_versions.errand import AT_A_TIME, MOST_SHARDS, SHARDS, Errand, fit, read
from functions.s3_versions.facts import Expiry, Facts
from infra.scale import RESTORE as RESTORE_MACHINE

NOW = datetime(2026, 11, 30, 5, tzinfo=UTC)
RESTORE = {"bucket": "files", "target": "restored", "in_place": False, "undelete": False}
IN_PLACE = {"bucket": "files", "target": "files", "in_place": True, "undelete": True}
AT = "2026-11-02T05:00:00Z"
BEGAN = NOW - timedelta(minutes=1)
GOOD = Facts(name="files", versioning="Enabled", encryption="AES256")


def test_an_input_of_a_time_alone_is_enough() -> None:
    assert read(RESTORE, {"at": AT}, began=BEGAN, now=NOW) == Errand(
        source="files",
        target="restored",
        at="2026-11-02T05:00:00.000000000",
        began="2026-11-30T04:59:00.000000000",
        shards=SHARDS,
    )


def test_all_that_may_be_given_is_taken() -> None:
    given = {
        "at": "2026-11-02T02:00:00.5-03:00",
        "prefix": "photos/",
        "dry_run": True,
        "undelete": True,
        "past_horizon": True,
        "accept_doubts": True,
        "shards": 7,
    }
    assert read(IN_PLACE, given, began=BEGAN, now=NOW) == Errand(
        source="files",
        target="files",
        at="2026-11-02T05:00:00.500000000",
        began="2026-11-30T04:59:00.000000000",
        prefix="photos/",
        dry_run=True,
        undelete=True,
        past_horizon=True,
        accept_doubts=True,
        shards=7,
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("now", "input: 'now': expected an object"),
        ({}, "input: at: missing: expected a time, as 2026-11-02T05:00:00Z"),
        ({"at": "yesterday"}, "input: at: 'yesterday' is not an RFC 3339 time with a zone"),
        ({"at": "2026-11-02T05:00:00"}, "input: at: '2026-11-02T05:00:00' is not an RFC 3339"),
        ({"at": 5}, "input: at: 5 is not an RFC 3339 time"),
        (
            {"at": "2026-12-01T05:00:00Z"},
            "expected a time that is past, it is 2026-11-30T05:00:00Z",
        ),
        ({"at": AT, "prefix": 1}, "input: prefix: 1: expected a string"),
        ({"at": AT, "dry_run": "yes"}, "input: dry_run: 'yes': expected true or false"),
        ({"at": AT, "undelete": 1}, "input: undelete: 1: expected true or false"),
        ({"at": AT, "undelete": True}, "input: undelete: true: expected false"),
        ({"at": AT, "past_horizon": None}, "input: past_horizon: None: expected true or false"),
        ({"at": AT, "accept_doubts": "y"}, "input: accept_doubts: 'y': expected true or false"),
        ({"at": AT, "shards": 0}, f"input: shards: 0: expected a number from 1 to {MOST_SHARDS}"),
        ({"at": AT, "shards": 1001}, "input: shards: 1001: expected a number from 1"),
        ({"at": AT, "shards": True}, "input: shards: True: expected a number from 1"),
        ({"at": AT, "shards": 2.5}, "input: shards: 2.5: expected a number from 1"),
        ({"at": AT, "to": "x"}, "input: to: unknown key: expected at, prefix, dry_run"),
    ],
)
def test_what_is_wrong_with_the_input_is_said_in_one_line(given: Any, told: str) -> None:
    with pytest.raises(Refused) as raised:
        read(RESTORE, given, began=BEGAN, now=NOW)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def fitted(source: Facts = GOOD, target: Facts = GOOD, **given: Any) -> Errand:
    return fit(read(IN_PLACE, {"at": AT, **given}, began=BEGAN, now=NOW), source, target, now=NOW)


def test_buckets_that_lose_nothing_are_accepted() -> None:
    assert fitted().horizon == ""


@pytest.mark.parametrize("versioning", ["", "Suspended"])
def test_nothing_is_written_to_a_bucket_without_versions(versioning: str) -> None:
    with pytest.raises(Refused, match=rf"versioning is {versioning or 'off'}: expected Enabled"):
        fitted(target=replace(GOOD, versioning=versioning))
    fitted(source=replace(GOOD, versioning=versioning))


def test_markers_are_not_removed_where_mfa_protects_them() -> None:
    protected = replace(GOOD, mfa_delete=True)
    with pytest.raises(Refused, match="undelete: true: expected false, files has MFA delete"):
        fitted(target=protected, undelete=True)
    fitted(target=protected)


def test_a_time_of_which_versions_may_have_expired_is_refused_unless_it_is_accepted() -> None:
    rule = replace(GOOD, expiries=(Expiry(rule="old", prefix="", days=20),))
    with pytest.raises(Refused, match=r"'old' deletes versions after 20 days: expected 2026-11-10"):
        fitted(source=rule)
    errand = fitted(source=rule, past_horizon=True)
    assert errand.horizon == "2026-11-10T05:00:00.000000000"
    later = (NOW - timedelta(days=19)).isoformat()
    assert fitted(source=rule, at=later).horizon == errand.horizon


def test_a_rule_for_other_keys_is_none_of_its_business() -> None:
    rule = replace(GOOD, expiries=(Expiry(rule="old", prefix="logs/", days=20),))
    assert fitted(source=rule, prefix="photos/").horizon == ""


def test_as_many_shards_are_worked_on_as_the_machine_says() -> None:
    machine = json.loads(RESTORE_MACHINE.read_text())
    phases = ("Plans", "Applies", "Verifies")
    assert {machine["States"][phase]["MaxConcurrency"] for phase in phases} == {AT_A_TIME}
