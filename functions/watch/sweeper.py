"""The sweeper: every hour, what a dead drill left behind, once it has expired.

A stop or a time-out of an execution runs no Catch, and so no Teardown. What a run made says by its
name and its tags that it may go; what it did elsewhere is in the ledger's claim, and undone by the
Teardown of its own kind. What was asked to go is looked up by the next sweep, and told as gone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import DrillError, EvidenceMissing
from functions.evidence import Evidence
from functions.report.metrics import Measure, emit
from functions.settings import Settings
from functions.sweep import claims, tagged, told
from functions.sweep.claims import Claimed, Outcome
from functions.sweep.ending import end_all
from functions.sweep.seen import Failures, see
from functions.watch.expired import EXPIRED, SWEEPS, UNTAGGED, Sweep
from functions.watch.watched import Watched

logger = Logger(service="backup-drills")


class SweepFailed(DrillError):
    """When something could not be looked at or deleted: the log names it, and the alarm rings."""


class LambdaContext(Protocol):
    """What the sweeper asks of Lambda's context object."""

    @property
    def invoked_function_arn(self) -> str:
        """The function's own ARN, which has the account in it."""

    def get_remaining_time_in_millis(self) -> int:
        """How long this call may still take."""


def sweep(event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Delete in order what has expired and whose run is dead; how much there was of what.

    What AWS does not let go yet is found again by the next sweep. Raises NotAWatchList, and
    SweepFailed once everything was tried.
    """
    function = context.invoked_function_arn
    watched = Watched.from_document(event.get("watched"))
    settings, now = Settings.from_environment(os.environ), datetime.now(UTC)
    evidence, failures = Evidence.of(settings), Failures()
    before = _last_report(evidence, failures)
    sources = {evidence.bucket, *(source.name for source in watched.sources)}
    seen = see(
        function=function,
        table=settings.ledger_table,
        sources=sources,
        drills={drill.name for drill in watched.drills},
        before=before,
        failures=failures,
        now=now,
    )
    others = _others(failures)
    untagged = seen.decision.counted_untagged + len(others)
    _measure(settings, {EXPIRED: seen.expired, UNTAGGED: untagged})
    ended = end_all(
        seen.decision,
        sources=sources,
        table=settings.ledger_table,
        function=function,
        failures=failures,
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    _tell(ended.decision)
    report = told.report(
        stack=watched.stack,
        now=now,
        sweep=ended.decision,
        asked=told.follow(before, found=seen.found, asked=ended.asked, blind=seen.blind, now=now),
        claims=_clear(seen.overdue, settings.ledger_table, context, failures),
        others=others,
        failed=failures.told,
        drills=seen.drills,
        before=before,
    )
    _store(evidence, report, failures)
    logger.info("swept", counts=report["counts"])
    _measure(settings, {SWEEPS: 1})
    if failures.told:
        raise SweepFailed("; ".join(failures.told))
    return dict(report["counts"])


def _last_report(evidence: Evidence, failures: Failures) -> dict[str, Any]:
    """What the last sweep told; nothing before the first one, and where it makes no sense."""
    try:
        return told.understood(evidence.get_json(told.KEY))
    except EvidenceMissing:
        return {}
    except (ClientError, BotoCoreError, OverflowError, ValueError) as error:
        failures.add(f"{told.KEY} could not be read, and is begun anew", error)
        return {}


def _tell(decision: Sweep) -> None:
    for word in ("late", "held", "refused", "untagged", "far"):
        for left in getattr(decision, word):
            resource = left.found.handle or left.found.name
            logger.warning(word, kind=left.found.kind.value, resource=resource, why=left.why)


def _clear(
    overdue: Collection[Claimed], table: str, context: LambdaContext, failures: Failures
) -> list[dict[str, Any]]:
    """Have what dead runs planned torn down; what became of each claim."""
    waiting = [each for each in overdue if each.outcome is Outcome.WAITING]
    done = claims.clear(
        waiting,
        table=table,
        remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    for each in done:
        logger.info("claim", drill=each.drill, outcome=each.outcome.value, why=each.why)
        if each.outcome is Outcome.FAILED:
            run = f"the run {each.claim.run_id} of {each.drill}"
            failures.add(f"could not tear down what {run} planned: {each.why}")
    others = [each for each in overdue if each not in waiting]
    return [each.to_document() for each in (*others, *done)]


def _others(failures: Failures) -> list[str]:
    try:
        return tagged.others()
    except (ClientError, BotoCoreError, *claims.ODD) as error:
        failures.add("what else bears the tag could not be listed", error)
        return []


def _store(evidence: Evidence, report: Mapping[str, Any], failures: Failures) -> None:
    try:
        evidence.put_json(told.KEY, report)
    except (ClientError, BotoCoreError) as error:
        failures.add(f"{told.KEY} could not be written", error)


def _measure(settings: Settings, values: Mapping[str, int]) -> None:
    emit(
        [Measure(name=name, value=float(value), unit="Count") for name, value in values.items()],
        namespace=settings.namespace,
    )
