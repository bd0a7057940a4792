"""Whose the buckets are that a client of S3 asks: where it is another's, S3 refuses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_s3 import S3Client

_OWNER = "ExpectedBucketOwner"


def expect(client: S3Client, account: str) -> None:
    """Have every request of the client say which account must own the bucket.

    The first account that is told is the one. A bucket of another account is then refused with
    AccessDenied, also one that took over the name of a bucket that was deleted.
    """
    client.meta.events.register(
        "before-parameter-build.s3", partial(_say, account), unique_id="expected-owner"
    )


def _say(account: str, *, params: dict[str, Any], model: OperationModel, **_: Any) -> None:
    shape = model.input_shape
    if shape and _OWNER in shape.members:
        params[_OWNER] = account
