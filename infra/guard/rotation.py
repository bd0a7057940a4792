"""The boundaries of the drills of rotations, and of the rotation functions of the stack's own."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions import naming
from infra.evidence import Evidence
from infra.guard.statements import (
    RDS_DELETES,
    RDS_MAKES,
    RDS_WRITES,
    SECRETS,
    ceiling,
    deny,
    everywhere,
    evidence_alone,
    policy,
)

_SECRETS_LOOKS = (
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "secretsmanager:ListSecretVersionIds",
)
_SECRETS_WRITES = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
_ROTATES = ("secretsmanager:RotateSecret",)
_SECRETS_ENDS = (
    "secretsmanager:Cancel*",
    "secretsmanager:Create*",
    "secretsmanager:Delete*",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:Remove*",
    "secretsmanager:Replicate*",
    "secretsmanager:Restore*",
    "secretsmanager:Stop*",
    "secretsmanager:Tag*",
    "secretsmanager:Untag*",
    "secretsmanager:UpdateSecret",
)
_LOOKS_AROUND = ("lambda:GetFunctionConfiguration", "lambda:GetPolicy", "rds:DescribeDBClusters")


def rotation_boundary(
    scope: Construct, name: str, *, sources: Sequence[str], live: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of the steps that drill a rotation, in the place of the common one.

    They write versions and labels of the rehearsals' secrets alone. `sources` they may read, and of
    those that are `live` ask for a rotation.
    """
    own = _own_secrets()
    return policy(
        scope,
        name,
        "The most that a step of a rotation drill may do",
        [
            ceiling(_SECRETS_LOOKS, _SECRETS_WRITES, _ROTATES, _LOOKS_AROUND),
            deny("Rds", (*RDS_WRITES, *RDS_DELETES, *RDS_MAKES), on=("*",)),
            deny("SecretsElsewhere", SECRETS, but_for=(own, *dict.fromkeys(sources))),
            deny("SecretsWrites", _SECRETS_WRITES, but_for=(own,)),
            deny("Rotations", _ROTATES, but_for=(own, *dict.fromkeys(live))),
            deny("SecretsEnds", _SECRETS_ENDS, on=("*",)),
            *evidence_alone(evidence),
            *everywhere(),
        ],
    )


def rotator_boundary(
    scope: Construct, name: str, *, secrets: Sequence[str], evidence: Evidence
) -> iam.ManagedPolicy:
    """The boundary of a rotation function of the stack's own: versions and labels of its secrets.

    This is no step of a drill: it does what it is for to `secrets`, when Secrets Manager calls it.
    """
    return policy(
        scope,
        name,
        "The most that a rotation function of the backup drills may do",
        [
            ceiling(_SECRETS_LOOKS, _SECRETS_WRITES),
            deny("Rds", ("rds:*",), on=("*",)),
            deny("SecretsElsewhere", SECRETS, but_for=(_own_secrets(), *secrets)),
            deny("SecretsEnds", (*_SECRETS_ENDS, *_ROTATES), on=("*",)),
            *evidence_alone(evidence),
            *everywhere(),
        ],
    )


def _own_secrets() -> str:
    """The secrets of all rehearsals, by their names."""
    return f"arn:{Aws.PARTITION}:secretsmanager:*:*:secret:{naming.PREFIX}rotation-*"
