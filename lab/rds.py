"""Joins the emulator's RDS to real servers: an Aurora whose restores are real.

moto keeps the records (tags, groups, filters, the wire); here its clusters get a PostgreSQL server
and a login front, and pass through the states that RDS shows. What the operations accept and
refuse stands in `lab.rds_operations`. moto's state is the process's: one `Rds` at a time.

What RDS does and this does not: storage of its own, networks and security groups, the values in
parameter groups, final snapshots with content, readers apart from the writer (the reader endpoint
leads to the writer, as on a cluster without readers), a port that is taken on this machine.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from moto.core.responses import ActionResult
from moto.core.utils import camelcase_to_underscores, get_service_model
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.rds.models import rds_backends
from moto.rds.responses import RDSResponse
from moto.sts.models import sts_backends

from lab import rds_offers, rds_operations, rds_snapshots
from lab.authority import Authority
from lab.calls import Refusal, answer_to
from lab.damage import Damage, NotACopy, inflict
from lab.login_front import Authorise, Gate, LoginFront
from lab.postgres import PostgresError, Server, Servers, find_binaries
from lab.rds_faults import Faults
from lab.rds_offers import Offers
from lab.rds_operations import Request
from lab.rds_records import ServedCluster, ServedInstance, default_group, random_name
from lab.tokens import Credential

ARCHIVE_LIMIT = 256 * 1024 * 1024
"""Bytes of WAL that a source keeps, an hour of the writer's work; then its window moves on."""

TRIM_SECONDS = 30.0

