"""A run that was stopped, and whose time is over: what only days would make of it in AWS."""

from __future__ import annotations

import json
from typing import Any

from functions import naming
from tests.lab.conftest import Drills

OVER = "2026-01-01T00:00:00Z"


def lay_to_rest(drills: Drills, execution: str, *, drill: str) -> dict[str, Any]:
    """Stop a run as an operator does, and let its time be over; its plan.

    The pause between two calls of Teardown is a second, for the sweeper's clock is not the lab's.
    """
    drills.states.stop_execution(executionArn=execution, error="Operator", cause="pulled the plug")
    claim = drills.claim(drill)
    assert claim is not None
    plan = json.loads(claim["plan"]["S"]) | {"expires": OVER, "poll_seconds": 1}
    drills.lab.emulator.client("dynamodb").put_item(
        TableName=drills.lab.deployment.ledger_table,
        Item={**claim, "plan": {"S": json.dumps(plan)}},
    )
    backend = drills.lab.rds.backend
    for found in (*backend.clusters.values(), *backend.databases.values()):
        for tag in found.tags:
            if tag["Key"] == naming.EXPIRES_TAG:
                tag["Value"] = OVER
    return dict(plan)


def sweep(drills: Drills) -> dict[str, Any]:
    """One sweep by the deployed function, started by its own schedule."""
    answer = drills.lab.emulator.fire_schedule("sweeper", "2026-11-02T09:00:00Z")
    found: dict[str, Any] = json.loads(answer)
    assert "errorType" not in found, found
    return found
