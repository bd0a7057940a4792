"""Checks of a bucket's configuration: a healthy one passes, each fault fails just its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.model import Check, Status
from functions.s3_versions import protection
from functions.s3_versions.facts import Expiry, Facts, Replication
from tests.unit.test_s3_plan import DRILL, INSIDE, SIBLING, SOURCE

RULE = Replication(rule="to-west", prefix="", destination="arn:aws:s3:::west", measured=True)


def checks(
    source: Facts = SOURCE,
    *,
    planned: Facts = SOURCE,
    own: Facts = SIBLING,
    drill: dict[str, Any] = DRILL,
) -> list[Check]:
    return list(protection.checks(drill=drill, planned=planned, source=source, own=own))


def failed(found: list[Check]) -> set[str]:
    return {check.name for check in found if check.status is Status.FAILED}


def test_a_healthy_bucket_passes() -> None:
    found = checks()
    assert {check.status for check in found} == {Status.PASSED}
    assert [check.name for check in found] == [
        "versioning",
        "versioning",
        "noncurrent_expiry",
        "encryption_default",
        "public_access",
        "same_configuration",
    ]


@pytest.mark.parametrize(
    ("change", "name", "observed"),
    [
        ({"versioning": "Suspended"}, "versioning", "Enabled, and then Suspended"),
        (
            {"expiries": (Expiry(rule="fast", prefix="x/", days=29),)},
            "noncurrent_expiry",
            "29 days, by the rule fast",
        ),
        ({"encryption": "aws:kms", "kms_key": "k"}, "encryption_default", "aws:kms with k"),
        ({"encryption": ""}, "encryption_default", "none"),
        ({"blocked": False}, "public_access", "not wholly blocked"),
        ({"public": True}, "public_access", "blocked, its policy lets everybody in"),
    ],
)
def test_each_fault_of_the_source_fails_its_own_check(
    change: dict[str, Any], name: str, observed: str
) -> None:
    own = replace(SIBLING, **{k: v for k, v in change.items() if k in ("encryption", "kms_key")})
    found = checks(replace(SOURCE, **change), own=own)
    assert failed(found) == {name}
    assert next(c for c in found if c.status is Status.FAILED).observed == observed


def test_versioning_that_was_off_at_the_beginning_fails_though_it_is_on_now() -> None:
    assert failed(checks(planned=replace(SOURCE, versioning=""))) == {"versioning"}


def test_a_sibling_that_keeps_no_versions_fails() -> None:
    found = checks(own=replace(SIBLING, versioning="Suspended"))
    assert failed(found) == {"versioning"}


@pytest.mark.parametrize("change", [{"encryption": "aws:kms"}, {"kms_key": "another"}])
def test_a_sibling_that_encrypts_otherwise_proves_another_bucket(change: dict[str, Any]) -> None:
    assert failed(checks(own=replace(SIBLING, **change))) == {"same_configuration"}


@pytest.mark.parametrize(
    "change", [{"ownership": "ObjectWriter"}, {"retention": "COMPLIANCE, 1 days"}]
)
def test_what_a_sibling_cannot_have_is_told_and_no_fault(change: dict[str, Any]) -> None:
    [check] = [c for c in checks(replace(SOURCE, **change)) if c.name == "same_configuration"]
    assert check.status is Status.PASSED
    assert next(iter(change.values())) in check.detail


def test_a_key_that_encrypts_twice_is_of_the_same_family() -> None:
    kms = {"encryption": "aws:kms", "kms_key": "k"}
    twice = replace(SOURCE, **{**kms, "encryption": "aws:kms:dsse"})
    assert protection.alike(twice, replace(SIBLING, **kms)).status is Status.PASSED


def test_a_canary_in_the_bucket_itself_has_no_sibling() -> None:
    names = [check.name for check in checks(own=SOURCE, drill=INSIDE)]
    assert "same_configuration" not in names
    assert names.count("versioning") == 1


@pytest.mark.parametrize(
    ("wanted", "found", "status"),
    [
        ({"type": "any", "kms_key": ""}, ("AES256", ""), Status.PASSED),
        ({"type": "any", "kms_key": ""}, ("", ""), Status.FAILED),
        ({"type": "kms", "kms_key": "arn:aws:kms:x:1:key/a"}, ("aws:kms", "a"), Status.PASSED),
        ({"type": "kms", "kms_key": "arn:aws:kms:x:1:key/a"}, ("aws:kms", "b"), Status.FAILED),
        ({"type": "kms", "kms_key": "arn:aws:kms:x:1:key/a"}, ("AES256", ""), Status.FAILED),
    ],
)
def test_encryption_is_by_the_kind_and_the_key_that_are_wanted(
    wanted: dict[str, str], found: tuple[str, str], status: Status
) -> None:
    facts = replace(SOURCE, encryption=found[0], kms_key=found[1])
    assert protection.encryption(facts, wanted).status is status


def test_public_access_that_is_not_asked_for_does_not_count() -> None:
    check = protection.public_access(replace(SOURCE, blocked=False), required=False)
    assert (check.status, check.by_configuration) == (Status.NOT_RUN, True)


@pytest.mark.parametrize(
    ("rules", "counts", "status"),
    [
        ((RULE,), {"to-west": 0.0}, Status.PASSED),
        ((RULE,), {"to-west": 3.0}, Status.FAILED),
        ((RULE,), {"to-west": None}, Status.NOT_RUN),
        ((), {}, Status.FAILED),
    ],
)
def test_replication_that_is_required_needs_a_rule_and_a_number(
    rules: tuple[Replication, ...], counts: dict[str, float | None], status: Status
) -> None:
    facts = replace(SOURCE, replications=rules)
    check = protection.replication(facts, asked="required", failed=counts)
    assert check.status is status
    assert not check.by_configuration


@pytest.mark.parametrize("asked", ["ignored", "if_replicated"])
def test_replication_that_is_not_asked_for_does_not_count(asked: str) -> None:
    check = protection.replication(SOURCE, asked=asked, failed={})
    assert (check.status, check.by_configuration) == (Status.NOT_RUN, True)


@pytest.mark.parametrize(
    ("count", "status"),
    [(0.0, Status.PASSED), (1.0, Status.FAILED), (None, Status.NOT_RUN)],
)
def test_replication_counts_where_there_is_a_rule(count: float | None, status: Status) -> None:
    facts = replace(SOURCE, replications=(RULE,))
    check = protection.replication(facts, asked="if_replicated", failed={"to-west": count})
    assert (check.status, check.by_configuration) == (status, False)
