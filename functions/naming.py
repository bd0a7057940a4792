"""Everything a run will make has its name before anything exists, from the execution alone. Pure.

A retried, crashed or redriven step therefore finds again what it made. Never from the clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from functions import clock

PREFIX = "drill-"
MANAGED_TAG = "backup-drills:managed"
RUN_TAG = "backup-drills:run"
EXPIRES_TAG = "backup-drills:expires"


def run_id(execution: Mapping[str, str]) -> str:
    """The run's id: the day on which the execution started (UTC), and six digits of its ARN's hash.

    >>> run_id({"id": "arn:aws:states:sa-east-1:1:execution:drill-x:a",
    ...         "start_time": "2026-11-02T05:00:00Z"})
    '20261102-b5cde3'
    """
    digest = hashlib.sha256(execution["id"].encode()).hexdigest()
    return f"{clock.parse(execution['start_time']):%Y%m%d}-{digest[:6]}"


def evidence_key(drill: str, run: str) -> str:
    """The folder of a run in the evidence bucket.

    >>> evidence_key("aurora-prod", "20261102-1a2b3c")
    'aurora-prod/2026/20261102-1a2b3c'
    """
    return f"{drill}/{run[:4]}/{run}"


def cluster_name(drill: str, run: str) -> str:
    """The identifier of the restored cluster: 63 characters at most, for infra limits the drill's.

    >>> cluster_name("aurora-prod", "20261102-1a2b3c")
    'drill-aurora-prod-20261102-1a2b3c'
    """
    return f"{PREFIX}{drill}-{run}"


def instance_name(cluster: str) -> str:
    """The identifier of the restored cluster's only instance.

    >>> instance_name("drill-aurora-prod-20261102-1a2b3c")
    'drill-aurora-prod-20261102-1a2b3c-1'
    """
    return f"{cluster}-1"


def object_prefix(below: str, run: str) -> str:
    """The prefix of all objects that a run writes, below a folder or at the root of a bucket.

    >>> object_prefix("_drill/", "20261102-1a2b3c"), object_prefix("", "20261102-1a2b3c")
    ('_drill/drill-20261102-1a2b3c/', 'drill-20261102-1a2b3c/')
    """
    return f"{below}{PREFIX}{run}/"


def is_rehearsal(secret: str) -> bool:
    """Whether a secret, by its name or ARN, is a rehearsal's: no other is ever written to.

    >>> is_rehearsal("drill-rotation-monthly"), is_rehearsal("arn:x:secret:drill-rotation-a-AbC")
    (True, True)
    >>> is_rehearsal("prod/drill-rotation-x"), is_rehearsal("prod")
    (False, False)
    """
    return secret.rpartition(":")[2].startswith(f"{PREFIX}rotation-")


def tags(run: str, expires: str) -> dict[str, str]:
    """The tags of all that a run makes; `expires` (RFC 3339) is when the sweeper may delete it."""
    return {MANAGED_TAG: "true", RUN_TAG: run, EXPIRES_TAG: expires}


def is_ours(name: str, found: Mapping[str, str], run: str) -> bool:
    """Whether a resource is of this run: by its prefix and by both tags, so one slip is not enough.

    >>> is_ours("drill-x-1", {MANAGED_TAG: "true", RUN_TAG: "20261102-1a2b3c"}, "20261102-1a2b3c")
    True
    >>> is_ours("drill-x-1", {MANAGED_TAG: "true"}, "20261102-1a2b3c")
    False
    >>> is_ours("prod", {MANAGED_TAG: "true", RUN_TAG: "20261102-1a2b3c"}, "20261102-1a2b3c")
    False
    """
    return (
        name.startswith(PREFIX) and found.get(MANAGED_TAG) == "true" and found.get(RUN_TAG) == run
    )
