"""One lab for the drills of this folder: a canary beside a bucket, one in it, a rehearsal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.damage._objects import places
from lab.lab import Lab
from tests.lab.conftest import Drills, Ran

DRILLS = Path(__file__).with_name("drills.yaml")
SOURCE = "fibonacci-files-prod"
NAMES = ("canary", "inside", "rehearsal")


class Buckets(Drills):
    """Starts drills of buckets, and knows what the buckets hold."""

    def run(self, given: Any = None, *, drill: str = "canary", **changes: Any) -> Ran:
        return super().run(given, drill=drill, **changes)

    @property
    def s3(self) -> Any:
        return self.lab.emulator.client("s3")

    def versions(self, bucket: str, prefix: str = "") -> set[tuple[str, str]]:
        """Key and id of every version and marker."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        return {
            (entry["Key"], entry["VersionId"])
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for entry in page.get(kind, [])
        }

    def scratch(self) -> dict[str, set[tuple[str, str]]]:
        """What is left of drills wherever one writes; empty when all is gone."""
        found = {
            place.bucket: self.versions(place.bucket, place.prefix)
            for place in places(self.lab)
            if place.bucket != place.source or place.prefix
        }
        return {bucket: versions for bucket, versions in found.items() if versions}

    def of_the_company(self) -> set[tuple[str, str]]:
        """The versions of the source that nobody writes to any more."""
        return {
            (key, version)
            for key, version in self.versions(SOURCE)
            if not key.startswith(("site/news/", "invoices/live/", "_drill/"))
        }


def facts(ran: Ran) -> dict[str, str]:
    return {fact["name"]: fact["value"] for fact in ran.report["facts"]}


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = Path(tmp_path_factory.mktemp("buckets"))
    with Lab(
        folder, drills=DRILLS, scale=0.05, time_factor=0.005, restorable_lag_seconds=0.5
    ) as running:
        yield running


@pytest.fixture
def buckets(lab: Lab) -> Iterator[Buckets]:
    kept = list(lab.emulator.before_call), list(lab.emulator.after_call)
    yield Buckets(lab)
    lab.emulator.s3.faults.clear()
    lab.emulator.before_call[:], lab.emulator.after_call[:] = kept


def schema() -> dict[str, Any]:
    path = Path(__file__).parents[2] / "docs" / "report.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
