"""What a sweep sees before it deletes: all that may be a drill's, and the claims that are over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions import clock, executions, naming
from functions.ledger import Claim
from functions.sweep import claims, machines, scratch
from functions.sweep.claims import ODD, Claimed
from functions.watch.expired import (
    Judged,
    Kind,
    Life,
    Owner,
    Scratch,
    Sweep,
    decide,
    judge,
    owner_of,
)

logger = Logger(service="backup-drills")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failures:
    """What could not be looked at or deleted: one does not keep the sweep from the rest."""

    told: list[str] = field(default_factory=list)

    def add(self, what: str, error: Exception | None = None) -> None:
        """Keep it, and log it."""
        sentence = f"{what}: {type(error).__name__}: {error}" if error else what
        logger.error(sentence)
        self.told.append(sentence)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All that was found, what could not be listed, what is to be done, the claims that are over.

    `drills` are those whose claims the next sweep must ask for.
    """

    found: tuple[Scratch, ...]
    blind: Collection[Kind]
    decision: Sweep
    overdue: tuple[Claimed, ...]
    drills: frozenset[str]

    @property
    def expired(self) -> int:
        """How much there is that should be gone by now."""
        return self.decision.expired + len(self.overdue)


def see(
    *,
    function: str,
    table: str,
    sources: Collection[str],
    drills: Collection[str],
    before: Mapping[str, Any],
    failures: Failures,
    now: datetime,
) -> Seen:
    """Look at everything, and ask the ledger whose it is. `before` is the last sweep's report.

    `function` is the sweeper's own ARN. The claim of a drill that is configured no more is known
    by that report, or by a copy that is there. Where the report was lost, and nothing of RDS is
    there, nobody finds it: the ledger is asked by the names of drills, and tells none.
    """
    looked = scratch.look(function.split(":")[4])
    for kind, why in looked.blind.items():
        failures.add(f"every {kind} could not be listed: {why}")
    judged = [judge(found, sources=sources, now=now) for found in looked.found]
    runs = Runs(table=table, function=function, failures=failures)
    decision = decide(judged, life=runs.lives(judged), blind=looked.blind)
    owners = (owner_of(e.name, e.tags.get(naming.RUN_TAG, "")) for e in looked.found)
    known = {*drills, *before.get("drills", []), *(owner.drill for owner in owners if owner)}
    kept = Kept(found=looked.found, blind=frozenset(looked.blind), decision=decision)
    overdue = runs.overdue(known, now=now, before=before.get("claims", []), kept=kept)
    return Seen(
        found=looked.found,
        blind=frozenset(looked.blind),
        decision=decision,
        overdue=tuple(overdue),
        drills=frozenset({*drills, *runs.holding}),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What keeps a claim from its Teardown: somebody has laid hands on what is there of its run."""

    found: tuple[Scratch, ...]
    blind: Collection[Kind]
    decision: Sweep

    def until(self, claim: Claim) -> datetime | None:
        """The latest expiry that the tags of its copy tell; None where they tell none."""
        told = (each.tags.get(naming.EXPIRES_TAG, "") for each in self.found if _is_of(each, claim))
        return max(filter(None, map(_parsed, told)), default=None)

    def why(self, claim: Claim) -> str:
        """Why its copy stays, empty where it may go, or is gone."""
        stays = [left for left in self.decision.left if _is_of(left.found, claim)]
        if stays:
            return "; ".join(f"the {e.found.kind} {e.found.name} stays: {e.why}" for e in stays)
        names = claim.plan.get("names") if isinstance(claim.plan, dict) else None
        if names and {Kind.INSTANCE, Kind.CLUSTER} & set(self.blind):
            return "whether its copy may go is not known: the copies could not all be listed"
        return ""


def _is_of(found: Scratch, claim: Claim) -> bool:
    """Whether it is a part of the copy of that run, whatever it is called by now."""
    copies = (Kind.INSTANCE, Kind.CLUSTER)
    return found.kind in copies and found.tags.get(naming.RUN_TAG) == claim.run_id


def _parsed(expires: str) -> datetime | None:
    try:
        return clock.parse(expires)
    except (OverflowError, ValueError):
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """What is known of runs; the claim and the machine of each drill are asked once.

    `function` is the sweeper's own ARN: the machines are beside it.
    """

    table: str
    function: str
    failures: Failures
    going: dict[str, frozenset[str]] = field(default_factory=dict)
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
        self,
        drills: Iterable[str],
        *,
        now: datetime,
        before: Collection[Mapping[str, Any]],
        kept: Kept,
    ) -> list[Claimed]:
        """The claims whose time is over."""
        found = []
        for drill in sorted(drills):
            claim = self._of(drill)
            if claim is None:
                continue
            try:
                claimed = claims.look(
                    drill,
                    claim,
                    now=now,
                    before=before,
                    put_off=kept.until(claim),
                    stays=kept.why(claim),
                )
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
            going = self._going(owner.drill)
            return claims.life_of(owner, claim, table=self.table, going=going)
        except (ClientError, BotoCoreError, *ODD) as error:
            self.failures.add(f"whether the run {owner.run} of {owner.drill} goes on", error)
            return Life.UNKNOWN

    def _going(self, drill: str) -> frozenset[str]:
        if drill not in self.going:
            machine = machines.of_drill(drill, function=self.function)
            self.going[drill] = executions.runs_of(machine)
        return self.going[drill]

    def _of(self, drill: str) -> Claim | None:
        if drill not in self.asked:
            self.asked[drill] = None
            try:
                self.asked[drill] = claims.claim_of(drill, table=self.table)
            except claims.Unreadable as error:
                self.unreadable.add(drill)
                self.failures.add(str(error))
        return self.asked[drill]
