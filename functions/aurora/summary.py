"""What an Aurora drill tells the report: phases, objectives, what was made and deleted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions import clock, summary
from functions.model import Document, Fact, Phase, Summary


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
        facts=tuple(_facts(witness)),
        objectives=(
            summary.objective(
                "rpo", source["identifier"], rpo, allowed=objectives["rpo_seconds"], why=""
            ),
            summary.objective(
                "rto",
                plan["names"]["cluster"],
                rto,
                allowed=objectives["rto_seconds"],
                why="the restored cluster accepted no login",
            ),
        ),
        created=summary.resources(exercise.get("created")),
        deleted=summary.resources(teardown.get("deleted")),
        # A teardown that never answered has seen nothing: then what was made is what may be left.
        leftovers=summary.resources(teardown.get("leftovers", exercise.get("created"))),
        proven=bool(teardown.get("proven")),
    )


def _facts(witness: Mapping[str, Any]) -> Iterator[Fact]:
    """What the drill has cost the source: what its DBA asks for."""
    if load := witness.get("load"):
        yield Fact(
            name="Read on the source",
            value=f"{load['read_bytes'] / 1024**2:,.0f} MiB of tables, each time counted;"
            f" the longest statement took {load['statement_seconds']:.2f} s",
        )
        if load["snapshot_seconds"]:
            yield Fact(
                name="Snapshot open on the source", value=f"{load['snapshot_seconds']:.1f} s"
            )


def _phases(document: Document) -> tuple[Phase, ...]:
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    verify = document.get("verify") or {}
    teardown = document.get("teardown") or {}
    verified = teardown.get("started_at") if verify else None
    spans: list[summary.Span] = [
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
    return summary.phases(spans)
