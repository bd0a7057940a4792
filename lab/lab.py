"""A lab: the emulated AWS, the sample company on a real PostgreSQL, the drills deployed in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra import bundle
from infra.config import load
from infra.schema import Configuration
from lab import seed
from lab.application import CACHE_SECONDS
from lab.credentials import Credentials
from lab.damage import Damage
from lab.deploy import Deployment, deploy
from lab.emulator import Call, Denied, Emulator
from lab.iam import Iam, World, roles_of
from lab.lambdas import Functions
from lab.postgres import Server
from lab.rds import Rds
from lab.rds_records import ServedCluster
from lab.seed import bucket as sample_bucket
from lab.seed.bucket_writer import BucketWriter
from lab.seed.writer import WriterProcess

ROOT = Path(__file__).parent.parent
DRILLS = ROOT / "drills.yaml"
TIME_FACTOR = 0.02
"""What is left of a wait in the lab: 30 seconds between two looks at a cluster are 0.6."""

_SYNTHESIZE = (
    "import sys; from pathlib import Path; from infra.application import synthesize;"
    " synthesize(Path(sys.argv[1]))"
)
"""What app.py does, for any configuration."""

RESTORABLE_LAG_SECONDS = 3.0
"""How far the latest restorable time lags behind in the lab; in AWS it is five minutes or less."""


class LabError(Exception):
    """When a lab cannot be had: the message says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Company:
    """What is drilled in the lab: a cluster of the sample company, in the records' words."""

    cluster: str
    engine_version: str
    retention_days: int


