"""Checks of how a bucket is configured: does it still keep what a restore needs? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.model import Check, CheckClass, Status
from functions.s3_versions.facts import ENABLED, Facts, soonest

NOT_ASKED = "drills.yaml does not ask for it"

_ALGORITHMS = {"s3": ("AES256",), "kms": ("aws:kms", "aws:kms:dsse")}


def checks(
    *, drill: Mapping[str, Any], planned: Facts, source: Facts, own: Facts
) -> Iterator[Check]:
    """What is true of the source: as Plan found it, and now; and of the drill's own bucket now."""
    yield versioning(planned, source)
    if own.name != source.name:
        yield versioning(own, own)
    yield noncurrent_expiry(source, prefix=drill["prefix"], least=drill["noncurrent_days_minimum"])
    yield encryption(source, drill["encryption"])
    yield public_access(source, required=drill["require_public_access_block"])
    canary = drill["canary"]
    if canary and canary["in"] == "sibling":
        yield alike(source, own)


def versioning(before: Facts, now: Facts) -> Check:
    """Whether every overwritten and deleted object is kept: at the beginning, and at the end."""
    found = [facts.versioning or "never on" for facts in (before, now)]
    return _check(
        "versioning",
        now.name,
        passed=found == [ENABLED, ENABLED],
        expected=ENABLED,
        observed=found[1] if found[0] == found[1] else f"{found[0]}, and then {found[1]}",
    )


def noncurrent_expiry(facts: Facts, *, prefix: str, least: int) -> Check:
    """Whether no lifecycle rule deletes noncurrent versions sooner than the company wants.

    A rule for tags or sizes counts as if it were for every object: whom it spares is not known.
    """
    rule = soonest(facts.expiries, prefix)
    return _check(
        "noncurrent_expiry",
        facts.name,
        passed=rule is None or rule.days >= least,
        expected=f"noncurrent versions kept for {least} days at least",
        observed=f"{rule.days} days, by the rule {rule.rule or 'without a name'}"
        if rule
        else "kept, no rule deletes them",
    )


def encryption(facts: Facts, wanted: Mapping[str, str]) -> Check:
    """Whether what is written is encrypted as the policy says, by the key that it says."""
    allowed = _ALGORITHMS.get(wanted["type"])
    passed = bool(facts.encryption) if allowed is None else facts.encryption in allowed
    key = wanted["kms_key"]
    if key:
        passed = passed and _last(facts.kms_key) == _last(key)
    with_key = f" with {facts.kms_key}" if facts.kms_key else ""
    return _check(
        "encryption_default",
        facts.name,
        passed=passed,
        expected=f"{' or '.join(allowed) if allowed else 'some'}{f' with {key}' if key else ''}",
        observed=f"{facts.encryption or 'none'}{with_key}",
    )


def _last(key: str) -> str:
    return key.rpartition("/")[2]


def public_access(facts: Facts, *, required: bool) -> Check:
    """Whether nobody outside can be let in."""
    if not required:
        return Check(
            name="public_access",
            check_class=CheckClass.PROTECTION,
            target=facts.name,
            status=Status.NOT_RUN,
            expected="blocked",
            observed="not looked at",
            detail=NOT_ASKED,
            by_configuration=True,
        )
    words = ["blocked" if facts.blocked else "not wholly blocked"]
    if facts.public:
        words.append("its policy lets everybody in")
    return _check(
        "public_access",
        facts.name,
        passed=facts.blocked and not facts.public,
        expected="blocked",
        observed=", ".join(words),
    )


def alike(source: Facts, own: Facts) -> Check:
    """Whether the sibling encrypts as the source: else the canary proves another bucket.

    That each keeps versions is a check of its own. A sibling has no object lock, and its objects
    belong to the bucket's owner; where the source is otherwise it is told, for versions do not
    depend on it.
    """
    ways = [
        f"{_family(facts.encryption) or 'none'}{f' with {facts.kms_key}' if facts.kms_key else ''}"
        for facts in (source, own)
    ]
    same = _family(source.encryption) == _family(own.encryption) and _last(source.kms_key) == _last(
        own.kms_key
    )
    besides = [
        f"{word} of {source.name}: {theirs}"
        for word, theirs, ours in (
            ("object ownership", source.ownership, own.ownership),
            ("default retention", source.retention, own.retention),
        )
        if theirs and theirs != ours
    ]
    return _check(
        "same_configuration",
        own.name,
        passed=same,
        expected=f"encrypted as {source.name}",
        observed="so" if same else f"{ways[0]} there, {ways[1]} here",
        detail="; ".join(besides)
        if same
        else "set `encryption` in drills.yaml to what the bucket has, and deploy",
    )


def _family(algorithm: str) -> str:
    """The algorithm, whether a key of KMS encrypts once or twice."""
    return algorithm.removesuffix(":dsse")


def replication(facts: Facts, *, asked: str, failed: Mapping[str, float | None]) -> Check:
    """Whether what is written is replicated, and nothing failed.

    `asked` is ignored, if_replicated or required. `failed` says how much did by rule, None where
    that is not known. A rule without metrics tells
    nothing, and a metric of which no value came neither.
    """
    expected = "rules, and no failed operation in 24 hours"
    by_configuration = asked == "ignored" or (asked == "if_replicated" and not facts.replications)
    if asked == "ignored":
        status, observed, detail = Status.NOT_RUN, "not looked at", NOT_ASKED
    elif not facts.replications:
        status = Status.NOT_RUN if by_configuration else Status.FAILED
        observed, detail = "no rule is enabled", "nothing is replicated" if by_configuration else ""
    elif any(failed.values()):
        told = ", ".join(f"{rule}: {count:.0f}" for rule, count in failed.items() if count)
        status, observed, detail = Status.FAILED, f"failed operations: {told}", ""
    elif unknown := [rule for rule, count in failed.items() if count is None]:
        status, observed = Status.NOT_RUN, f"nothing is known of {', '.join(unknown)}"
        detail = "switch the rule's metrics on; S3 gives values once something was replicated"
    else:
        status, observed, detail = Status.PASSED, f"{len(failed)} rules, none failed", ""
    return Check(
        name="replication",
        check_class=CheckClass.PROTECTION,
        target=facts.name,
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
        by_configuration=by_configuration,
    )


def _check(
    name: str, target: str, *, passed: bool, expected: str, observed: str, detail: str = ""
) -> Check:
    return Check(
        name=name,
        check_class=CheckClass.PROTECTION,
        target=target,
        status=Status.PASSED if passed else Status.FAILED,
        expected=expected,
        observed=observed,
        detail=detail,
    )
