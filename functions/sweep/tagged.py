"""What bears the tag of a drill's scratch and is of no type that the sweeper knows: told, no more.

AWS's index of tags lags behind, and still knows what is gone: so it decides nothing.
"""

from __future__ import annotations

import boto3

from functions import naming

KNOWN = (
    ":rds:cluster:",
    ":rds:db:",
    ":rds:cluster-snapshot:",
    ":rds:cluster-auto-backup:",
    f":secretsmanager:secret:{naming.PREFIX}",
    f":s3:{naming.PREFIX}",
    f":logs:log-group:/aws/rds/cluster/{naming.PREFIX}",
)
"""What the sweeper lists for itself: service and type, as in an ARN without region and account; and
how the name begins, where it lists no others."""


def others() -> list[str]:
    """The ARNs of whatever else bears the tag, in order."""
    pages = (
        boto3.client("resourcegroupstaggingapi")
        .get_paginator("get_resources")
        .paginate(TagFilters=[{"Key": naming.MANAGED_TAG, "Values": ["true"]}])
    )
    found = {each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]}
    return sorted(arn for arn in found if not is_known(arn))


def is_known(arn: str) -> bool:
    """Whether the sweeper looks at things of this type.

    >>> is_known("arn:aws:rds:sa-east-1:123456789012:cluster:drill-x")
    True
    >>> is_known("arn:aws:s3:::drill-x"), is_known("arn:aws:iam::123456789012:role/drill-x")
    (True, False)
    >>> is_known("arn:aws:s3:::invoices"), is_known("odd")
    (False, False)
    >>> is_known("arn:aws:secretsmanager:sa-east-1:123456789012:secret:prod-AbCdEf")
    False
    """
    _, _, service, _, _, rest = f"{arn}:::::".split(":", 5)
    return f":{service}:{rest}".startswith(KNOWN)
