"""How a bucket stands between drills, judged: does it keep, today, what a restore would need? Pure.

What a drill's own checks of protection say (`protection`) is what these findings say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from functions import clock
from functions.health import Finding, Gauge, Health, of_check
from functions.s3_versions import protection
from functions.s3_versions.facts import Facts, covers, soonest
from functions.watch.conditions import (
    ADVICE,
    REPLICATION_FAILING,
    UNPROTECTED,
    VERSIONING_OFF,
)

_USABLE: Final = "Enabled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """A bucket as it was seen; `facts` is None where it is not there, or where nobody answered.

    `failed` are the operations that failed in 24 hours, by each rule that was asked about: None
    where S3 gave no value. `keys` are the states of the keys that were asked about, None for one
    that is not there; `hidden` are those of the bucket alone that may not be asked about. `unread`
    are the questions that were not answered.
    """

    name: str
    facts: Facts | None
    failed: Mapping[str, float | None] = field(default_factory=dict)
    keys: Mapping[str, str | None] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    unread: tuple[Finding, ...] = ()


def judge(look: Look, *, wanted: Mapping[str, Any], now: datetime) -> Health:
    """What is true of a bucket. `wanted` is what infra/kinds/s3_versions_health.py writes.

    Nothing is judged by what could not be read: that is a finding of its own.
    """
    facts = look.facts
    if facts is None and look.unread:
        return Health(findings=look.unread)
    if facts is None:
        text = f"{look.name}: there is no such bucket: expected it, with versioning Enabled"
        return Health(
            findings=(Finding(condition=VERSIONING_OFF.name, text=text),), facts={"exists": False}
        )
    found = [
        *_versioning(facts),
        *_protection(facts, wanted),
        *_keys(look),
        *_replication(facts, look.failed, wanted["replication"]),
        *_lifecycle_advice(facts, wanted),
    ]
    return Health(
        gauges=tuple(_gauges(facts, look.failed, wanted["replication"])),
        findings=(*dict.fromkeys(found), *look.unread),
        facts=_told(facts, look, wanted, now),
    )


def is_known(facts: Facts, *parts: str) -> bool:
    """Whether all of these parts of a bucket's configuration could be looked at.

    >>> is_known(Facts(name="b", versioning="", unknown=("policy",)), "policy", "lifecycle")
    False
    """
    return not set(parts) & set(facts.unknown)


def _versioning(facts: Facts) -> Iterator[Finding]:
    if is_known(facts, "versioning"):
        yield from of_check(VERSIONING_OFF.name, protection.versioning(facts, facts))


def _protection(facts: Facts, wanted: Mapping[str, Any]) -> Iterator[Finding]:
    if is_known(facts, "lifecycle"):
        for kept in wanted["kept"]:
            check = protection.noncurrent_expiry(facts, prefix=kept["prefix"], least=kept["days"])
            yield from of_check(UNPROTECTED.name, check)
    if is_known(facts, "encryption"):
        for encryption in wanted["encryption"]:
            yield from of_check(UNPROTECTED.name, protection.encryption(facts, encryption))
    if is_known(facts, "access block"):
        required = wanted["public_access_block"]
        yield from of_check(UNPROTECTED.name, protection.public_access(facts, required=required))


def _keys(look: Look) -> Iterator[Finding]:
    """Without its key, nobody can read what is encrypted with it.

    Whether a key that the bucket alone names can be used is not known where its own policy lets
    nobody ask: that is advice, for the key may be another account's, and may well work.
    """
    for key, state in look.keys.items():
        if state != _USABLE:
            text = f"{look.name}: its key {key} is {state or 'not there'}: expected {_USABLE}"
            yield Finding(condition=UNPROTECTED.name, text=text)
    for key in look.hidden:
        text = (
            f"{look.name}: whether its key {key} can be used is not known: DescribeKey is denied:"
            " let the key's policy allow it, and name the key in drills.yaml"
        )
        yield Finding(condition=ADVICE.name, text=text)


def keys_of(wanted: Mapping[str, Any]) -> list[str]:
    """The keys that a bucket's drills expect it to be encrypted with.

    >>> keys_of({"encryption": [{"type": "kms", "kms_key": "k"}, {"type": "any", "kms_key": ""}]})
    ['k']
    """
    return [each["kms_key"] for each in wanted["encryption"] if each["kms_key"]]


def own_key(facts: Facts) -> str:
    """The key that the bucket itself names for what is written; empty for one of AWS's own.

    S3 tells it as whoever set it wrote it: an id, an ARN, or an alias. AWS's own nobody can disable
    or delete.

    >>> own_key(Facts(name="b", versioning="", encryption="aws:kms", kms_key="alias/files"))
    'alias/files'
    >>> own_key(Facts(name="b", versioning="", encryption="aws:kms", kms_key="alias/aws/s3"))
    ''
    """
    return "" if "alias/aws/" in facts.kms_key else facts.kms_key


def _replication(facts: Facts, failed: Mapping[str, float | None], asked: str) -> Iterator[Finding]:
    """S3 publishes a rule's failures only where it has metrics, and once something was replicated.

    So a rule without a value is no failure: its user's guide says to ignore missing data. That a
    bucket was replicated once, and is no more, one look cannot know: only `required` asks for it.
    """
    if asked == "ignored" or not is_known(facts, "replication"):
        return
    check = protection.replication(facts, asked=asked, failed=failed)
    condition = REPLICATION_FAILING if facts.replications else UNPROTECTED
    yield from of_check(condition.name, check)
    for rule in facts.replications:
        if not rule.measured:
            what = "has no metrics: whether it fails is not known: expected them switched on"
        elif asked == "required" and rule.rule in failed and failed[rule.rule] is None:
            what = "has metrics without a value in 24 hours: whether it works is not known"
        else:
            continue
        text = f"{facts.name}: the replication rule {rule.rule or 'without a name'} {what}"
        yield Finding(condition=ADVICE.name, text=text)


def _lifecycle_advice(facts: Facts, wanted: Mapping[str, Any]) -> Iterator[Finding]:
    if not is_known(facts, "lifecycle"):
        return
    for prefix in dict.fromkeys(kept["prefix"] for kept in wanted["kept"]):
        below = f" below {prefix!r}" if prefix else ""
        if soonest(facts.expiries, prefix) is None:
            yield Finding(
                condition=ADVICE.name,
                text=f"{facts.name}: no lifecycle rule ends noncurrent versions{below}: they are"
                " kept, and paid for, for ever",
            )
        if not any(covers(abort, prefix) for abort in facts.aborts):
            yield Finding(
                condition=ADVICE.name,
                text=f"{facts.name}: no lifecycle rule aborts unfinished uploads{below}: their"
                " parts are paid for, and no listing of objects shows them",
            )


def _gauges(facts: Facts, failed: Mapping[str, float | None], asked: str) -> Iterator[Gauge]:
    """How many operations failed, as far as it is known: no value is not 0."""
    counts = [count for count in failed.values() if count is not None]
    if asked != "ignored" and is_known(facts, "replication") and (counts or not facts.replications):
        yield Gauge(name="FailedReplications", value=sum(counts), unit="Count")


def _told(facts: Facts, look: Look, wanted: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The facts as JSON has them. `kept` says since when each version below a prefix is there."""
    document = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in facts.to_document().items()
    }
    prefixes = dict.fromkeys(kept["prefix"] for kept in wanted["kept"])
    return {
        "exists": True,
        **document,
        "kept": [_kept(facts, prefix, now) for prefix in prefixes],
        "failed_replications": dict(look.failed),
        "keys": dict(look.keys),
    }


def _kept(facts: Facts, prefix: str, now: datetime) -> dict[str, Any]:
    """For how many days a noncurrent version lives, and since when all are there; None for ever."""
    rule = soonest(facts.expiries, prefix)
    return {
        "prefix": prefix,
        "days": rule.days if rule else None,
        "since": clock.render(now - timedelta(days=rule.days)) if rule else None,
    }
