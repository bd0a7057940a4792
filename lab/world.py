"""What IAM knows besides the call that it is asked about."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.policies import Request

Parameters = Mapping[str, Any]
"""What a call is made with, named as the SDK names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretFacts:
    """What IAM has to know of a secret: `key` is the customer's own, None for AWS's."""

    arn: str
    key: str | None = None
    rotation_function: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def _nothing(_: str) -> Mapping[str, str]:
    return {}


def _no_key(_: str) -> str | None:
    return None


def _no_secret(_: str) -> SecretFacts | None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What IAM knows besides the call: where it is, the tags of an ARN, the key of a bucket.

    `secret_of` finds a secret by name, ARN, or ARN without the six characters at its end.
    """

    region: str
    account: str
    partition: str = "aws"
    tags_of: Callable[[str], Mapping[str, str]] = field(default=_nothing)
    key_of: Callable[[str], str | None] = field(default=_no_key)
    secret_of: Callable[[str], SecretFacts | None] = field(default=_no_secret)

    def rds(self, kind: str, name: str | None) -> str:
        """The ARN of something of RDS: cluster, db, subgrp, cluster-pg, pg, og."""
        return f"arn:{self.partition}:rds:{self.region}:{self.account}:{kind}:{name or '*'}"

    def secret(self, secret_id: str) -> SecretFacts:
        """The facts of a secret; of one that nobody knows an ARN such as it might have."""
        found = self.secret_of(secret_id)
        if found is not None:
            return found
        name = secret_id.partition(":secret:")[2] or secret_id
        ending = "" if _WITH_ENDING.search(secret_id) else "-AbCdEf"
        prefix = f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}"
        return SecretFacts(arn=f"{prefix}:secret:{name}{ending}")

    def about(self, resource: str) -> dict[str, str | Sequence[str]]:
        """The condition keys that the tags of a resource give."""
        return {f"aws:ResourceTag/{key}": value for key, value in self.tags_of(resource).items()}

    def through(self, service: str) -> dict[str, str | Sequence[str]]:
        """The condition keys of a call to KMS that a service makes for the caller."""
        return {"kms:ViaService": f"{service}.{self.region}.amazonaws.com"}


_WITH_ENDING = re.compile(r"^arn:.*:secret:.*-[A-Za-z0-9]{6}$")


def key_arn(key: str, world: World) -> str:
    """The ARN of a key that is given by its ARN or its id."""
    if key.startswith("arn:"):
        return key
    return f"arn:{world.partition}:kms:{world.region}:{world.account}:key/{key}"


def with_key(arn: str, world: World, service: str, action: str) -> Iterator[Request]:
    """The service uses its resource's key for the caller, who must be allowed to use it."""
    if key := world.key_of(arn):
        yield Request(action, key_arn(key, world), world.through(service))
