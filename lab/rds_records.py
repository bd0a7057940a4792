"""moto's records of clusters and instances, with a real server behind them."""

from __future__ import annotations

import secrets
import string
from datetime import datetime
from typing import Any

from moto.rds.models import DBCluster, DBInstanceClustered

from lab.login_front import HOST, LoginFront
from lab.postgres import Server

ENGINE = "aurora-postgresql"
LIFECYCLE_SUPPORT = "open-source-rds-extended-support"


class ServedCluster(DBCluster):  # type: ignore[misc]  # moto has no types
    """A cluster: moto's record, its login front, and its server once there is one."""

    # Plain values, where moto computes some that do not fit.
    status = "creating"
    endpoint = HOST
    reader_endpoint = HOST
    earliest_restorable_time: datetime | None = None
    latest_restorable_time: datetime | None = None

    server: Server | None = None
    restored_to: datetime | None = None
    """The moment that a copy was asked to be restored to."""
    completed_at: datetime | None = None
    """When a copy was complete."""

    def __init__(self, backend: Any, *, front: LoginFront, **properties: Any) -> None:
        """Record it with moto; the front's port is the cluster's."""
        super().__init__(
            backend,
            engine=ENGINE,
            allocated_storage=1,
            # Not used: roles and their passwords are in the database.
            master_user_password=secrets.token_hex(8),
            port=front.port,
            **properties,
        )
        self.front = front
        self.kms_key_id = properties.get("kms_key_id")
        self.engine_lifecycle_support = LIFECYCLE_SUPPORT
        self.earliest_restorable_time = None

    def __deepcopy__(self, _: dict[int, Any]) -> ServedCluster:
        """Itself: moto copies whole backends at times, a server cannot be copied."""
        return self

    @property
    def identifier(self) -> str:
        """Its name."""
        return str(self.db_cluster_identifier)


class ServedInstance(DBInstanceClustered):  # type: ignore[misc]  # moto has no types
    """An instance of such a cluster: while there is one, logins get through to the server."""

    def __init__(self, backend: Any, *, cluster: ServedCluster, **properties: Any) -> None:
        """Record it with moto."""
        super().__init__(
            backend=backend,
            db_cluster_identifier=cluster.identifier,
            engine=ENGINE,
            enable_iam_database_authentication=cluster.iam_auth,
            **properties,
        )
        self.status = "creating"
        self.dbi_resource_id = f"db-{random_name(26)}"

    @property
    def identifier(self) -> str:
        """Its name."""
        return str(self.db_instance_identifier)

    @property
    def endpoint(self) -> dict[str, Any] | None:
        """Where it listens; RDS does not say before it does."""
        if self.status == "creating":
            return None
        return {"Address": HOST, "Port": self.cluster.front.port, "HostedZoneId": "LAB"}


def random_name(length: int) -> str:
    """Capital letters and digits, as in the resource ids of RDS."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(length))


def default_group(engine_version: str) -> str:
    """The name of the parameter groups that RDS makes for an engine version.

    >>> default_group("15.12")
    'default.aurora-postgresql15'
    """
    return f"default.{ENGINE}{engine_version.partition('.')[0]}"
