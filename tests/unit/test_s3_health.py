"""The health of a bucket: each damage is just its own finding, and a healthy bucket has none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from functions.health import Finding, Health
from functions.model import Status
from functions.s3_versions import protection
from functions.s3_versions.facts import Expiry, Facts, Replication
from functions.s3_versions.health import Look, judge, own_key
from functions.watch.conditions import OF_SOURCES
from tests.unit.test_s3_plan import INSIDE

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b"
RULE = Replication(rule="to-west", prefix="", destination="arn:aws:s3:::west", measured=True)
UNREAD = Finding(condition="unreadable", text="GetBucketPolicyStatus of files could not be asked")

WANTED: dict[str, Any] = {
    "kept": [{"prefix": "", "days": 30}],
    "encryption": [{"type": "s3", "kms_key": ""}],
    "public_access_block": True,
    "replication": "if_replicated",
}
SEALED: dict[str, Any] = {"encryption": "aws:kms", "kms_key": KEY}
WITH_KEY = {"encryption": [{"type": "kms", "kms_key": KEY}]}

HEALTHY = Facts(
    name="files",
    versioning="Enabled",
    encryption="AES256",
    blocked=True,
    ownership="BucketOwnerEnforced",
    expiries=(Expiry(rule="old", prefix="", days=30),),
    aborts=("",),
)


def health(
    wanted: dict[str, Any] | None = None,
    *,
    failed: dict[str, float | None] | None = None,
    keys: dict[str, str | None] | None = None,
    hidden: tuple[str, ...] = (),
    unread: tuple[Finding, ...] = (),
    **change: Any,
) -> Health:
    """Of the healthy bucket with these changes."""
    look = Look(
        name="files",
        facts=replace(HEALTHY, **change),
        failed=failed or {},
        keys=keys or {},
        hidden=hidden,
        unread=unread,
    )
    return judge(look, wanted=WANTED | (wanted or {}), now=NOW)


def conditions(found: Health) -> list[str]:
    return [finding.condition for finding in found.findings]


def gauges(found: Health) -> dict[str, float]:
    return {gauge.name: gauge.value for gauge in found.gauges}


def test_a_healthy_bucket_has_no_finding() -> None:
    found = health()
    assert found.findings == ()
    assert gauges(found) == {"FailedReplications": 0}


def test_the_facts_are_json_and_say_since_when_versions_are_kept() -> None:
    facts = health(replications=(RULE,), failed={"to-west": 0.0}).facts
    assert json.loads(json.dumps(facts)) == facts
    assert facts["exists"] is True
    assert facts["versioning"] == "Enabled"
    assert facts["kept"] == [{"prefix": "", "days": 30, "since": "2026-10-27T12:00:00Z"}]
    assert facts["failed_replications"] == {"to-west": 0.0}


@pytest.mark.parametrize(
    ("change", "condition", "text"),
    [
        (
            {"versioning": "Suspended"},
            "versioning-off",
            "files: versioning: Suspended: expected Enabled",
        ),
        ({"versioning": ""}, "versioning-off", "files: versioning: never on: expected Enabled"),
        (
            {"expiries": (Expiry(rule="fast", prefix="x/", days=29),)},
            "unprotected",
            "files: noncurrent expiry: 29 days, by the rule fast:"
            " expected noncurrent versions kept for 30 days at least",
        ),
        (
            {"encryption": ""},
            "unprotected",
            "files: encryption default: none: expected AES256",
        ),
        (
            {"encryption": "aws:kms", "kms_key": KEY},
            "unprotected",
            f"files: encryption default: aws:kms with {KEY}: expected AES256",
        ),
        (
            {"blocked": False},
            "unprotected",
            "files: public access: not wholly blocked: expected blocked",
        ),
        (
            {"public": True},
            "unprotected",
            "files: public access: blocked, its policy lets everybody in: expected blocked",
        ),
        (
            {"expiries": ()},
            "advice",
            "files: no lifecycle rule ends noncurrent versions: they are kept, and paid for,"
            " for ever",
        ),
        (
            {"aborts": ()},
            "advice",
            "files: no lifecycle rule aborts unfinished uploads: their parts are paid for, and no"
            " listing of objects shows them",
        ),
    ],
)
def test_each_damage_is_its_own_finding(change: dict[str, Any], condition: str, text: str) -> None:
    assert health(**change).findings == (Finding(condition=condition, text=text),)


def test_a_bucket_that_is_gone_keeps_nothing() -> None:
    found = judge(Look(name="files", facts=None), wanted=WANTED, now=NOW)
    assert found.findings == (
        Finding(
            condition="versioning-off",
            text="files: there is no such bucket: expected it, with versioning Enabled",
        ),
    )
    assert (found.gauges, found.facts) == ((), {"exists": False})


def test_a_bucket_of_which_nobody_answered_is_unreadable_and_nothing_else() -> None:
    found = judge(Look(name="files", facts=None, unread=(UNREAD,)), wanted=WANTED, now=NOW)
    assert (found.findings, found.gauges, found.facts) == ((UNREAD,), (), {})


@pytest.mark.parametrize(("days", "expected"), [(30, []), (29, ["unprotected"])])
def test_noncurrent_versions_may_live_just_as_long_as_is_wanted(
    days: int, expected: list[str]
) -> None:
    assert conditions(health(expiries=(Expiry(rule="r", prefix="", days=days),))) == expected


def test_each_prefix_has_its_own_wish() -> None:
    wanted = {"kept": [{"prefix": "a/", "days": 30}, {"prefix": "b/", "days": 90}]}
    rules = (Expiry(rule="r", prefix="a/", days=60), Expiry(rule="s", prefix="b/", days=89))
    found = health(wanted, expiries=rules)
    [only] = found.findings
    assert "89 days, by the rule s" in only.text
    assert [kept["days"] for kept in found.facts["kept"]] == [60, 89]


def test_two_wishes_that_one_rule_breaks_alike_are_one_finding() -> None:
    wanted = {"kept": [{"prefix": "a/", "days": 30}, {"prefix": "b/", "days": 30}]}
    assert len(health(wanted, expiries=(Expiry(rule="r", prefix="", days=7),)).findings) == 1


def test_advice_names_the_prefix() -> None:
    wanted = {"kept": [{"prefix": "a/", "days": 30}]}
    found = health(wanted, expiries=(Expiry(rule="r", prefix="b/", days=60),), aborts=("b/",))
    assert conditions(found) == ["advice", "advice"]
    assert all("below 'a/'" in finding.text for finding in found.findings)
    assert found.facts["kept"] == [{"prefix": "a/", "days": None, "since": None}]


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", "Unavailable", None])
def test_a_key_that_cannot_be_used_protects_nothing(state: str | None) -> None:
    found = health(WITH_KEY, keys={KEY: state}, **SEALED)
    assert conditions(found) == ["unprotected"]
    assert f"files: its key {KEY} is {state or 'not there'}" in found.findings[0].text


def test_a_key_that_is_enabled_is_in_order() -> None:
    assert health(WITH_KEY, keys={KEY: "Enabled"}, **SEALED).findings == ()


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion", None])
def test_a_key_that_the_bucket_alone_names_must_be_usable_too(state: str | None) -> None:
    anything = {"encryption": [{"type": "any", "kms_key": ""}]}
    assert health(anything, keys={KEY: "Enabled"}, **SEALED).findings == ()
    assert conditions(health(anything, keys={KEY: state}, **SEALED)) == ["unprotected"]


def test_a_key_that_lets_nobody_ask_about_it_is_advice_that_names_it() -> None:
    anything = {"encryption": [{"type": "any", "kms_key": ""}]}
    [only] = health(anything, hidden=(KEY,), **SEALED).findings
    assert only.condition == "advice"
    assert only.text.startswith(f"files: whether its key {KEY} can be used is not known")


@pytest.mark.parametrize("key", ["", "alias/aws/s3", "arn:aws:kms:sa-east-1:1:alias/aws/s3"])
def test_a_key_of_aws_itself_is_nobodys_to_take_away(key: str) -> None:
    assert own_key(replace(HEALTHY, encryption="aws:kms", kms_key=key)) == ""


def test_public_access_that_is_not_asked_for_is_no_finding() -> None:
    assert health({"public_access_block": False}, blocked=False).findings == ()


@pytest.mark.parametrize(
    ("asked", "count", "expected", "gauge"),
    [
        ("if_replicated", 0.0, [], 0.0),
        ("if_replicated", 1.0, ["replication-failing"], 1.0),
        ("if_replicated", None, [], None),
        ("required", 0.0, [], 0.0),
        ("required", 3.0, ["replication-failing"], 3.0),
        ("required", None, ["advice"], None),
    ],
)
def test_replication_fails_by_a_number_and_no_number_is_none(
    asked: str, count: float | None, expected: list[str], gauge: float | None
) -> None:
    found = health({"replication": asked}, replications=(RULE,), failed={"to-west": count})
    assert conditions(found) == expected
    assert gauges(found).get("FailedReplications") == gauge


def test_what_failed_is_told_by_rule() -> None:
    rules = (RULE, replace(RULE, rule="to-east"))
    found = health(replications=rules, failed={"to-west": 2.0, "to-east": 0.0})
    assert [finding.text for finding in found.findings] == [
        "files: replication: failed operations: to-west: 2:"
        " expected rules, and no failed operation in 24 hours"
    ]


def test_a_replication_that_is_required_and_not_there_leaves_the_bucket_unprotected() -> None:
    found = health({"replication": "required"})
    assert conditions(found) == ["unprotected"]
    assert "no rule is enabled" in found.findings[0].text


def test_a_rule_without_metrics_is_advice() -> None:
    blind = replace(RULE, rule="blind", measured=False)
    found = health(replications=(RULE, blind), failed={"to-west": 0.0})
    assert conditions(found) == ["advice"]
    assert "the replication rule blind has no metrics" in found.findings[0].text


@pytest.mark.parametrize("measured", [True, False])
def test_replication_that_is_ignored_is_not_looked_at(measured: bool) -> None:
    found = health({"replication": "ignored"}, replications=(replace(RULE, measured=measured),))
    assert (found.findings, found.gauges) == ((), ())


def test_numbers_that_could_not_be_read_are_no_advice_besides() -> None:
    found = health({"replication": "required"}, replications=(RULE,), unread=(UNREAD,))
    assert found.findings == (UNREAD,)
    assert found.gauges == ()


@pytest.mark.parametrize(
    ("part", "as_if_empty"),
    [
        ("versioning", {"versioning": ""}),
        ("lifecycle", {"expiries": (), "aborts": ()}),
        ("encryption", {"encryption": ""}),
        ("access block", {"blocked": False}),
        ("policy", {"public": False}),
        ("replication", {"replications": ()}),
    ],
)
def test_nothing_is_judged_by_what_could_not_be_read(
    part: str, as_if_empty: dict[str, Any]
) -> None:
    wanted = {"replication": "required"}
    good: dict[str, Any] = {"replications": (RULE,), "failed": {"to-west": 0.0}}
    change = good | as_if_empty | {"unknown": (part,), "unread": (UNREAD,)}
    if part == "replication":
        change["failed"] = {}
    assert health(wanted, **change).findings == (UNREAD,)


def test_what_was_read_is_judged_beside_what_was_not() -> None:
    found = health(unknown=("policy",), unread=(UNREAD,), versioning="Suspended")
    assert conditions(found) == ["versioning-off", "unreadable"]


def test_a_block_that_is_off_is_found_though_the_policy_could_not_be_read() -> None:
    found = health(unknown=("policy",), unread=(UNREAD,), blocked=False)
    assert conditions(found) == ["unprotected", "unreadable"]


@given(
    versioning=some.sampled_from(["Enabled", "Suspended", ""]),
    days=some.sampled_from([None, 29, 30, 90]),
    encryption=some.sampled_from(["", "AES256", "aws:kms"]),
    blocked=some.booleans(),
    public=some.booleans(),
    counts=some.dictionaries(
        some.sampled_from(["to-west", "to-east"]), some.sampled_from([None, 0.0, 1.0])
    ),
    asked=some.sampled_from(["ignored", "if_replicated", "required"]),
    required=some.booleans(),
)
def test_the_health_is_what_the_checks_of_a_drill_say(
    versioning: str,
    days: int | None,
    encryption: str,
    blocked: bool,
    public: bool,
    counts: dict[str, float | None],
    asked: str,
    required: bool,
) -> None:
    facts = replace(
        HEALTHY,
        versioning=versioning,
        expiries=(Expiry(rule="r", prefix="", days=days),) if days else (),
        encryption=encryption,
        blocked=blocked,
        public=public,
        replications=tuple(replace(RULE, rule=rule) for rule in counts),
    )
    drill = INSIDE | {"require_public_access_block": required, "replication": asked}
    checks = [
        *protection.checks(drill=drill, planned=facts, source=facts, own=facts),
        protection.replication(facts, asked=asked, failed=counts),
    ]
    look = Look(name="files", facts=facts, failed=counts)
    wanted = WANTED | {"public_access_block": required, "replication": asked}
    found = [
        finding
        for finding in judge(look, wanted=wanted, now=NOW).findings
        if finding.condition != "advice"
    ]
    failed = [check for check in checks if check.status is Status.FAILED]
    assert len(found) == len(failed)
    assert all(any(check.observed in finding.text for finding in found) for check in failed)


def test_every_condition_is_one_of_the_kinds() -> None:
    known = {condition.name for condition in OF_SOURCES["s3_versions"]}
    worst = health(
        {"replication": "required"},
        versioning="",
        encryption="",
        expiries=(),
        replications=(RULE,),
        failed={"to-west": 1.0},
        unread=(UNREAD,),
    )
    assert set(conditions(worst)) == known
