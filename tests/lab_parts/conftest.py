"""One RDS with one seeded source for all tests of this folder; what a test restores is its own."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
import psycopg
import pytest
from botocore.config import Config
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from lab import seed
from lab.emulator import forget_everything
from lab.postgres import Server
from lab.rds import Pace, Rds
from lab.rds_records import ServedCluster

REGION = "sa-east-1"
SOURCE = "fibonacci-aurora-cluster-prod"
SCALE = 0.05
VERIFIER = "arn:aws:iam::123456789012:role/verifier"
LAG_SECONDS = 0.5


@dataclass
class Policies:
    """Answers for IAM, and keeps what it was asked."""

    allow: bool = True
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def __call__(self, principal: str, action: str, resource: str) -> bool:
        self.asked.append((principal, action, resource))
        return self.allow


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    forget_everything()
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="package")
def policies() -> Policies:
    return Policies()


@pytest.fixture(scope="package")
def rds(
    endpoint: str,  # noqa: ARG001  # moto is up before its operations are taken over
    policies: Policies,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Rds]:
    running = Rds(
        folder=tmp_path_factory.mktemp("lab"),
        authorise=policies,
        restorable_lag_seconds=LAG_SECONDS,
        pace=Pace(creating=0.1, configuring=0.1, deleting=0.1, stopping=0.1),
    )
    running.install()
    try:
        running.create_source(
            SOURCE,
            database=seed.DATABASE,
            administrator=seed.ADMINISTRATOR,
            load=partial(seed.load, scale=SCALE),
            engine_version="15.12",
        )
        running.create_subnet_group("drill")
        running.create_parameter_groups(
            cluster="drill", instance="drill", family="aurora-postgresql15"
        )
        yield running
    finally:
        running.stop()


@pytest.fixture
def source(rds: Rds) -> ServedCluster:
    return rds.cluster(SOURCE)


@pytest.fixture
def server(source: ServedCluster) -> Server:
    assert source.server is not None
    return source.server


@pytest.fixture(scope="package")
def client(rds: Rds, endpoint: str) -> Any:  # noqa: ARG001  # it has taken over by then
    return sdk("rds", endpoint)


def sdk(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",  # noqa: S106  # moto asks for one, and believes any
        config=Config(retries={"total_max_attempts": 1}),
    )


@dataclass
class Copies:
    """Restores clusters through the API, and removes them."""

    client: Any
    made: list[str] = field(default_factory=list)

    def restore(self, until: datetime | None = None, **parameters: Any) -> str:
        """Ask for a copy as of that moment, else the latest; its name."""
        name = f"drill-{uuid.uuid4().hex[:6]}"
        time_parameter = (
            {"UseLatestRestorableTime": True} if until is None else {"RestoreToTime": until}
        )
        self.client.restore_db_cluster_to_point_in_time(
            DBClusterIdentifier=name,
            SourceDBClusterIdentifier=SOURCE,
            EnableIAMDatabaseAuthentication=True,
            **time_parameter,
            **parameters,
        )
        self.made.append(name)
        return name

    def add_instance(self, cluster: str, **parameters: Any) -> str:
        """Ask for an instance of a copy; its name."""
        request = {
            "DBInstanceIdentifier": f"{cluster}-1",
            "DBClusterIdentifier": cluster,
            "DBInstanceClass": "db.t4g.medium",
            "Engine": "aurora-postgresql",
            **parameters,
        }
        self.client.create_db_instance(**request)
        return str(request["DBInstanceIdentifier"])

    def cluster(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_db_clusters(DBClusterIdentifier=name)[
            "DBClusters"
        ][0]
        return found

    def cluster_status(self, name: str) -> str:
        return str(self.cluster(name)["Status"])

    def instance_status(self, name: str) -> str:
        found = self.client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return str(found["DBInstanceStatus"])

    def available(self, until: datetime | None = None, **parameters: Any) -> str:
        """A copy that is complete, without an instance."""
        name = self.restore(until, **parameters)
        eventually(lambda: self.cluster_status(name) == "available")
        return name


@pytest.fixture
def copies(client: Any, rds: Rds) -> Iterator[Copies]:
    made = Copies(client)
    yield made
    rds.damage = None
    for name in made.made:
        found = rds.backend.clusters.get(name)
        if isinstance(found, ServedCluster):
            remove(rds, found)


def remove(rds: Rds, cluster: ServedCluster) -> None:
    """Whatever state it is in."""
    eventually(lambda: cluster.status not in ("creating", "starting", "stopping"))
    passing = ("creating", "configuring-iam-database-auth")
    eventually(lambda: all(member.status not in passing for member in cluster.members))
    for member in cluster.members:
        if member.status != "deleting":
            rds.end_instance(member)
    if cluster.status != "deleting":
        rds.end_cluster(cluster)
    eventually(lambda: cluster.identifier not in rds.backend.clusters)


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def value(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> Any:
    """The first column of the first row."""
    row = connection.execute(statement, parameters).fetchone()
    assert row is not None
    return row[0]


def put_marker(server: Server, word: str) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS marker (word text)")
        connection.execute("INSERT INTO marker VALUES (%s)", [word])


def moment_between(server: Server, before: str, after: str) -> datetime:
    """A moment with one marker just before it, and one just after; both can be restored."""
    put_marker(server, before)
    time.sleep(0.02)
    moment = datetime.now(UTC)
    time.sleep(0.02)
    put_marker(server, after)
    server.archive_now()
    return moment
