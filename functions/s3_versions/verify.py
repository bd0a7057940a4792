"""What has come back, held against the witness; and whether the bucket still keeps what it must."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.evidence import Evidence
from functions.model import Answer, Check, CheckClass, Status, tally
from functions.s3_versions import metrics, objects, protection, verify_canary, verify_unit
from functions.s3_versions.facts import Facts
from functions.s3_versions.manifest import Written
from functions.s3_versions.plan import Mode
from functions.step import done


def verify(
    *,
    drill: Mapping[str, Any],
    plan: Mapping[str, Any],
    witness: Mapping[str, Any],
    exercise: Mapping[str, Any],
    evidence: Evidence,
    now: datetime,
) -> Answer:
    """Check the buckets' configuration and a canary's objects; a rehearsal's are left to units."""
    source = objects.bucket_facts(drill["bucket"])
    place = plan["place"]["bucket"]
    own = source if place == source.name else objects.bucket_facts(place)
    planned = Facts.from_document(plan["source"])
    found = [
        *protection.checks(drill=drill, planned=planned, source=source, own=own),
        _replication(drill, source, now),
    ]
    units: list[dict[str, int]] = []
    intact = False
    if blocked := plan["blocked"] or exercise.get("blocked"):
        found.append(_brought_back(place, Status.NOT_RUN, "every object", "nothing", blocked))
    elif plan["mode"] == Mode.CANARY:
        written = [Written.from_record(record) for record in evidence.get_json(witness["key"])]
        of_canary = list(verify_canary.checks(plan, witness, exercise, written))
        intact = any(c.name == "versions" and c.status is Status.PASSED for c in of_canary)
        found += of_canary
    else:
        found.append(_of_exercise(place, exercise, witness["objects"]))
        intact = not exercise["not_back"]
        units = [{"unit": number} for number in range(verify_unit.count(witness["objects"]))]
    key = f"{plan['key']}/checks/verify.json"
    evidence.put_json(key, [check.to_document() for check in found])
    return done(checks={"key": key, **tally(found)}, units=units, intact=intact)


def _replication(drill: Mapping[str, Any], source: Facts, now: datetime) -> Check:
    failed: dict[str, float | None] = {}
    if drill["replication"] != "ignored":
        failed = metrics.failed_replications(source.name, source.replications, now=now)
    return protection.replication(source, asked=drill["replication"], failed=failed)


def _of_exercise(place: str, exercise: Mapping[str, Any], number: int) -> Check:
    """Whether each action of a rehearsal's plan was carried out."""
    expected = f"each of {number} objects, by its own plan"
    if exercise["not_back"]:
        observed = f"{exercise['not_back']} not"
        detail = "; ".join(exercise["not_back_first"])
        return _brought_back(place, Status.FAILED, expected, observed, detail)
    return _brought_back(place, Status.PASSED, expected, f"{exercise['objects']} copied")


def _brought_back(
    place: str, status: Status, expected: str, observed: str, detail: str = ""
) -> Check:
    return Check(
        name="brought_back",
        check_class=CheckClass.ACCESS,
        target=place,
        status=status,
        expected=expected,
        observed=observed,
        detail=detail,
    )