OPERATIONS = rds_operations.OPERATIONS | rds_snapshots.OPERATIONS | rds_offers.OPERATIONS
"""By the names of the methods of moto's response class that they stand in for."""

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long each passing state lasts, in seconds, on top of the real work."""

    creating: float = 0.2
    configuring: float = 0.2
    deleting: float = 0.2
    stopping: float = 0.2


class Rds:
    """The RDS of one lab, in one account and region, from `install()` to `stop()`."""

    def __init__(
        self,
        *,
        folder: Path,
        authorise: Authorise,
        region: str = "sa-east-1",
        account: str = "123456789012",
        restorable_lag_seconds: float = 2.0,
        damage: Damage | None = None,
        binaries: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Prepare a place for the servers and a certificate authority, both below `folder`.

        `authorise` answers for IAM. `damage` is done to every restored copy, and may be changed
        between restores. `binaries` is the directory of the server programs, by default what
        `find_binaries` says. Raises PostgresError when no server can run here.
        """
        self.region = region
        self.account = account
        self.restorable_lag = timedelta(seconds=restorable_lag_seconds)
        self.damage = damage
        self.pace = pace or Pace()
        self.faults = Faults()
        self.quotas = {"DBClusters": 40, "DBInstances": 40, "ManualClusterSnapshots": 100}
        self.offers = Offers()
        self.failures: list[str] = []
        """What went wrong behind a status `failed`: for the person at the lab, not on the wire."""
        self.retained_backups: dict[str, dict[str, Any]] = {}
        """The automated backups that outlived their cluster, by its resource id."""
        self.lock = threading.RLock()
        self.servers = Servers(folder=folder, binaries=binaries or find_binaries(os.environ))
        self.authority = Authority(folder / "tls")
        self._authorise = authorise
        self._replaced: dict[str, Any] = {}
        self._fronts: list[LoginFront] = []
        self._tasks: list[threading.Thread] = []
        self._stopping = threading.Event()

    @property
    def backend(self) -> Any:
        """moto's records of this account and region."""
        return rds_backends[self.account][self.region]

    def install(self) -> None:
        """Take over moto's operations; the emulator has been started before."""
        for operation in get_service_model("rds").operation_names:
            name = camelcase_to_underscores(operation)
            original = getattr(RDSResponse, name, None)
            if original is not None or name in OPERATIONS:
                self._replaced[name] = original
                setattr(RDSResponse, name, self._answering(operation, original))

    def stop(self) -> None:
        """Give the operations back, end every server, delete their files. May be called twice."""
        self._stopping.set()
        for name, original in self._replaced.items():
            if original is None:
                delattr(RDSResponse, name)
            else:
                setattr(RDSResponse, name, original)
        self._replaced.clear()
        for front in list(self._fronts):
            front.release()
        self.servers.end()
        for task in self._tasks:
            task.join()
        self.servers.stop()

    def create_source(
        self,
        identifier: str,
        *,
        database: str,
        administrator: str,
        load: Callable[[Server], None],
        engine_version: str | None = None,
        retention_days: int = 7,
        encrypted: bool = True,
        tags: dict[str, str] | None = None,
    ) -> ServedCluster:
        """A production cluster with its writer: protected from deletion, IAM logins on.

        `load` fills the empty server; then a base backup is taken, the restore window opens, and
        the first automated snapshot is there.
        `engine_version` is what the records say, by default the server's own. Raises
        PostgresError.
        """
        version = engine_version or self.servers.version
        server = self.servers.create(identifier)
        load(server)
        begun = datetime.now(UTC)
        server.back_up()
        took = (datetime.now(UTC) - begun).total_seconds()
        cluster = ServedCluster(
            self.backend,
            front=self.new_front(None),
            db_cluster_identifier=identifier,
            database_name=database,
            master_username=administrator,
            engine_version=version,
            backup_retention_period=retention_days,
            storage_encrypted=encrypted,
            storage_type="aurora",
            kms_key_id=self._new_key() if encrypted else None,
            deletion_protection=True,
            enable_iam_database_authentication=True,
            copy_tags_to_snapshot=True,
            db_cluster_parameter_group_name=default_group(version),
            vpc_security_group_ids=[f"sg-{random_name(17).lower()}"],
            tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        self.backend.clusters[identifier] = cluster
        instance = ServedInstance(
            self.backend,
            cluster=cluster,
            db_instance_identifier=f"{identifier}-1",
            db_instance_class="db.r6g.large",
        )
        self.backend.databases[instance.identifier] = instance
        cluster.server = server
        cluster.front.open(self._gate(cluster, server))
        cluster.status = instance.status = "available"
        rds_snapshots.take_automated(self, identifier, at=begun, seconds=took)
        self._later(lambda: self._keep_small(server))
        return cluster

    def create_subnet_group(self, name: str) -> None:
        """A subnet group over the zones of the emulator's default network."""
        subnets = ec2_backends[self.account][self.region].describe_subnets()
        self.backend.create_subnet_group(name, "made by the lab", subnets, [])

    def create_parameter_groups(self, *, cluster: str, instance: str, family: str) -> None:
        """A parameter group for clusters and one for instances, of this family."""
        shared = {
            "db_parameter_group_family": family,
            "description": "made by the lab",
            "tags": [],
        }
        self.backend.create_db_cluster_parameter_group(
            db_cluster_parameter_group_name=cluster, **shared
        )
        self.backend.create_db_parameter_group({"db_parameter_group_name": instance, **shared})

    def cluster(self, identifier: str) -> ServedCluster:
        """The cluster of that name. Raises LookupError."""
        found = self.backend.clusters.get(identifier)
        if not isinstance(found, ServedCluster):
            raise LookupError(f"there is no cluster {identifier!r} with a server")
        return found

    def new_front(self, port: int | None) -> LoginFront:
        """A login front that refuses connections still: at `port` when it is free, else any."""
        front = LoginFront(context=self.authority.context, port=port)
        self._fronts.append(front)
        return front

    def refresh(self, cluster: ServedCluster) -> None:
        """Bring the cluster's restore window up to now.

        The latest time lags behind the clock as asked, and is never one that the archive does not
        hold completely. A copy has no times before it is complete, and then no others.
        """
        server = cluster.server
        if server is None or server.earliest is None:
            cluster.earliest_restorable_time = cluster.completed_at
            cluster.latest_restorable_time = cluster.completed_at
            return
        edge = datetime.now(UTC) - self.restorable_lag
        if server.running and (server.archived_through or edge) <= edge:
            # It may be stopped meanwhile: then what is archived already is what there is.
            with contextlib.suppress(PostgresError, psycopg.OperationalError):
                server.archive_now()
        assert server.archived_through is not None
        earliest = _floor(server.earliest) + _MILLISECOND
        latest = _floor(min(edge, server.archived_through))
        cluster.earliest_restorable_time = earliest
        cluster.latest_restorable_time = max(earliest, latest)

    def begin_restore(self, cluster: ServedCluster, source: Server, until: datetime) -> None:
        """Restore in the background; the status says how it went."""
        cluster.restored_to = until

        def restore() -> None:
            self._pass(self.pace.creating)
            try:
                cluster.server = self._restored(cluster, source, until)
            except (PostgresError, psycopg.Error, NotACopy, OSError) as error:
                self.failures.append(f"{cluster.identifier}: {error}")
                cluster.status = "failed"
                return
            cluster.completed_at = _floor(datetime.now(UTC))
            cluster.status = "available"

        self._later(restore)

    def begin_instance(self, instance: ServedInstance) -> None:
        """Create the instance in the background: start the server if need be, let logins in."""
        cluster, server = instance.cluster, instance.cluster.server

        def create() -> None:
            self._pass(self.pace.creating)
            try:
                server.start()
                with self.lock:
                    if not cluster.front.is_open:
                        cluster.front.open(self._gate(cluster, server))
            except PostgresError as error:
                self.failures.append(f"{instance.identifier}: {error}")
                instance.status = "failed"
                return
            instance.status = "configuring-iam-database-auth"
            self._pass(self.pace.configuring)
            instance.status = "available"

        self._later(create)

    def end_instance(self, instance: ServedInstance) -> None:
        """Delete the instance in the background; logins end with the last of its cluster."""
        cluster = instance.cluster
        instance.status = "deleting"

        def delete() -> None:
            with self.lock:
                if all(member.status == "deleting" for member in cluster.members):
                    cluster.front.close()
            self._pass(self.pace.deleting)
            self.backend.databases.pop(instance.identifier, None)

        self._later(delete)

    def end_cluster(self, cluster: ServedCluster) -> None:
        """Delete the cluster in the background, once its instances are gone, and its files."""
        cluster.status = "deleting"

        def delete() -> None:
            self._pass(self.pace.deleting)
            while cluster.members and not self._stopping.is_set():
                self._pass(0.02)
            cluster.front.release()
            self._fronts.remove(cluster.front)
            self.servers.remove(cluster.identifier)
            self.backend.clusters.pop(cluster.identifier, None)
            rds_snapshots.forget_automated(self, cluster.identifier)

        self._later(delete)

    def stop_cluster(self, cluster: ServedCluster) -> None:
        """Stop the cluster and its instances in the background."""
        assert cluster.server is not None
        server = cluster.server
        _set_all(cluster, "stopping")

        def stop() -> None:
            cluster.front.close()
            server.stop()
            self._pass(self.pace.stopping)
            _set_all(cluster, "stopped")

        self._later(stop)

    def start_cluster(self, cluster: ServedCluster) -> None:
        """Start the cluster and its instances in the background."""
        assert cluster.server is not None
        server = cluster.server
        _set_all(cluster, "starting")

        def start() -> None:
            self._pass(self.pace.stopping)
            server.start()
            cluster.front.open(self._gate(cluster, server))
            _set_all(cluster, "available")

        self._later(start)

    def credential(self, access_key: str) -> Credential | None:
        """What the emulator's STS and IAM know of an access key."""
        for role in sts_backends[self.account]["aws"].assumed_roles:
            if role.access_key_id == access_key:
                return Credential(
                    secret_key=role.secret_access_key,
                    principal=role.role_arn,
                    session_token=role.session_token,
                    expires=role.expiration.replace(tzinfo=UTC),
                )
        for user in iam_backends[self.account]["aws"].users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key:
                    return Credential(secret_key=key.secret_access_key, principal=user.arn)
        return None

    def _restored(self, cluster: ServedCluster, source: Server, until: datetime) -> Server:
        """A copy of the source at that moment, damaged if a damage is to be done."""
        moment: datetime | None = until
        if self.damage is not None:
            moment = self.damage.restore_time(until)
            if moment is None:
                source.archive_now()
            elif source.earliest is not None:
                moment = max(moment, source.earliest)
        server = self.servers.restore(cluster.identifier, source=source, until=moment)
        if self.damage is not None:
            with server.connect(cluster.database_name) as connection:
                inflict(self.damage, connection)
        return server

    def _keep_small(self, server: Server) -> None:
        """The archive of a lab that is left running does not fill the disk."""
        while not self._stopping.wait(TRIM_SECONDS):
            with contextlib.suppress(PostgresError, psycopg.OperationalError):
                server.trim(ARCHIVE_LIMIT)

    def _gate(self, cluster: ServedCluster, server: Server) -> Gate:
        return Gate(
            server=server,
            region=self.region,
            account=self.account,
            resource_id=cluster.db_cluster_resource_id,
            iam_enabled=lambda: bool(cluster.iam_auth),
            credential_of=self.credential,
            authorise=self._authorise,
        )

    def _new_key(self) -> str:
        key = kms_backends[self.account][self.region].create_key(
            None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "the sample company's database", None
        )
        return str(key.arn)

    def _answering(self, operation: str, original: Any) -> Callable[[Any], Any]:
        """A method of moto's response class: faults, then our operation, else moto's own."""
        own = OPERATIONS.get(camelcase_to_underscores(operation))

        def answer(response: Any) -> Any:
            try:
                with self.faults.around(operation, self._pass):
                    result = own(self, _as_sent(response.params)) if own is not None else None
                    return original(response) if result is None else ActionResult(result)
            except Refusal as refusal:
                asked_in = response.headers.get("Content-Type", "")
                status, content_type, body = answer_to("rds", asked_in, refusal)
                return body.decode(), {"status": status, "Content-Type": content_type}

        return answer

    def _pass(self, seconds: float) -> None:
        """Let time pass, unless the lab stops."""
        self._stopping.wait(seconds)

    def _later(self, task: Callable[[], None]) -> None:
        thread = threading.Thread(target=task, name="rds", daemon=True)
        self._tasks.append(thread)
        thread.start()


def _as_sent(parameters: Any) -> Request:
    """The parameters of a request under the names of the wire; moto has its own for them."""
    return {} if isinstance(parameters, dict) else parameters.original_dict()


def _set_all(cluster: ServedCluster, status: str) -> None:
    for member in cluster.members:
        member.status = status
    cluster.status = status


def _floor(moment: datetime) -> datetime:
    """RDS shows milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
