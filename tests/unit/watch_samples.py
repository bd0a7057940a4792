"""A small deployment that is watched: a source and a drill of each kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from functions.health import Health
from functions.watch.watched import Drill, Source, Watched

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def drill(name: str, kind: str, source: str, **others: Any) -> Drill:
    """A monthly drill: the first Monday, at five in the morning."""
    given: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "source": source,
        "severity": "medium",
        "cron": "0 5 ? * 2#1 *",
        "timezone": "UTC",
        "enabled": True,
        "grace_seconds": 43_200,
        "machine": f"drill-{name}",
        "schedule": f"drill-{name}",
    }
    return Drill(**{**given, **others})


WATCHED = Watched(
    stack="backup-drills",
    schedule_group="drill-backup-drills",
    sources=(
        Source(kind="aurora", name="shop"),
        Source(kind="s3_versions", name="files"),
        Source(kind="secret_rotation", name="password"),
    ),
    drills=(
        drill("shop-monthly", "aurora", "shop", at="latest", retention_days=7),
        drill("files-monthly", "s3_versions", "files"),
        drill("password-monthly", "secret_rotation", "password"),
    ),
)


def healthy_drill() -> Health:
    """A drill that nothing is wrong with."""
    return Health(
        facts={
            "watched_since": "2026-10-01T00:00:00Z",
            "last_run": None,
            "last_pass": None,
            "last_time": "2026-11-02T05:00:00Z",
            "next_time": "2026-12-07T05:00:00Z",
            "scheduled": True,
            "untested_days": None,
            "runs_last_year": 0,
            "proofs_last_year": 0,
            "success_percent_90_days": None,
            "trend": [],
        }
    )
