"""The door to EC2: how many addresses the drill network has left."""

from __future__ import annotations

from collections.abc import Iterable

import boto3


def free(subnets: Iterable[str]) -> dict[str, int]:
    """How many addresses are free in each of these subnets; those that are gone are left out."""
    pages = (
        boto3.client("ec2")
        .get_paginator("describe_subnets")
        .paginate(Filters=[{"Name": "subnet-id", "Values": sorted(subnets)}])
    )
    return {
        subnet["SubnetId"]: subnet["AvailableIpAddressCount"]
        for page in pages
        for subnet in page["Subnets"]
    }
