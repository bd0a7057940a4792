"""The only door to KMS: whether the key of a backup can still be used."""

from __future__ import annotations

import boto3
from botocore.exceptions import ClientError

from functions.aws import code_of


def key_state(key: str) -> str | None:
    """The state of a key (`Enabled`, `Disabled`, `PendingDeletion` ...); None if it is not found.

    Without its key an encrypted backup cannot be restored by anybody.
    """
    try:
        return boto3.client("kms").describe_key(KeyId=key)["KeyMetadata"].get("KeyState")
    except ClientError as error:
        if code_of(error) == "NotFoundException":
            return None
        raise
