"""cdk-nag's AWS Solutions rules, and the one way to say why a finding is accepted."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import Construct, IConstruct


def check(scope: Construct) -> None:
    """Have every synth fail on a finding that nobody acknowledged."""
    Validations.of(scope).add_plugins(AwsSolutionsChecks(scope))


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept a finding on a construct and what is below it, for a reason."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
