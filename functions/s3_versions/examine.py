"""A look at the buckets between drills: nine questions a bucket, and one a rule and key of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from functions.aurora import keys
from functions.aws import code_of
from functions.health import Finding, Health, unreadable
from functions.s3_versions import health, metrics, objects
from functions.s3_versions.facts import Facts
from functions.s3_versions.health import Look
from functions.watch.watched import Source

_DENIED = "AccessDeniedException"


def examine(sources: Sequence[Source], *, now: datetime) -> Iterator[tuple[Source, Health]]:
    """The health of each bucket, in their order; raises nothing for one that cannot be read.

    Nine questions of S3 a bucket; one of CloudWatch for each of its rules that has metrics, and one
    of KMS for each key that drills.yaml or the bucket itself names. No quota of either is near: S3
    counts by prefix, in thousands a second, and KMS allows thousands of DescribeKey.
    """
    for source in sources:
        yield source, health.judge(_look(source, now), wanted=source.wanted, now=now)


def _look(source: Source, now: datetime) -> Look:
    """A bucket, as far as AWS answers. A connection that breaks is not tried nine times."""
    try:
        facts, errors = objects.look(source.name)
    except BotoCoreError as error:
        return Look(name=source.name, facts=None, unread=(unreadable(source.name, error),))
    unread = [unreadable(f"{error.operation_name} of {source.name}", error) for error in errors]
    if facts is None:
        return Look(name=source.name, facts=None)
    failed = _failed(source, facts, now, unread)
    states, hidden = _keys(source, facts, unread)
    return Look(
        name=source.name,
        facts=facts,
        failed=failed,
        keys=states,
        hidden=hidden,
        unread=tuple(unread),
    )


def _failed(
    source: Source, facts: Facts, now: datetime, unread: list[Finding]
) -> dict[str, float | None]:
    rules = [rule for rule in facts.replications if rule.measured]
    if source.wanted["replication"] == "ignored" or not rules:
        return {}
    try:
        return metrics.failed_replications(source.name, rules, now=now)
    except (BotoCoreError, ClientError) as error:
        unread.append(unreadable(f"GetMetricStatistics of {source.name}", error))
        return {}


def _keys(
    source: Source, facts: Facts, unread: list[Finding]
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The states of the keys of drills.yaml and of the bucket; those that nobody lets us ask about.

    A key that drills.yaml names we may ask about by right: that this is denied is no advice.
    """
    named, own = health.keys_of(source.wanted), health.own_key(facts)
    states: dict[str, str | None] = {}
    hidden: list[str] = []
    for key in dict.fromkeys([*named, *([own] if own and not _among(named, own) else [])]):
        try:
            states[key] = keys.key_state(key)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and code_of(error) == _DENIED and key not in named:
                hidden.append(key)
            else:
                unread.append(unreadable(f"DescribeKey of {key}", error))
    return states, tuple(hidden)


def _among(named: Sequence[str], key: str) -> bool:
    """Whether a key is one of these, which are ARNs, though it may be told by its id alone."""
    return any(arn == key or arn.endswith(f":key/{key}") for arn in named)
