"""The boundary on every role of the stack that has no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct

from functions import naming
from infra.evidence import Evidence
from infra.guard.statements import (
    RDS_DELETES,
    RDS_ENDS,
    RDS_MAKES,
    RDS_WRITES,
    SECRETS,
    ceiling,
    deny,
    everywhere,
    evidence_alone,
    policy,
)

IS_OURS = {f"aws:ResourceTag/{naming.MANAGED_TAG}": "true"}
"""The tag that all scratch of a drill bears, on a resource that exists."""

BECOMES_OURS = {f"aws:RequestTag/{naming.MANAGED_TAG}": "true"}
"""The same tag, on a resource that is about to be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What a kind reads and must never change, and what its steps do at most.

    To `protected` only the actions of `readable` may be done. `ours` is what drills make and
    delete, `ours_by_tag` where only a tag can say so; `around` is what a thing of theirs is put
    into. `ceiling` are the actions of its steps.
    """

    protected: Sequence[str]
    readable: Sequence[str]
    ours: Sequence[str]
    ours_by_tag: Sequence[str]
    around: Sequence[str]
    ceiling: Sequence[str]


def boundary(scope: Construct, *, sources: Sources, evidence: Evidence) -> iam.ManagedPolicy:
    """The boundary, put on every role below `scope`, those that the CDK makes included."""
    made = policy(
        scope,
        "Boundary",
        "The most that any role of the backup drills may do",
        _statements(sources, evidence),
    )
    iam.PermissionsBoundary.of(scope).apply(made)
    return made


def _statements(sources: Sources, evidence: Evidence) -> list[iam.PolicyStatement]:
    return [
        ceiling(sources.ceiling),
        *_protected(sources),
        deny("RdsWrites", RDS_WRITES, but_for=sources.ours),
        deny("RdsDeletes", RDS_DELETES, but_for=(*sources.ours, *sources.ours_by_tag)),
        deny("RdsMakes", RDS_MAKES, but_for=(*sources.ours, *sources.around, *sources.protected)),
        iam.PolicyStatement(
            sid="RdsUntagged",
            effect=iam.Effect.DENY,
            actions=[*RDS_DELETES, *RDS_ENDS],
            resources=["*"],
            conditions={"StringNotEquals": IS_OURS},
        ),
        deny("Secrets", SECRETS, on=("*",)),
        *evidence_alone(evidence),
        *everywhere(),
    ]


def _protected(sources: Sources) -> list[iam.PolicyStatement]:
    if not sources.protected:
        return []
    return [
        iam.PolicyStatement(
            sid="Sources",
            effect=iam.Effect.DENY,
            not_actions=list(sources.readable),
            resources=list(sources.protected),
        )
    ]
