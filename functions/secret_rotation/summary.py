"""What a rotation drill tells the report: phases, objectives, what was measured beside. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions import clock, summary
from functions.model import Check, Document, Fact, Phase, Summary


def summarize(document: Document) -> Summary:
    """The summary of a run, from whatever keys of its document are there.

    RTO is from the request to rotate until AWSCURRENT is on the new version. There is no RPO: no
    data is at stake.
    """
    drill, plan = document.get("drill") or {}, document.get("plan") or {}
    if plan.get("outcome") != "go" or not drill:
        return Summary(source_name=drill.get("secret", ""), restores=False)
    exercise = document.get("exercise") or {}
    teardown = document.get("teardown") or {}
    measured = exercise.get("rotation_seconds")
    objectives = drill["objectives"]
    target = plan["subject"]["name"]
    why = _unmeasured(exercise)
    return Summary(
        restores=False,
        source_name=plan["source"]["name"],
        source_arn=plan["source"]["arn"],
        source_version=plan["source"]["facts"]["engine"],
        restore_from={"live": "live rotation"}.get(plan["mode"], plan["mode"]),
        rto_seconds=measured,
        phases=_phases(document),
        objectives=(
            summary.objective(
                "rotation_time",
                target,
                measured,
                allowed=objectives["rto_seconds"],
                why=why,
                digits=3,
            ),
            _lockout(target, exercise, objectives["lockout_seconds"], why),
        ),
        facts=tuple(_facts(document)),
        leftovers=summary.resources(teardown.get("leftovers")),
        proven=bool(teardown.get("proven")),
        remedy=tuple(_remedy(document)),
        emergency=_emergency(plan, teardown),
    )


def _remedy(document: Document) -> list[str]:
    """What to do: what Teardown found at the end goes before what Verify found."""
    teardown, verify = document.get("teardown") or {}, document.get("verify") or {}
    found: list[str] = teardown.get("remedy") or verify.get("remedy") or []
    return found


def _emergency(plan: dict[str, Any], teardown: dict[str, Any]) -> str:
    """What outranks all else: the real secret no longer opens the database."""
    if plan["mode"] != "live" or not teardown.get("leftovers"):
        return ""
    name = plan["source"]["name"]
    return f"Nobody can log in with {name}: the database refuses the password that is current."


def _unmeasured(exercise: dict[str, Any]) -> str:
    if exercise.get("interrupted"):
        return "the call that watched the rotation died"
    if exercise.get("rotated"):
        return "no login with the new password was accepted after it, or none with the old before"
    return str(exercise.get("reason") or "the rotation was not watched to its end")


def _lockout(target: str, exercise: dict[str, Any], allowed: float, why: str) -> Check:
    """A rotation that did not finish has its own check; what it locked out is told there."""
    measured = exercise.get("lockout_seconds") if exercise.get("rotated") else None
    return summary.objective("lockout", target, measured, allowed=allowed, why=why, digits=3)


def _phases(document: Document) -> tuple[Phase, ...]:
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    verify = document.get("verify") or {}
    teardown = document.get("teardown") or {}
    asked, current = exercise.get("requested_at"), exercise.get("current_at")
    created, accepted = exercise.get("created_at"), exercise.get("accepted_at")
    changed = min(accepted, current, key=clock.parse) if accepted and current else accepted
    spans: list[summary.Span] = [
        ("witnessed", witness.get("started_at"), witness.get("ended_at"), False),
        ("new password made", asked, created, True),
        ("password changed", created, changed, True),
        ("made current", changed or created, current, True),
        ("verified", verify.get("started_at"), teardown.get("started_at"), False),
        ("left standing", teardown.get("started_at"), teardown.get("ended_at"), False),
    ]
    return summary.phases(spans)


def _facts(document: Document) -> Iterator[Fact]:
    drill, plan = document["drill"], document["plan"]
    witness, exercise = document.get("witness") or {}, document.get("exercise") or {}
    yield Fact(name="Rotated", value=f"{plan['subject']['name']} ({plan['mode']})")
    yield Fact(name="Rotation function", value=drill["function"])
    yield Fact(name="Strategy", value=plan["subject"]["strategy"])
    if witness.get("username"):
        yield Fact(name="Database user", value=witness["username"])
    if exercise.get("rotated"):
        yield Fact(name="New version", value=plan["token"])
    if exercise.get("lockout_seconds") is not None:
        told = f"{exercise['lockout_seconds'] * 1000:.0f} ms"
        logins = exercise["logins"]
        value = f"{told}, by {logins['old']} logins with the old and {logins['new']} with the new"
        yield Fact(name="Neither password worked for", value=value)
    if exercise.get("stale_seconds") is not None:
        value = f"{exercise['stale_seconds'] * 1000:.0f} ms before AWSCURRENT moved"
        yield Fact(name="The old password died", value=value)
    if exercise.get("old_session"):
        yield Fact(name="A session from before", value=exercise["old_session"])
    teardown = document.get("teardown") or {}
    if teardown.get("standing"):
        yield Fact(name="Opens the database", value=f"version {teardown['standing']}")
    if teardown.get("told"):
        yield Fact(name="Where it stood", value=teardown["told"])
    mended = [*witness.get("mended", []), *teardown.get("mended", [])]
    if mended:
        yield Fact(name="Mended", value="; ".join(mended))
