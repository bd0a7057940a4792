"""Documents of healthy runs, to be damaged by tests."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from functions.model import Check, CheckClass, Status

DRILL: dict[str, Any] = {
    "name": "aurora-prod-monthly",
    "kind": "aurora",
    "cluster": "fibonacci-aurora-cluster-prod",
    "engine_family": "aurora-postgresql15",
    "database": "fibonacci",
    "schemas": ["nigredo_leads"],
    "exclude": [],
    "restore": {"from": "point-in-time", "at": "latest"},
    "required_level": "exact",
    "levels": {},
    "instance_class": "db.serverless",
    "capacity": {"min": 0.5, "max": 4.0},
    "objectives": {"rpo_seconds": 300, "rto_seconds": 1800},
    "heartbeat": True,
    "integrity": {
        "level": "quick",
        "budget_seconds": 600,
        "foreign_keys": "not-valid",
        "required": False,
    },
    "witness": {"endpoint": "reader", "share": 100},
    "checks": [],
    "freshness": [],
    "roles": {"verifier": "backup_drills_verifier"},
    "retention_days_minimum": 7,
    "require_encryption": True,
    "parameter_groups": {
        "cluster": "drill-aurora-postgresql15",
        "instance": "drill-aurora-postgresql15",
    },
    "deadlines": {
        "restorable_seconds": 1800,
        "restore_seconds": 10800,
        "instance_seconds": 3600,
        "verify_seconds": 14400,
        "teardown_seconds": 3600,
    },
    "timing": {
        "poll_seconds": 30,
        "restorable_margin_seconds": 60,
        "login_seconds": 600,
        "snapshot_seconds": 120,
    },
    "severity": "medium",
}

EXECUTION = {
    "id": "arn:aws:states:sa-east-1:123456789012:execution:drill-aurora-prod-monthly:one",
    "name": "one",
    "start_time": "2026-11-02T08:00:00Z",
}


def check(
    name: str = "login",
    check_class: CheckClass = CheckClass.ACCESS,
    status: Status = Status.PASSED,
    **changes: Any,
) -> Check:
    """A check with everything filled in."""
    facts = {"target": "drill-x", "expected": "yes", "observed": "yes", **changes}
    return Check(name=name, check_class=check_class, status=status, **facts)


def healthy_checks() -> list[Check]:
    """A passed check of every class."""
    return [check(name=c.value, check_class=c) for c in CheckClass]


def healthy_document() -> dict[str, Any]:
    """The document of a run in which all went well, as Report sees it."""
    return deepcopy(
        {
            "drill": DRILL,
            "input": {},
            "execution": EXECUTION,
            "plan": {
                "done": True,
                "outcome": "go",
                "run_id": "20261102-1a2b3c",
                "required_classes": [c.value for c in CheckClass if c is not CheckClass.CUSTOM],
            },
            "witness": {"done": True},
            "exercise": {"done": True},
            "verify": {
                "done": True,
                "units": [{"unit": 0}, {"unit": 1}],
                "checks": {"key": "k/verify.json", "passed": 1, "failed": 0, "not_run": 0},
            },
            "verify_units": [
                {"unit": 0, "key": "k/unit-000.json", "passed": 1, "failed": 0, "not_run": 0},
                {"unit": 1, "key": "k/unit-001.json", "passed": 0, "failed": 0, "not_run": 0},
            ],
            "teardown": {"done": True, "proven": True, "leftovers": []},
        }
    )


def healthy_records() -> dict[str, list[dict[str, Any]]]:
    """What the evidence bucket holds for the healthy document."""
    return {
        "k/verify.json": [check().to_document()],
        "k/unit-000.json": [check("rows", CheckClass.CONTENT).to_document()],
        "k/unit-001.json": [],
    }