class Lab:
    """A lab from `start()` to `stop()`; as a context manager, from the beginning to the end.

    `folder` is its own: nothing is written outside it but `build/`, where the bundle and the layer
    are kept for the next one. `tell` is called with a sentence at every stage of the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        damage: Damage | None = None,
        drills: Path = DRILLS,
        scale: float = 1.0,
        time_factor: float = TIME_FACTOR,
        restorable_lag_seconds: float = RESTORABLE_LAG_SECONDS,
        port: int = 0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self.configuration = load(drills)
        self.drills = drills
        self.scale = scale
        self.time_factor = time_factor
        self.restorable_lag_seconds = restorable_lag_seconds
        self.tell = tell
        self.emulator = Emulator(folder=folder, time_factor=time_factor, port=port)
        self.damage = damage
        self.rds: Rds
        self.functions: Functions
        self.deployment: Deployment
        self.source: ServedCluster
        self.iam: Iam
        self.credentials: Credentials
        self.bucket_writer: BucketWriter | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything. Raises LabError, and what its parts raise, with what was expected."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._start_emulator()
        with ThreadPoolExecutor(max_workers=3) as pool:
            self.tell("synthesizing the template, and the dependency layer for this machine")
            assembly = pool.submit(self._synthesize)
            layer = pool.submit(bundle.layer_for_this_machine)
            buckets = pool.submit(self._make_buckets)
            self._start_company()
            buckets.result()
            template, layer_folder = assembly.result(), layer.result()
        self.tell("deploying the template to the emulated AWS")
        self._deploy(template, layer_folder)
        self.credentials.prepare(self.configuration.rotations, source=self.source)
        if self.damage and self.damage.arrange:
            self._stack.callback(self.damage.arrange(self))
        writer = WriterProcess(self._server(), folder=self.folder)
        self._stack.callback(writer.stop)
        self._start_bucket_writer()

    def stop(self) -> None:
        """End every process of the lab and delete its servers' files. May be called twice."""
        self._stack.close()

    def _start_emulator(self) -> None:
        self._stack.callback(self.emulator.stop)
        self.emulator.start()
        self.rds = Rds(
            folder=self.folder,
            authorise=self._authorise,
            restorable_lag_seconds=self.restorable_lag_seconds,
            damage=self.damage,
        )
        self._stack.callback(self.rds.stop)
        self.rds.install()
        self.credentials = Credentials(
            emulator=self.emulator,
            authority=self.rds.authority,
            cache_seconds=CACHE_SECONDS,
        )
        self._stack.callback(self.credentials.stop)
        self.credentials.start()

    def _start_company(self) -> None:
        version = self.rds.servers.version
        self.tell(f"starting PostgreSQL {version} with a sample company in it")
        company = drilled_company(self.configuration)
        self.source = self.rds.create_source(
            company.cluster,
            database=seed.DATABASE,
            administrator=seed.ADMINISTRATOR,
            load=lambda server: seed.load(server, scale=self.scale),
            engine_version=company.engine_version,
            retention_days=company.retention_days,
        )

    def _make_buckets(self) -> None:
        """The buckets of the company that drills are about, each once, with their objects."""
        for bucket, kms_key in drilled_buckets(self.configuration).items():
            sample_bucket.make(self.emulator, bucket, kms_key=kms_key)

    def _start_bucket_writer(self) -> None:
        buckets = drilled_buckets(self.configuration)
        if buckets:
            self.bucket_writer = BucketWriter(self.emulator.client("s3"), buckets)
            self._stack.callback(self.bucket_writer.stop)

    def _synthesize(self) -> Path:
        """The assembly that `cdk deploy` would ship; CDK's own validation is for `make test`."""
        target = self.folder / "cdk.out"
        environment = {**os.environ, "CDK_OUTDIR": str(target), "CDK_VALIDATION": "false"}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        outcome = subprocess.run(
            [sys.executable, "-c", _SYNTHESIZE, str(self.drills.resolve())],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0:
            raise LabError(f"app.py could not be synthesized:\n{outcome.stderr.strip()}")
        return target

    def _deploy(self, assembly: Path, layer: Path) -> None:
        self.functions = Functions(
            endpoint=self.emulator.endpoint,
            folder=self.folder,
            layer=layer,
            environment={
                "DRILLS_CA_FILE": str(self.rds.authority.certificate),
                **self.credentials.environment,
            },
        )
        self._stack.callback(self.functions.stop)
        self.emulator.invoke = self.functions.invoke
        self.emulator.describe_function = self.functions.configuration
        self.deployment = deploy(
            assembly=assembly,
            emulator=self.emulator,
            functions=self.functions,
            time_factor=self.time_factor,
        )
        self.credentials.make_functions(self.configuration.rotations, self.functions)
        self.iam = Iam(
            roles=roles_of(self.emulator.client("iam")),
            world=World(
                region=self.rds.region,
                account=self.rds.account,
                tags_of=self._tags_of,
                key_of=self._key_of,
                secret_of=self.emulator.secrets.facts,
            ),
        )
        self.emulator.before_call.append(self._permitted)
        self.emulator.s3.may_list = self._may_list

    def _permitted(self, call: Call) -> Denied | None:
        """What IAM says to a call of a function: the synthesized policies are enforced."""
        refused = self.iam.refused(call)
        return Denied(refused.action, refused.resource) if refused else None

    def _may_list(self, role: str, bucket: str) -> bool:
        return self.iam.authorise(role, "s3:ListBucket", f"arn:aws:s3:::{bucket}")

    def _tags_of(self, arn: str) -> dict[str, str]:
        """The tags of something of RDS, as IAM looks them up for a condition."""
        kind, _, name = arn.partition(":rds:")[2].partition(":")[2].partition(":")[2].partition(":")
        backend = self.rds.backend
        kept = {
            "cluster": backend.clusters,
            "cluster-snapshot": backend.cluster_snapshots,
            "db": backend.databases,
        }
        found = kept.get(kind, {}).get(name)
        return {tag["Key"]: tag["Value"] for tag in found.tags} if found else {}

    def _key_of(self, arn: str) -> str | None:
        """The key that encrypts a bucket or a topic, as the service looks it up."""
        if arn.startswith("arn:aws:s3:::"):
            return self.emulator.s3.key_of(arn.removeprefix("arn:aws:s3:::").partition("/")[0])
        if ":sns:" in arn:
            answer = self.emulator.client("sns").get_topic_attributes(TopicArn=arn)
            return answer["Attributes"].get("KmsMasterKeyId") or None
        return None

    def _authorise(self, role: str, action: str, resource: str) -> bool:
        return self.iam.authorise(role, action, resource)

    def _server(self) -> Server:
        assert self.source.server is not None
        return self.source.server

    def start_drill(self, drill: str, given: Any = None) -> str:
        """Start a drill as its console page does; the ARN of the execution.

        Raises KeyError for a drill that drills.yaml does not have.
        """
        started = self.emulator.client("stepfunctions").start_execution(
            stateMachineArn=self.deployment.machines[drill],
            input=json.dumps({} if given is None else given),
        )
        return str(started["executionArn"])

    def evidence(self, key: str) -> bytes:
        """An object of the evidence bucket."""
        bucket = self.deployment.evidence_bucket
        body = self.emulator.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return bytes(body.read())


def drilled_buckets(configuration: Configuration) -> dict[str, str]:
    """The company's buckets that drills are about, each with the ARN of its key, if it has one."""
    return {drill.bucket: drill.kms_key for drill in configuration.s3_versions}


def drilled_company(configuration: Configuration) -> Company:
    """The cluster that the first Aurora drill is about, as the lab makes it. Raises LabError."""
    if not configuration.aurora:
        raise LabError("drills: no drill of the kind aurora: the lab makes the first one's cluster")
    drill = configuration.aurora[0]
    major = drill.engine_family.removeprefix("aurora-postgresql")
    return Company(
        cluster=drill.cluster,
        engine_version=f"{major}.8",
        retention_days=drill.retention_days_minimum,
    )
