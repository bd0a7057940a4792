"""Snapshots of clusters and their events: records alone, for the lab restores from no snapshot.

moto keeps the records; what it lacks is here: automated snapshots as RDS takes them, one that is
still being made, the events of both, their window of an hour unless it is asked for more, pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab.rds_operations import Operation, Request

if TYPE_CHECKING:
    from lab.rds import Rds

SOURCE_TYPE = "db-cluster-snapshot"
BEGUN, ENDED = "Creating automated cluster snapshot", "Automated cluster snapshot created"
"""RDS-EVENT-0168 and RDS-EVENT-0169."""

USUAL_SECONDS = 42.0

_USUAL_MINUTES = 60
_MOST_MINUTES = 14 * 24 * 60
_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class SnapshotEvent:
    """An event, under moto's names of what RDS tells of it."""

    source_identifier: str
    source_arn: str
    message: str
    date: datetime
    source_type: str = SOURCE_TYPE
    event_categories: tuple[str, ...] = ("backup",)


def take_automated(
    rds: Rds,
    cluster: str,
    *,
    at: datetime | None = None,
    seconds: float | None = USUAL_SECONDS,
) -> Any:
    """Record the automated snapshot of a cluster that was begun then, by default now; the record.

    It took so many seconds; None for one that is not finished.
    """
    begun = at or datetime.now(UTC)
    name = f"rds:{cluster}-{begun:%Y-%m-%d-%H-%M}"
    snapshot = rds.backend.create_auto_cluster_snapshot(cluster, name)
    snapshot.created = begun
    _tell(rds, snapshot, BEGUN, begun)
    if seconds is None:
        snapshot.status, snapshot.percent_progress = "creating", 1
    else:
        _tell(rds, snapshot, ENDED, begun + timedelta(seconds=seconds))
    return snapshot


def forget_automated(rds: Rds, cluster: str) -> None:
    """The automated snapshots of a cluster go with its automated backups."""
    snapshots = rds.backend.cluster_snapshots
    for name, snapshot in list(snapshots.items()):
        if (snapshot.db_cluster_identifier, snapshot.snapshot_type) == (cluster, "automated"):
            del snapshots[name]


def describe_db_cluster_snapshots(rds: Rds, request: Request) -> object:
    """The snapshots asked for, a page of them."""
    filters = {each["Name"]: each["Values"] for each in request.get("Filters") or []}
    found = rds.backend.describe_db_cluster_snapshots(
        request.get("DBClusterIdentifier"),
        request.get("DBClusterSnapshotIdentifier"),
        request.get("SnapshotType"),
        filters,
    )
    return _page("DBClusterSnapshots", found, request)


def describe_events(rds: Rds, request: Request) -> object:
    """The events of the window asked for, the oldest first; of the last hour if none is."""
    minutes = min(int(request.get("Duration") or _USUAL_MINUTES), _MOST_MINUTES)
    end = _aware(request.get("EndTime") or datetime.now(UTC))
    start = _aware(request.get("StartTime") or end - timedelta(minutes=minutes))
    found = rds.backend.describe_events(
        source_identifier=request.get("SourceIdentifier"), source_type=request.get("SourceType")
    )
    within = [event for event in found if start <= _aware(event.date) <= end]
    return _page("Events", sorted(within, key=lambda event: _aware(event.date)), request)


OPERATIONS: dict[str, Operation] = {
    operation.__name__: operation for operation in (describe_db_cluster_snapshots, describe_events)
}


def _tell(rds: Rds, snapshot: Any, message: str, date: datetime) -> None:
    rds.backend.events.append(
        SnapshotEvent(
            source_identifier=snapshot.db_cluster_snapshot_identifier,
            source_arn=snapshot.arn,
            message=message,
            date=date,
        )
    )


def _page(name: str, found: list[Any], request: Request) -> dict[str, Any]:
    first = int(request.get("Marker") or 0)
    after = first + int(request.get("MaxRecords") or _PAGE)
    page: dict[str, Any] = {name: found[first:after]}
    return {**page, "Marker": str(after)} if after < len(found) else page


def _aware(moment: datetime) -> datetime:
    """moto's own moments have no zone, and are UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
