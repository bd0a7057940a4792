"""Bad input, each with one clear error and nothing made; and runs that are skipped."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.conftest import DRILL, Drills


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "expected an object"),
        ({"restore": "x"}, "restore: unknown key"),
        ({"restore_time": "2026-11-02 05:00"}, "with a zone"),
        ({"restore_time": "2000-01-01T00:00:00Z"}, "before the restore window"),
        ({"restore_time": "2999-01-01T00:00:00Z"}, "in the future"),
        ({"hold_minutes": 1000}, "expected 0 to 480"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_made(drills: Drills, given: Any, says: str) -> None:
    ran = drills.run(given)
    assert (ran.status, ran.verdict) == ("FAILED", "REFUSED")
    assert says in ran.cause
    assert drills.left() == {}
    assert not ran.answers("Witness")


def test_a_source_that_is_missing_is_refused(drills: Drills) -> None:
    clusters, name = drills.lab.rds.backend.clusters, drills.lab.source.identifier
    source = clusters.pop(name)
    try:
        ran = drills.run()
    finally:
        clusters[name] = source
    assert ran.verdict == "REFUSED", ran.cause
    assert f"{name}: not found" in ran.cause


def test_a_source_of_another_family_is_refused_with_the_fix(drills: Drills) -> None:
    ran = drills.run(engine_family="aurora-postgresql13")
    assert ran.verdict == "REFUSED"
    assert "set engine_family: aurora-postgresql15 and deploy" in ran.cause


def test_a_quota_that_is_used_up_is_refused(drills: Drills) -> None:
    quotas = drills.lab.rds.quotas
    before = dict(quotas)
    quotas["DBClusters"] = 1
    try:
        ran = drills.run()
    finally:
        quotas.update(before)
    assert ran.verdict == "REFUSED"
    assert "quota: DBClusters: 1 of 1 used" in ran.cause


def test_a_source_that_is_not_encrypted_is_refused_where_the_policy_expects_it(
    drills: Drills,
) -> None:
    source = drills.lab.source
    source.storage_encrypted, key = False, source.kms_key_id
    source.kms_key_id = None
    try:
        ran = drills.run()
    finally:
        source.storage_encrypted, source.kms_key_id = True, key
    assert ran.verdict == "REFUSED", ran.cause
    assert "is not encrypted" in ran.cause


def test_a_source_that_is_stopped_is_refused(drills: Drills) -> None:
    source = drills.lab.source
    source.status = "stopped"
    try:
        ran = drills.run()
    finally:
        source.status = "available"
    assert ran.verdict == "REFUSED"
    assert "is stopped: expected available" in ran.cause


def test_a_source_that_is_backing_up_is_waited_for(drills: Drills) -> None:
    source = drills.lab.source
    source.status = "backing-up"
    timer = threading.Timer(2.0, setattr, (source, "status", "available"))
    timer.start()
    ran = drills.run({"dry_run": True})
    timer.join()
    assert ran.verdict == "SKIPPED", ran.cause
    assert len(ran.answers("Plan")) > 1


def test_a_second_start_while_one_runs_is_skipped(drills: Drills) -> None:
    first = drills.start()
    drills.until(lambda: drills.claim() is not None)
    second = drills.run()
    assert (second.status, second.verdict) == ("SUCCEEDED", "SKIPPED")
    assert first in second.report["cause"]
    assert drills.ended(first).verdict == "PASS"
    assert drills.left() == {}


def test_a_schedule_that_is_delivered_twice_runs_once(drills: Drills) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = drills.lab.deployment.schedules[DRILL]
    first = drills.ended(drills.lab.emulator.fire_schedule(name, at))
    assert first.verdict == "PASS", first.cause
    assert first.report["started_by"]["scheduled_time"] == at
    again = drills.ended(drills.lab.emulator.fire_schedule(name, at))
    assert again.verdict == "SKIPPED"
    assert at in again.report["cause"]


def test_a_dry_run_makes_nothing_and_proves_nothing(drills: Drills) -> None:
    ran = drills.run({"dry_run": True})
    assert (ran.status, ran.verdict) == ("SUCCEEDED", "SKIPPED")
    assert not ran.answers("Exercise")
    assert drills.left() == {}
