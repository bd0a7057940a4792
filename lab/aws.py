"""What every part of the lab knows of AWS: the account, how to call it, how a function answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.config import Config

REGION = "sa-east-1"
ACCOUNT = "123456789012"

Keys = tuple[str, str, str]
"""Access key, secret key, session token."""

NOBODY: Keys = ("lab", "lab", "lab")
"""The keys of a caller that is no role: a test, the lab itself."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a function answered: its payload, and whether that payload is an error."""

    payload: bytes
    error: bool = False


def client(service: str, *, endpoint: str, keys: Keys = NOBODY) -> Any:
    """An SDK client of the emulator at this endpoint: no proxy between, no call made twice."""
    access_key, secret_key, token = keys
    with _making_a_client:
        return _sdk.create_client(
            service,
            region_name=REGION,
            endpoint_url=endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )


def role_keys(role_arn: str, session: str, *, endpoint: str) -> Keys:
    """The keys of a role, by STS AssumeRole: whoever uses them is known to the emulator."""
    answer = client("sts", endpoint=endpoint).assume_role(
        RoleArn=role_arn, RoleSessionName=session[:64]
    )["Credentials"]
    return answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]


def function_name(function: str) -> str:
    """The name in a function's ARN, or just the name, without a version.

    >>> function_name("arn:aws:lambda:sa-east-1:123456789012:function:drill-report:7")
    'drill-report'
    """
    return function.split(":function:")[-1].split(":")[0]


_sdk = botocore.session.Session()
_making_a_client = threading.Lock()
