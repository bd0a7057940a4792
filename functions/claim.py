"""The end of every Plan: one run of a drill at a time, one for each scheduled time."""

from __future__ import annotations

from typing import Any

from functions import clock, executions
from functions.evidence import Evidence
from functions.ledger import Claim, Ledger
from functions.model import Answer
from functions.step import Run, done, waiting

DEAD = "Dead"
"""The name of the error with which the line calls Teardown for a run that is dead."""


def claim(run: Run, made: dict[str, Any], *, dry_run: bool, scheduled_time: str | None) -> Answer:
    """Store the plan that was made, and claim the drill for this run.

    A second run of the drill, a scheduled time that ran already and a dry run end here, skipped. A
    claim of a run that is dead is answered with `outcome: clear`: the line tears down what that run
    planned, then asks Plan again.
    """
    execution = run.document["execution"]
    Evidence.of(run.settings).put_json(f"{made['key']}/plan.json", made)
    if dry_run:
        return done(outcome="skipped", reason="dry run: planned, and nothing made", **made)
    ledger = Ledger.of(run.settings, run.drill["name"])
    if scheduled_time:
        other = ledger.take_schedule(scheduled_time, execution["id"])
        if other:
            reason = f"the scheduled time {scheduled_time} was taken by {other}"
            return done(outcome="skipped", reason=reason, **made)
    dead = run.previous.get("dead") or {}
    cleared = dead.get("execution") if dead.get("teardown", {}).get("done") else None
    holder = ledger.claim(
        Claim(execution=execution["id"], run_id=made["run_id"], plan=made), instead_of=cleared
    )
    if holder is None:
        return done(outcome="go", cleared=cleared, **made)
    if executions.is_running(holder.execution):
        reason = f"another run of this drill has the claim: {holder.execution}"
        return done(outcome="skipped", reason=reason, **made)
    return waiting(
        1,
        f"what the dead run {holder.run_id} planned to be torn down",
        outcome="clear",
        dead={"execution": holder.execution, "plan": holder.plan, "teardown": {}},
    )


def waited_seconds(run: Run) -> float:
    """How long a step has waited since its first call."""
    began = run.previous.get("started_at")
    return (run.now - clock.parse(began)).total_seconds() if began else 0.0
