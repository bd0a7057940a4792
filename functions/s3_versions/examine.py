"""A look at the buckets between drills: ten questions a bucket, one for each rule and key of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from functions.aurora import keys
from functions.health import Finding, Health, unreadable
from functions.s3_versions import health, metrics, objects
from functions.s3_versions.facts import Facts
from functions.s3_versions.health import Look
from functions.watch.watched import Source


def examine(sources: Sequence[Source], *, now: datetime) -> Iterator[tuple[Source, Health]]:
    """The health of each bucket, in their order; raises nothing for one that cannot be read.

    Nine questions of S3 a bucket; one of CloudWatch for each of its rules that has metrics, and one
    of KMS for each key that drills.yaml names. No quota of S3 is near: it counts by prefix, in
    thousands a second.
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
    return Look(
        name=source.name,
        facts=facts,
        failed=_failed(source, facts, now, unread),
        keys=_keys(source, unread),
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


def _keys(source: Source, unread: list[Finding]) -> dict[str, str | None]:
    states: dict[str, str | None] = {}
    for key in health.keys_of(source.wanted):
        try:
            states[key] = keys.key_state(key)
        except (BotoCoreError, ClientError) as error:
            unread.append(unreadable(f"DescribeKey of {key}", error))
    return states
