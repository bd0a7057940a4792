"""What a sweep sees before it deletes: all that may be a drill's, and the claims that are over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.ledger import Claim
from functions.sweep import claims, scratch
from functions.sweep.claims import Claimed
from functions.watch.expired import Judged, Kind, Life, Owner, Scratch, Sweep, decide, judge

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
    account: str,
    table: str,
    sources: Collection[str],
    drills: Collection[str],
    before: Mapping[str, Any],
    failures: Failures,
    now: datetime,
) -> Seen:
    """Look at everything, and ask the ledger whose it is. `before` is the last sweep's report."""
    looked = scratch.look(account)
    for kind, why in looked.blind.items():
        failures.add(f"every {kind} could not be listed: {why}")
    judged = [judge(found, sources=sources, now=now) for found in looked.found]
    runs = Runs(table=table, failures=failures)
    decision = decide(judged, life=runs.lives(judged), blind=looked.blind)
    known = {*drills, *before.get("drills", []), *runs.asked}
    overdue = runs.overdue(known, now=now, before=before.get("claims", []))
    return Seen(
        found=looked.found,
        blind=frozenset(looked.blind),
        decision=decision,
        overdue=tuple(overdue),
        drills=frozenset({*drills, *runs.holding}),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """What the ledger knows of runs; the claim of each drill is asked for once in a sweep."""

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
