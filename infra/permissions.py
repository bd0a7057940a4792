"""One thing that a role may do, and, where that names more than one resource, why it must."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.nag import acknowledge


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """Actions on resources, under conditions. `because` says why a resource holds a wildcard."""

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    because: str = ""

    def statement(self) -> iam.PolicyStatement:
        """As IAM has it."""
        return iam.PolicyStatement(
            actions=list(self.actions),
            resources=list(self.resources),
            conditions={operator: dict(keys) for operator, keys in self.conditions.items()},
        )


def role(
    scope: Construct,
    *,
    principal: iam.IPrincipal,
    purpose: str,
    may: Sequence[Permission],
    name: str = "Role",
) -> iam.IRole:
    """A role that may do just this. Its wildcards are acknowledged, where `because` says why.

    Every policy is a part of the role itself, so that what uses the role finds it complete, and the
    CDK adds nothing to it.
    """
    document = iam.PolicyDocument(statements=[permission.statement() for permission in may])
    made = iam.Role(
        scope,
        name,
        assumed_by=principal,
        description=purpose,
        inline_policies={"May": document},
    )
    for permission in may:
        for resource in permission.resources:
            shown = _as_cdk_nag_shows(Stack.of(scope).resolve(resource))
            if "*" in shown and permission.because:
                finding = f"AwsSolutions-IAM5[Resource::{shown}]"
                acknowledge(made, finding, permission.because)
    return made.without_policy_updates()


def _as_cdk_nag_shows(resolved: Any) -> str:
    """A resource with its references in angle brackets, which is how cdk-nag names a finding.

    >>> _as_cdk_nag_shows({"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket1", "Arn"]}, "/*"]]})
    '<Bucket1.Arn>/*'
    """
    match resolved:
        case str():
            return resolved
        case {"Ref": str() as name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str() as name, str() as attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [str() as glue, list() as parts]}:
            return glue.join(_as_cdk_nag_shows(part) for part in parts)
        case _:
            return re.sub(r"\s", "", json.dumps(resolved))
