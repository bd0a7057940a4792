"""What an Aurora drill tells the report: phases, objectives, what was made and deleted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions import clock
from functions.model import Check, CheckClass, Document, Phase, Resource, Status, Summary


def summarize(document: Document) -> Summary:
    """The summary of a run, from whatever keys of its document are there.

    RTO is from the restore request to the first accepted login; waiting until the restore point
    is restorable, verifying and tearing down are phases beside it. RPO is the distance of the
    latest restorable time from the moment the drill began (the declared disaster), or the largest
    such lag seen while waiting. docs/design.md, "Objectives".
    """
    drill, plan = document.get("drill") or {}, document.get("plan") or {}
    if plan.get("outcome") != "go" or not drill:
        return Summary(source_name=drill.get("cluster", ""))
    source, restore = plan["source"], plan["restore"]
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    verify = document.get("verify") or {}
    teardown = document.get("teardown") or {}
    rto = clock.seconds_between(exercise.get("requested_at"), verify.get("first_login_at"))
    rpo = max(plan["lag_seconds"], exercise.get("largest_lag_seconds", 0))
    objectives = drill["objectives"]
    return Summary(
        source_name=source["identifier"],
        source_arn=source["arn"],
        source_version=source["engine_version"],
        restore_from=restore["from"],
        restore_asked=restore["at"],
        restore_time=restore["time"] or witness.get("restore_time"),
        rto_seconds=rto,
        rpo_seconds=rpo,
        phases=_phases(document),
        objectives=(
            _objective("rpo", source["identifier"], rpo, objectives["rpo_seconds"]),
            _objective("rto", plan["names"]["cluster"], rto, objectives["rto_seconds"]),
        ),
        created=_resources(exercise.get("created")),
        deleted=_resources(teardown.get("deleted")),
        # A teardown that never answered has seen nothing: then what was made is what may be left.
        leftovers=_resources(teardown.get("leftovers", exercise.get("created"))),
        proven=bool(teardown.get("proven")),
    )


def _phases(document: Document) -> tuple[Phase, ...]:
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    verify = document.get("verify") or {}
    teardown = document.get("teardown") or {}
    verified = teardown.get("started_at") if verify else None
    instants: list[tuple[str, str | None, str | None, bool]] = [
        ("witnessed", witness.get("started_at"), witness.get("ended_at"), False),
        ("restorable", exercise.get("started_at"), exercise.get("restorable_at"), False),
        ("accepted", exercise.get("requested_at"), exercise.get("accepted_at"), True),
        (
            "cluster available",
            exercise.get("accepted_at"),
            exercise.get("cluster_available_at"),
            True,
        ),
        (
            "instance available",
            exercise.get("cluster_available_at"),
            exercise.get("instance_available_at"),
            True,
        ),
        (
            "first login",
            exercise.get("instance_available_at"),
            verify.get("first_login_at"),
            True,
        ),
        ("verified", verify.get("first_login_at"), verified, False),
        ("torn down", teardown.get("started_at"), teardown.get("ended_at"), False),
    ]
    return tuple(
        Phase(
            name=name,
            started_at=start,
            ended_at=end,
            seconds=round((clock.parse(end) - clock.parse(start)).total_seconds(), 3),
            in_rto=in_rto,
        )
        for name, start, end, in_rto in instants
        if start and end
    )


def _objective(name: str, target: str, measured: float | None, allowed: float) -> Check:
    if measured is None:
        status, observed = Status.NOT_RUN, "not measured"
    else:
        status = Status.PASSED if measured <= allowed else Status.FAILED
        observed = f"{measured:.1f} s"
    return Check(
        name=name,
        check_class=CheckClass.OBJECTIVE,
        target=target,
        status=status,
        expected=f"at most {allowed:.0f} s",
        observed=observed,
        detail="" if measured is not None else "the restored cluster accepted no login",
    )


def _resources(found: Any) -> tuple[Resource, ...]:
    entries: list[Mapping[str, str]] = found or []
    return tuple(Resource(type=e["type"], name=e["name"], arn=e.get("arn", "")) for e in entries)
