"""What a drill of object versions tells the report: phases, objectives, what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions import clock, summary
from functions.model import Check, Document, Fact, Phase, Resource, Summary
from functions.s3_versions.values import Caveat

MIB = 1024**2

_CAVEATS = {
    Caveat.MULTIPART: "uploaded in parts, and dated when that began: visible perhaps later",
    Caveat.SAME_SECOND: "written in the second of T: before or after, no date tells",
    Caveat.NULL_OVERWRITTEN: "overwritten while versioning was off: what was before is gone",
    Caveat.MAYBE_EXPIRED: "a lifecycle rule may have deleted what was current",
}


def summarize(document: Document) -> Summary:
    """The summary of a run, from whatever keys of its document are there.

    RTO is from the request until the last object is back. RPO is 0 where every version that was
    written was found again, and not measured otherwise: a bucket that keeps versions loses nothing.
    """
    drill, plan = document.get("drill") or {}, document.get("plan") or {}
    if plan.get("outcome") != "go" or not drill:
        return Summary(source_name=drill.get("bucket", ""))
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    teardown = document.get("teardown") or {}
    rto = clock.seconds_between(exercise.get("requested_at"), exercise.get("restored_at"))
    intact = _intact(document)
    place = plan["place"]
    made = Resource(type="object versions", name=f"s3://{place['bucket']}/{place['prefix']}")
    return Summary(
        source_name=drill["bucket"],
        source_arn=f"arn:aws:s3:::{drill['bucket']}",
        source_version=f"versioning {plan['source']['versioning'] or 'off'}",
        restore_from=plan["mode"],
        restore_asked=drill["at"],
        restore_time=witness.get("restore_time"),
        rto_seconds=rto,
        rpo_seconds=0.0 if intact else None,
        phases=_phases(document),
        objectives=tuple(_objectives(drill, plan, exercise, rto, intact=intact)),
        facts=tuple(_facts(document)),
        created=(made,) if witness.get("started_at") and not plan["blocked"] else (),
        deleted=summary.resources(teardown.get("deleted")),
        # A teardown that never answered has seen nothing: then what was made is what may be left.
        leftovers=summary.resources(teardown["leftovers"])
        if "leftovers" in teardown
        else ((made,) if witness.get("started_at") else ()),
        proven=bool(teardown.get("proven")),
    )


def _intact(document: Document) -> bool:
    """Whether every version was found: by Verify, and by each of its units, if there are some."""
    verify = document.get("verify") or {}
    units = document.get("verify_units") or []
    of_units = [unit.get("failed") == 0 and unit.get("not_run") == 0 for unit in units]
    return bool(verify.get("intact")) and len(units) == len(verify["units"]) and all(of_units)


def _objectives(
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    exercise: Mapping[str, Any],
    rto: float | None,
    *,
    intact: bool,
) -> Iterator[Check]:
    target, objectives = drill["bucket"], drill["objectives"]
    blocked = plan["blocked"] or exercise.get("blocked")
    why = blocked or "it was interrupted, or nothing was brought back"
    yield summary.objective("rto", target, rto, allowed=objectives["rto_seconds"], why=why)
    yield summary.objective(
        "rto_of_one_object",
        target,
        exercise.get("object_seconds"),
        allowed=objectives["object_seconds"],
        why=why,
        digits=3,
    )
    lost = "not every version was found again" if exercise.get("restored_at") else why
    yield summary.objective(
        "rpo", target, 0.0 if intact else None, allowed=objectives["rpo_seconds"], why=lost
    )


def _phases(document: Document) -> tuple[Phase, ...]:
    witness = document.get("witness") or {}
    exercise = document.get("exercise") or {}
    verify = document.get("verify") or {}
    teardown = document.get("teardown") or {}
    spans: list[summary.Span] = [
        ("witnessed", witness.get("started_at"), witness.get("ended_at"), False),
        ("brought back", exercise.get("requested_at"), exercise.get("restored_at"), True),
        ("verified", verify.get("started_at"), teardown.get("started_at"), False),
        ("removed", teardown.get("started_at"), teardown.get("ended_at"), False),
    ]
    return summary.phases(spans)


def _facts(document: Document) -> Iterator[Fact]:
    plan = document["plan"]
    witness, exercise = document.get("witness") or {}, document.get("exercise") or {}
    place = plan["place"]
    yield Fact(
        name="Brought back", value=f"{plan['mode']}, in s3://{place['bucket']}/{place['prefix']}"
    )
    if blocked := plan["blocked"] or exercise.get("blocked"):
        yield Fact(name="Not brought back", value=blocked)
    if witness.get("run", plan["run_id"]) != plan["run_id"]:
        yield Fact(name="Witnessed by an earlier run", value=witness["run"])
    if witness.get("moved"):
        value = f"{witness['moved']} of {witness['objects']}, not compared"
        yield Fact(name="Written or deleted around T", value=value)
    if exercise.get("archived"):
        yield Fact(name="Archived", value=f"{exercise['archived']} objects, not asked back")
    if exercise.get("restored_at"):
        speed = (
            f"{exercise['objects']} objects, {exercise['bytes'] / MIB:.1f} MiB:"
            f" {exercise['objects_per_second']:.0f} objects/s,"
            f" {exercise['bytes_per_second'] / MIB:.1f} MiB/s"
        )
        yield Fact(name="Speed of the restore", value=speed)
    for fate, seconds in (exercise.get("singles") or {}).items():
        if seconds is not None:
            yield Fact(name=f"One object, {fate}", value=f"back and read in {seconds:.3f} s")
    for caveat, number in (exercise.get("caveats") or {}).items():
        yield Fact(name=f"Caveat of {number} objects", value=_CAVEATS[caveat])
    locked = (document.get("teardown") or {}).get("locked")
    if locked:
        yield Fact(name="Locked by the bucket's retention", value=f"{locked} versions stay")
