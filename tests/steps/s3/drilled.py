"""A drill's steps on the lab's S3: called until each is done, as the line calls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.evidence import Evidence
from functions.model import Check, Status
from functions.s3_versions import exercise, objects, teardown, verify, verify_unit, witness
from functions.s3_versions import plan as planning
from functions.s3_versions.plan import Overrides, Surroundings
from tests.unit.test_s3_plan import EXECUTION

PLENTY = 900.0
"""Seconds that a function still has."""


@dataclass
class Drilled:
    """One run of a drill: what it was given, and what each step has answered."""

    drill: dict[str, Any]
    evidence: Evidence
    execution: dict[str, str] = field(default_factory=lambda: EXECUTION)
    plan: dict[str, Any] = field(default_factory=dict)
    witness: dict[str, Any] = field(default_factory=dict)
    exercise: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        source = objects.bucket_facts(self.drill["bucket"])
        place = objects.bucket_facts(planning.place_of(self.drill))
        self.plan = planning.make(
            drill=self.drill,
            overrides=Overrides(),
            found=Surroundings(source=source, place=place, objects=1),
            execution=self.execution,
            now=datetime.now(UTC),
        )

    @property
    def bucket(self) -> str:
        return str(self.plan["place"]["bucket"])

    def written(self) -> Drilled:
        """Witness, to its end."""
        while not self.witness.get("done"):
            self.witness = self.see()
        return self

    def see(self) -> dict[str, Any]:
        """One call of Witness."""
        given: dict[str, Any] = {
            "plan": self.plan,
            "previous": self.witness,
            "evidence": self.evidence,
        }
        if self.plan["mode"] == "canary":
            return witness.write(**given)
        return witness.look(drill=self.drill, now=datetime.now(UTC), **given)

    def back(self, remaining_seconds: Callable[[], float] = lambda: PLENTY) -> Drilled:
        """Exercise, to its end."""
        while not self.exercise.get("done"):
            self.exercise = self.bring(remaining_seconds)
        return self

    def bring(self, remaining_seconds: Callable[[], float] = lambda: PLENTY) -> dict[str, Any]:
        """One call of Exercise."""
        if self.plan["mode"] == "canary":
            return exercise.bring_back(plan=self.plan, witness=self.witness, evidence=self.evidence)
        return exercise.restore_elsewhere(
            drill=self.drill,
            plan=self.plan,
            witness=self.witness,
            previous=self.exercise,
            horizon="",
            remaining_seconds=remaining_seconds,
        )

    def checks(self) -> list[Check]:
        """Verify, and its units."""
        answer = verify.verify(
            drill=self.drill,
            plan=self.plan,
            witness=self.witness,
            exercise=self.exercise,
            evidence=self.evidence,
            now=datetime.now(UTC),
        )
        records = self.evidence.get_json(answer["checks"]["key"])
        found = [Check.from_document(record) for record in records]
        for unit in answer["units"]:
            found += verify_unit.compare(
                drill=self.drill,
                plan=self.plan,
                witness=self.witness,
                exercise=self.exercise,
                unit=unit["unit"],
                evidence=self.evidence,
            )
        return found

    def not_passed(self) -> set[str]:
        """The names of the checks that did not pass, but for what the configuration leaves out."""
        return {
            check.name
            for check in self.checks()
            if check.status is not Status.PASSED and not check.by_configuration
        }

    def remove(self, remaining_seconds: Callable[[], float] = lambda: PLENTY) -> dict[str, Any]:
        """One call of Teardown."""
        return teardown.remove(
            drill=self.drill, plan=self.plan, previous={}, remaining_seconds=remaining_seconds
        )


def versions(s3: Any, bucket: str, prefix: str = "") -> list[tuple[str, str]]:
    """Key and id of every version and marker below a prefix."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return [
        (entry["Key"], entry["VersionId"])
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for entry in page.get(kind, [])
    ]
