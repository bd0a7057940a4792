"""The door to AWS: whose credentials, which endpoint, in which region a bucket is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CannotRun
from functions.aws import code_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_stepfunctions import SFNClient

READY: Final = Path(__file__).parent.parent / ".lab" / "up" / "ready.json"
"""Where the standing lab of `python -m lab up` says how to reach it."""

_LAB_REGION: Final = "sa-east-1"
_LAB_KEY: Final = "lab"
_KNOCKS_SECONDS: Final = 3.0
_OWNERS: Final = {"BUCKET": "--owner", "--to": "--to-owner"}
_ABSENT: Final = ("404", "NoSuchBucket")
_DENIED: Final = ("403", "AccessDenied")
_ASKED_AT_ONCE: Final = Config(max_pool_connections=16, retries={"mode": "standard"})
_ASKED_BRIEFLY: Final = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """A bucket that answers, and the client for where it is.

    `owner` is the account that must own it, empty where it is not known.
    """

    name: str
    region: str
    endpoint: str
    client: S3Client
    owner: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of a request of this bucket, and of no other one of its name."""
        named = {"Bucket": self.name}
        return {**named, "ExpectedBucketOwner": self.owner} if self.owner else named


class Aws:
    """The services that hold a deployment: a client of each, made when it is first needed."""

    @cached_property
    def states(self) -> SFNClient:
        """Step Functions: the drills' machines."""
        return boto3.client("stepfunctions", config=_ASKED_AT_ONCE)

    @cached_property
    def schedules(self) -> EventBridgeSchedulerClient:
        """EventBridge Scheduler."""
        return boto3.client("scheduler", config=_ASKED_AT_ONCE)

    @cached_property
    def stacks(self) -> CloudFormationClient:
        """CloudFormation."""
        return boto3.client("cloudformation", config=_ASKED_AT_ONCE)

    @cached_property
    def watch(self) -> CloudWatchClient:
        """CloudWatch: alarms and metrics."""
        return boto3.client("cloudwatch", config=_ASKED_AT_ONCE)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs: how much is kept."""
        return boto3.client("logs", config=_ASKED_AT_ONCE)

    @property
    def region(self) -> str:
        """The region that these clients ask."""
        return self.states.meta.region_name


def enter_aws(*, profile: str, region: str) -> None:
    """Make this process use a profile and a region; an empty one leaves what the environment says.

    Keys of the environment would win over a profile: where one is named they are put aside. An
    empty variable is none.
    """
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        if not os.environ.get(name):
            os.environ.pop(name, None)
    if profile:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        os.environ.update(AWS_PROFILE=profile, AWS_DEFAULT_PROFILE=profile)
    if region:
        os.environ.update(AWS_REGION=region, AWS_DEFAULT_REGION=region)


def enter_lab(ready: Path) -> None:
    """Make this process talk to the standing lab, whatever its environment said of AWS before.

    Raises CannotRun where no lab says that it is up, and where the one that said so is gone.
    """
    try:
        endpoint = json.loads(ready.read_text())["endpoint"]
        _knock(endpoint)
    except (OSError, ValueError, KeyError) as error:
        raise CannotRun(
            f"--lab: {ready}: {error}: expected a lab that is up: python -m lab up"
        ) from error
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        AWS_REGION=_LAB_REGION,
        AWS_DEFAULT_REGION=_LAB_REGION,
        AWS_ACCESS_KEY_ID=_LAB_KEY,
        AWS_SECRET_ACCESS_KEY=_LAB_KEY,
        AWS_SESSION_TOKEN=_LAB_KEY,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        NO_PROXY="127.0.0.1",
        no_proxy="127.0.0.1",
    )


def _knock(endpoint: str) -> None:
    """Raises OSError where nobody answers: a lab that was killed leaves its file behind."""
    parts = urlsplit(endpoint)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), _KNOCKS_SECONDS).close()
    except OSError as error:
        raise OSError(f"nothing answers at {endpoint}: {error.strerror or error}") from error


def reach(option: str, bucket: str, *, threads: int) -> Reached:
    """The bucket that an option names, and a client for the region it is in.

    Raises CannotRun for a bucket that does not answer, and where AWS cannot be reached at all.
    """
    config = Config(max_pool_connections=threads)
    try:
        client = boto3.client("s3", config=config)
        region = _region(client, bucket)
        if region != client.meta.region_name and _is_of_aws(client.meta.endpoint_url):
            client = boto3.client("s3", region_name=region, config=config)
    except ClientError as error:
        told = "there is no such bucket" if code_of(error) in _ABSENT else str(error)
        raise CannotRun(f"{option}: {bucket!r}: {told}: expected a bucket that is there") from error
    except (BotoCoreError, ValueError) as error:
        raise CannotRun(f"{option}: {bucket!r}: {error}") from error
    return Reached(name=bucket, region=region, endpoint=client.meta.endpoint_url, client=client)


def _region(client: S3Client, bucket: str) -> str:
    """Where a bucket is. Who may only list below a prefix is not told, and assumed to know it."""
    try:
        return client.head_bucket(Bucket=bucket).get("BucketRegion") or client.meta.region_name
    except ClientError as error:
        if code_of(error) in _DENIED:
            return client.meta.region_name
        raise


def _is_of_aws(endpoint: str) -> bool:
    """Whether an endpoint is AWS' own.

    >>> _is_of_aws("https://s3.sa-east-1.amazonaws.com"), _is_of_aws("http://127.0.0.1:9000")
    (True, False)
    """
    return ".amazonaws.com" in endpoint


def account(reached: Reached) -> str:
    """The account whose credentials these are; empty where that cannot be known.

    Another server for S3 need not have an STS beside it: it is asked only where one is named.
    """
    elsewhere = {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"} & set(os.environ)
    if not elsewhere and not _is_of_aws(reached.endpoint):
        return ""
    try:
        identity = boto3.client(
            "sts", region_name=reached.region, config=_ASKED_BRIEFLY
        ).get_caller_identity()
    except (BotoCoreError, ClientError):
        return ""
    return identity["Account"]


def owned(option: str, reached: Reached, owner: str) -> Reached:
    """The same bucket, asked for as that of an account; `owner` is empty for any account.

    Raises CannotRun where the bucket is another account's.
    """
    if not owner:
        return reached
    checked = replace(reached, owner=owner)
    if _answers(reached) and not _answers(checked):
        raise CannotRun(
            f"{option}: {reached.name!r}: it does not belong to account {owner}: expected a bucket"
            f" of that account, or {_OWNERS[option]} ACCOUNT that names its owner"
        )
    return checked


def _answers(reached: Reached) -> bool:
    try:
        reached.client.head_bucket(**reached.asked)
    except ClientError as error:
        if code_of(error) in _DENIED:
            return False
        raise
    return True


def versioning(reached: Reached) -> str:
    """The versioning of a bucket as it is now: Enabled, Suspended, or empty for never."""
    answer = reached.client.get_bucket_versioning(**reached.asked)
    return answer.get("Status", "")


def stray(reached: Reached, prefix: str, known: Iterator[str]) -> str | None:
    """The first key below a prefix of which there is a version or marker, and that is not known.

    None where there is none. The known keys come in their order.
    """
    following = next(known, None)
    asked = {**reached.asked, "Prefix": prefix}
    pages = reached.client.get_paginator("list_object_versions").paginate(**asked)  # type: ignore[arg-type]
    for page in pages:
        keys = {one["Key"] for one in page.get("Versions", [])}
        keys |= {one["Key"] for one in page.get("DeleteMarkers", [])}
        for key in sorted(keys):
            while following is not None and following < key:
                following = next(known, None)
            if key != following:
                return key
    return None
