"""The sweeper: every hour, what a dead drill left behind, once it has expired.

A stop or a time-out of an execution runs no Catch, and so no Teardown. What a run made says by its
name and its tags that it may go; what it did elsewhere is in the ledger's claim, and undone by the
Teardown of its own kind. What was asked to go is looked up by the next sweep, and told as gone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import DrillError, EvidenceMissing, TryAgain
from functions.evidence import Evidence
from functions.ledger import Claim
from functions.report.metrics import Measure, emit
from functions.settings import Settings
from functions.sweep import claims, scratch, tagged, told
from functions.sweep.claims import Claimed, Outcome
from functions.watch.expired import (
    EXPIRED,
    SWEEPS,
    UNTAGGED,
    Judged,
    Life,
    Owner,
    Scratch,
    Sweep,
    decide,
    judge,
)
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """What could not be looked at or deleted: one does not keep the sweep from the rest."""

    told: list[str] = field(default_factory=list)

    def add(self, what: str, error: Exception | None = None) -> None:
        """Keep it, and log it."""
        sentence = f"{what}: {type(error).__name__}: {error}" if error else what
        logger.error(sentence)
        self.told.append(sentence)


def sweep(event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
    """Delete in order what has expired and whose run is dead; how much there was of what.

    What AWS does not let go yet is found again by the next sweep. Raises NotAWatchList, and
    SweepFailed once everything was tried.
    """
    watched = Watched.from_document(event.get("watched"))
    settings, now = Settings.from_environment(os.environ), datetime.now(UTC)
    evidence, failures = Evidence.of(settings), Failures()
    before = _last_report(evidence, failures)
    looked = scratch.look(context.invoked_function_arn.split(":")[4])
    for kind, why in looked.blind.items():
        failures.add(f"every {kind} could not be listed: {why}")
    sources = {evidence.bucket, *(source.name for source in watched.sources)}
    judged = [judge(found, sources=sources, now=now) for found in looked.found]
    ledger = _Claims(table=settings.ledger_table, failures=failures)
    decision = decide(judged, life=ledger.lives(judged), blind=looked.blind)
    drills = {drill.name for drill in watched.drills}
    known = {*drills, *before.get("drills", []), *ledger.asked}
    overdue = ledger.overdue(known, now=now, before=before.get("claims", []))
    _measure(
        settings,
        {EXPIRED: decision.expired + len(overdue), UNTAGGED: decision.counted_untagged},
    )
    _tell(decision)
    asked = [found for found in decision.delete if _delete(found, failures)]
    done = _clear(overdue, settings.ledger_table, context, failures)
    report = told.report(
        stack=watched.stack,
        now=now,
        sweep=decision,
        asked=told.follow(before, found=looked.found, asked=asked, blind=looked.blind, now=now),
        claims=[each.to_document() for each in done],
        others=_others(failures),
        failed=failures.told,
        drills=drills | ledger.holding,
        before=before,
    )
    _store(evidence, report, failures)
    logger.info("swept", counts=report["counts"])
    _measure(settings, {SWEEPS: 1})
    if failures.told:
        raise SweepFailed("; ".join(failures.told))
    return dict(report["counts"])


def _last_report(evidence: Evidence, failures: Failures) -> dict[str, Any]:
    """What the last sweep told; nothing before the first one."""
    try:
        found = evidence.get_json(told.KEY)
    except EvidenceMissing:
        return {}
    except (ClientError, BotoCoreError, ValueError) as error:
        failures.add(f"{told.KEY} could not be read", error)
        return {}
    return found if isinstance(found, dict) and found.get("sweep_version") == told.VERSION else {}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claims:
    """The claims of drills, each asked for once in a sweep."""

    table: str
    failures: Failures
    asked: dict[str, Claim | None] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    @property
    def holding(self) -> set[str]:
        """The drills that have a claim, or of which nobody knows."""
        return {drill for drill, claim in self.asked.items() if claim} | self.unreadable

    def lives(self, judged: Iterable[Judged]) -> dict[Owner, Life]:
        """What is known of the runs of all that has expired."""
        owners = {each.owner for each in judged if each.owner}
        return {owner: self._life(owner) for owner in sorted(owners, key=lambda each: each.run)}

    def overdue(
        self, drills: Iterable[str], *, now: datetime, before: Collection[Mapping[str, Any]]
    ) -> list[Claimed]:
        """The claims whose time is over."""
        found = []
        for drill in sorted(drills):
            claim = self._of(drill)
            if claim is None:
                continue
            try:
                claimed = claims.look(drill, claim, now=now, before=before)
            except claims.Unreadable as error:
                self.failures.add(str(error))
            else:
                found += [claimed] if claimed else []
        return found

    def _life(self, owner: Owner) -> Life:
        claim = self._of(owner.drill)
        if owner.drill in self.unreadable:
            return Life.UNKNOWN
        try:
            return claims.life_of(owner, claim, table=self.table)
        except (ClientError, BotoCoreError, ValueError, KeyError) as error:
            self.failures.add(f"whether the run {owner.run} of {owner.drill} goes on", error)
            return Life.UNKNOWN

    def _of(self, drill: str) -> Claim | None:
        if drill not in self.asked:
            self.asked[drill] = None
            try:
                self.asked[drill] = claims.claim_of(drill, table=self.table)
            except claims.Unreadable as error:
                self.unreadable.add(drill)
                self.failures.add(str(error))
        return self.asked[drill]


def _tell(decision: Sweep) -> None:
    for word in ("late", "held", "refused", "untagged"):
        for left in getattr(decision, word):
            resource = left.found.handle or left.found.name
            logger.warning(word, kind=left.found.kind.value, resource=resource, why=left.why)


def _delete(found: Scratch, failures: Failures) -> bool:
    """Ask for the end of something; whether it could be asked for."""
    try:
        scratch.delete(found)
    except (ClientError, BotoCoreError, TryAgain) as error:
        failures.add(f"could not delete the {found.kind} {found.handle or found.name}", error)
        return False
    logger.info("asked to delete", kind=found.kind.value, resource=found.handle or found.name)
    return True


def _clear(
    overdue: Iterable[Claimed], table: str, context: LambdaContext, failures: Failures
) -> list[Claimed]:
    """Have what dead runs planned torn down; what became of each claim."""
    found = list(overdue)
    waiting = [each for each in found if each.outcome is Outcome.WAITING]
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
    return [*(each for each in found if each not in waiting), *done]


def _others(failures: Failures) -> list[str]:
    try:
        return tagged.others()
    except (ClientError, BotoCoreError) as error:
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
