"""Whole drills of buckets: the deployed line, the real functions, an S3 that somebody writes to."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from functions.model import Status
from lab import aws
from lab.damage import Damage, list_damages
from tests.lab.conftest import failed
from tests.lab_s3.conftest import NAMES, Buckets, facts, schema

OF_BOTH = {
    "brought_back",
    "content",
    "encryption_default",
    "headers",
    "metadata",
    "noncurrent_expiry",
    "public_access",
    "rpo",
    "rto",
    "rto_of_one_object",
    "storage_class",
    "tags",
    "torn_down",
    "versioning",
    "versions",
}
OF_A_CANARY = OF_BOTH | {
    "compare_and_swap",
    "encryption",
    "restored_version",
    "undeleted_version",
}
CHECKS = {
    "canary": OF_A_CANARY | {"same_configuration"},
    "inside": OF_A_CANARY,
    "rehearsal": OF_BOTH | {"keys", "read_back"},
}
DAMAGES = [damage for damage in list_damages() if damage.kind == "s3_versions"]
OF_THE_BUCKET = {
    "encryption_default",
    "noncurrent_expiry",
    "public_access",
    "replication",
    "versioning",
}
"""Checks that are the same code in every mode."""

CASES = [
    pytest.param(damage, mode, id=f"{damage.name}-{mode}")
    for damage in DAMAGES
    for mode in ("canary", "rehearsal")
    if damage.only_mode in ("", mode)
    and not (mode == "rehearsal" and damage.check in OF_THE_BUCKET)
]


@pytest.mark.parametrize("drill", NAMES)
def test_a_healthy_drill_passes_while_somebody_writes_and_every_check_has_run(
    buckets: Buckets, drill: str
) -> None:
    writer = buckets.lab.bucket_writer
    assert writer is not None
    before, written = buckets.of_the_company(), writer.written
    calls = buckets.lab.emulator.calls
    begun = len(calls)
    ran = buckets.run(drill=drill)
    assert (ran.status, ran.verdict) == ("SUCCEEDED", "PASS"), ran.cause
    assert ran.checks(Status.PASSED) == CHECKS[drill]
    assert ran.checks(Status.NOT_RUN) == {"replication"}
    jsonschema.validate(ran.report, schema())
    assert ran.report["objectives"]["rpo"]["met"]
    assert writer.written > written
    assert writer.running
    assert buckets.of_the_company() == before, "no version of the company's was touched"
    assert buckets.scratch() == {}
    assert buckets.claim(drill) is None
    assert len(calls) > begun
    made = calls[begun:]
    assert not [call for call in made if call.status == 403], "each call is allowed"
    evidence = buckets.lab.deployment.evidence_bucket
    of_buckets = [c for c in made if c.service == "s3" and c.parameters["Bucket"] != evidence]
    owners = {call.parameters.get("ExpectedBucketOwner") for call in of_buckets}
    assert owners == {aws.ACCOUNT}, "a bucket of that name may be somebody else's"


def test_a_rehearsal_restores_every_object_of_the_bucket(buckets: Buckets) -> None:
    ran = buckets.run(drill="rehearsal")
    [witness] = [a["witness"] for a in ran.answers("Witness") if a["witness"]["done"]]
    assert witness["objects"] > 120
    assert "site/media/tour.mp4" in witness["single"], "the largest is brought back by itself"
    assert facts(ran)["Brought back"].startswith("rehearsal, in s3://")


def test_a_rehearsal_of_the_oldest_moment_restores_what_an_earlier_run_has_witnessed(
    buckets: Buckets,
) -> None:
    before = buckets.run(drill="rehearsal")
    ran = buckets.run(drill="rehearsal", at="oldest")
    assert ran.verdict == "PASS", ran.cause
    assert "Witnessed by an earlier run" in facts(ran)
    assert ran.report["restore"]["time"] <= before.report["restore"]["time"]


@pytest.mark.parametrize(("damage", "drill"), CASES)
def test_each_damage_turns_exactly_its_check_red(
    buckets: Buckets, damage: Damage, drill: str
) -> None:
    assert damage.arrange is not None
    undo = damage.arrange(buckets.lab)
    try:
        ran = buckets.run(drill=drill)
    finally:
        undo()
    assert (ran.status, ran.verdict) == ("FAILED", "FAIL"), ran.cause
    assert failed(ran) == {damage.check}
    assert len([c for c in ran.report["checks"] if c["status"] == "failed"]) == 1
    jsonschema.validate(ran.report, schema())
    if damage.check == "torn_down":
        assert buckets.claim(drill) is not None
        assert buckets.run(drill=drill).verdict == "PASS", "it has cleared what was left"
    assert buckets.scratch() == {}
    assert buckets.claim(drill) is None


def test_the_next_drill_after_all_damages_passes(buckets: Buckets) -> None:
    ran = buckets.run()
    assert ran.verdict == "PASS", ran.cause


def test_objectives_that_are_missed_fail_by_name(buckets: Buckets) -> None:
    ran = buckets.run(objectives={"rto_seconds": 0.001, "object_seconds": 0.001})
    assert failed(ran) == {"rto", "rto_of_one_object"}, ran.cause


def test_a_sibling_that_keeps_no_versions_is_found_and_nothing_is_written(buckets: Buckets) -> None:
    machine = buckets.states.describe_state_machine(
        stateMachineArn=buckets.lab.deployment.machines["canary"]
    )
    drill: dict[str, Any] = json.loads(machine["definition"])["States"]["Drill"]["Parameters"]
    sibling = drill["drill"]["canary"]["bucket"]
    suspended = {"Status": "Suspended"}
    buckets.s3.put_bucket_versioning(Bucket=sibling, VersioningConfiguration=suspended)
    try:
        ran = buckets.run()
        assert buckets.scratch() == {}
    finally:
        buckets.s3.put_bucket_versioning(
            Bucket=sibling, VersioningConfiguration={"Status": "Enabled"}
        )
    assert (ran.verdict, failed(ran)) == ("FAIL", {"versioning"}), ran.cause
    assert "brought_back" in ran.checks(Status.NOT_RUN)


def test_a_hold_keeps_what_came_back_until_it_is_over(buckets: Buckets) -> None:
    ran = buckets.run({"hold_minutes": 1}, drill="rehearsal")
    assert ran.verdict == "PASS", ran.cause
    assert "Hold" in {
        event["stateEnteredEventDetails"]["name"]
        for event in ran.events
        if event["type"] == "WaitStateEntered"
    }
