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

ROTATION: dict[str, Any] = {
    "name": "rotation",
    "kind": "secret_rotation",
    "secret": "prod/app",
    "cluster": "prod",
    "function": "managed",
    "network": "main",
    "schedule": {"cron": "0 5 8 * ? *", "timezone": "America/Sao_Paulo"},
}
BUCKET: dict[str, Any] = {
    "name": "files",
    "kind": "s3_versions",
    "bucket": "company-files",
    "schedule": {"cron": "0 5 9 * ? *", "timezone": "America/Sao_Paulo"},
}
WINDOW: dict[str, Any] = {
    "days": ["sat", "sun"],
    "start": "04:00",
    "end": "06:00",
    "timezone": "America/Sao_Paulo",
}
NOTIFY: dict[str, Any] = {
    "email": "ops@example.com",
    "severities": ["critical", "high", "medium", "low"],
}


def content(*drills: dict[str, Any], **others: Any) -> dict[str, Any]:
    """What drills.yaml holds: the sample drill with these changes, one for each; top-level keys.

    A change that says its kind is one of that kind's sample.
    """
    samples = {"aurora": DRILL, "secret_rotation": ROTATION, "s3_versions": BUCKET}
    changed = [{**samples[drill.get("kind", "aurora")], **drill} for drill in drills or ({},)]
    return {"deployment": DEPLOYMENT, "notify": [NOTIFY], "drills": changed, **others}


def configuration(*drills: dict[str, Any], **others: Any) -> Configuration:
    """The same, read. JSON is YAML."""
    return parse(json.dumps(content(*drills, **others)))
