"""The only door to Secrets Manager. A value that passes through it is read at once, and not kept.

Error codes are those of botocore's model of Secrets Manager, 2017-10-17.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of
from functions.errors import DrillError
from functions.secret_rotation.values import CURRENT, PENDING, Secret, Version

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_RATE = re.compile(r"rate\((\d+) (hour|day)s?\)")


class RotationRefused(DrillError):
    """When Secrets Manager does not take a request to rotate: the reason is AWS's own."""


class NotAllowed(DrillError):
    """When Secrets Manager does not let a step look at a secret, or read it."""


class NotARehearsal(DrillError):
    """When a secret that is not a rehearsal's is about to be written to: it never is."""


class NoValue(DrillError):
    """When a version of a secret has no value, or is not there any more."""


def describe(secret: str) -> Secret | None:
    """The secret by name or ARN, or None where there is none. Raises NotAllowed."""
    try:
        found = _client().describe_secret(SecretId=secret)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        if code_of(error) == "AccessDeniedException":
            raise NotAllowed(f"{secret} may not be looked at, if it is there") from None
        raise
    told = _clock_of(found["ResponseMetadata"])
    return Secret(
        arn=found["ARN"],
        name=found["Name"],
        kms_key=found.get("KmsKeyId", ""),
        owner=found.get("OwningService", ""),
        deleted="DeletedDate" in found and found["DeletedDate"] is not None,
        rotation_enabled=bool(found.get("RotationEnabled")),
        rotation_function=found.get("RotationLambdaARN", ""),
        schedule_days=_days(dict(found.get("RotationRules") or {})),
        last_rotated_at=found.get("LastRotatedDate"),
        next_rotation_at=found.get("NextRotationDate"),
        stages={v: tuple(s) for v, s in found.get("VersionIdsToStages", {}).items()},
        asked_at=told or datetime.now(UTC),
        tells_time=told is not None,
        created_at=found.get("CreatedDate"),
        changed_at=found.get("LastChangedDate"),
        replicas={
            replica.get("Region", ""): replica.get("Status", "")
            for replica in found.get("ReplicationStatus", [])
        },
    )


def versions(secret: str) -> list[Version]:
    """Every version that has a value and is still listed, newest first, deprecated ones too."""
    found: list[Version] = []
    token = ""
    while True:
        more: Any = {"NextToken": token} if token else {}
        page = _client().list_secret_version_ids(
            SecretId=secret, IncludeDeprecated=True, MaxResults=100, **more
        )
        found += [
            Version(
                id=entry["VersionId"],
                created_at=entry["CreatedDate"],
                stages=tuple(entry.get("VersionStages", [])),
            )
            for entry in page.get("Versions", [])
            if "CreatedDate" in entry
        ]
        token = page.get("NextToken", "")
        if not token:
            return sorted(found, key=lambda version: version.created_at, reverse=True)


def value(secret: str, *, version: str = "") -> str:
    """The text of a version: of the current one unless told otherwise.

    Raises NoValue where that version is not there, or is still empty, and NotAllowed.
    """
    which: Any = {"VersionId": version} if version else {"VersionStage": CURRENT}
    try:
        found = _client().get_secret_value(SecretId=secret, **which)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise NoValue(f"{secret} has no value at {version or CURRENT}") from None
        if code_of(error) == "AccessDeniedException":
            raise NotAllowed(
                f"{secret} may not be read: expected its policy, and that of its key, to allow it"
            ) from None
        raise
    if "SecretString" not in found:
        raise NoValue(f"{secret} holds bytes at {version or CURRENT}: expected a text")
    return found["SecretString"]


def rotate(secret: str, *, token: str, function: str = "") -> None:
    """Ask for a rotation, now; the new version's id is the token, so that asking twice is once.

    The function is named for a rehearsal's secret alone: naming it sets it. RotationRules are never
    passed: they would change the schedule. Raises RotationRefused.
    """
    named: Any = {"RotationLambdaARN": function} if function else {}
    try:
        _client().rotate_secret(SecretId=secret, ClientRequestToken=token, **named)
    except ClientError as error:
        if code_of(error) in (
            "AccessDeniedException",
            "InvalidParameterException",
            "InvalidRequestException",
            "ResourceExistsException",
            "ResourceNotFoundException",
        ):
            raise RotationRefused(error.response.get("Error", {}).get("Message", "")) from None
        raise


def put(secret: str, *, text: str, token: str, stages: tuple[str, ...] = (CURRENT,)) -> None:
    """Store a version under an id of ours; storing the same again is no second version."""
    _client().put_secret_value(
        SecretId=secret, ClientRequestToken=token, SecretString=text, VersionStages=list(stages)
    )


def move_current(secret: str, *, to: str, off: str) -> None:
    """Put AWSCURRENT on another version; AWSPREVIOUS follows by itself."""
    _client().update_secret_version_stage(
        SecretId=secret, VersionStage=CURRENT, MoveToVersionId=to, RemoveFromVersionId=off
    )


def take_off_pending(secret: str, *, version: str) -> None:
    """End a rotation that is stuck: its version loses AWSPENDING."""
    _client().update_secret_version_stage(
        SecretId=secret, VersionStage=PENDING, RemoveFromVersionId=version
    )


def _clock_of(metadata: Mapping[str, Any]) -> datetime | None:
    """The service's clock, to the second, from its answer's Date; None where it sent none."""
    sent = metadata.get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(sent) if sent else None


def _days(rules: Mapping[str, Any]) -> float | None:
    """Days between two rotations; None for a cron, which has no fixed length, and for no schedule.

    >>> _days({"ScheduleExpression": "rate(36 hours)"}), _days({"AutomaticallyAfterDays": 30})
    (1.5, 30.0)
    """
    if after := rules.get("AutomaticallyAfterDays"):
        return float(after)
    rate = _RATE.fullmatch(rules.get("ScheduleExpression", ""))
    if rate is None:
        return None
    return int(rate[1]) / (24 if rate[2] == "hour" else 1)


@cache
def _client() -> SecretsManagerClient:
    return boto3.client("secretsmanager")
