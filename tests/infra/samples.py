"""Configurations for tests: the least that is complete, and what a test puts in or takes out."""

from __future__ import annotations

import json
from typing import Any

from infra.config import parse
from infra.schema import Configuration

DEPLOYMENT: dict[str, Any] = {
    "zones": ["sa-east-1a", "sa-east-1b"],
    "source_networks": [
        {"name": "main", "subnets": ["subnet-0a1b2c3d"], "security_group": "sg-0a1b2c3d"}
    ],
}
DRILL: dict[str, Any] = {
    "name": "monthly",
    "kind": "aurora",
    "cluster": "prod",
    "engine_family": "aurora-postgresql15",
    "database": "app",
    "schemas": ["public"],
    "schedule": {"cron": "0 5 1 * ? *", "timezone": "America/Sao_Paulo"},
    "witness": {"network": "main"},
}


def content(*drills: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What drills.yaml holds: the sample drill with these changes, one for each; top-level keys."""
    changed = [{**DRILL, **drill} for drill in drills or ({},)]
    return {"deployment": DEPLOYMENT, "drills": changed, **others}


def configuration(*drills: dict[str, Any], **others: Any) -> Configuration:
    """The same, read. JSON is YAML."""
    return parse(json.dumps(content(*drills, **others)))
