"""Secret rotation: what each step may do, on which secrets, in which network.

All but Plan run where the rotation function runs: that path must reach both the database and
Secrets Manager, and it is the path that is drilled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from functions import naming
from functions.secret_rotation.plan import SERVICE
from infra import guard
from infra.evidence import Evidence
from infra.functions import Function, Functions, Placement
from infra.nag import acknowledge
from infra.permissions import Permission
from infra.schema import Configuration, RotationDrill

_HANDLERS = "functions.secret_rotation"
_PASSWORD_LENGTH = 40

Conditions = dict[str, dict[str, Any]]

_LOOKS = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")


class SecretRotation(Construct):
    """A function for each step and network of all rotation drills; a secret for each rehearsal."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        configuration: Configuration,
        functions: Functions,
        evidence: Evidence,
    ) -> None:
        super().__init__(scope, name)
        self._configuration = configuration
        self._functions = functions
        self._evidence = evidence
        self._drills = configuration.rotations
        self._boundary = guard.rotation_boundary(
            self,
            "Boundary",
            sources=[_anywhere(drill) for drill in self._drills],
            live=[_anywhere(drill) for drill in self._drills if drill.mode == "live"],
            evidence=evidence,
        )
        self._rehearsals = {
            drill.name: self._rehearsal(drill) for drill in self._drills if drill.mode != "live"
        }
        self._plan = self._make(self._planner())
        self._steps = {
            placement: {
                "Witness": self._make(self._witness(placement, number)),
                "Exercise": self._make(self._exercise(placement, number)),
                "Verify": self._make(self._verify(placement, number)),
                "VerifyUnit": self._make(self._verify_unit(placement, number)),
                "Teardown": self._make(self._teardown(placement, number)),
            }
            for number, placement in enumerate(self._placements(), start=1)
        }
        self._rotators()

    def steps(self, drill: RotationDrill) -> dict[str, lambda_.Function]:
        """The functions of a drill by the name of the state that calls them."""
        return {"Plan": self._plan, **self._steps[self._placement(drill)]}

    def _make(self, function: Function) -> lambda_.Function:
        return self._functions.make(function, boundary=self._boundary)

    def _step(
        self,
        step: str,
        placement: Placement | None,
        number: int,
        *,
        purpose: str,
        may: Sequence[Permission],
        timeout: int = 300,
    ) -> Function:
        """A step of all drills whose rotation function runs in the same place."""
        return Function(
            name=f"rotation-{step.replace('_', '-')}-{number}",
            purpose=purpose,
            handler=f"{_HANDLERS}.steps.{step}",
            timeout=timeout,
            placement=placement,
            may=may,
        )

    def _rehearsal(self, drill: RotationDrill) -> secretsmanager.ISecret:
        """No schedule: the CDK's would forbid its deletion, and a rehearsal rotates it anyway."""
        secret = secretsmanager.Secret(
            self,
            f"Rehearsal-{drill.name}",
            description=f"Rotated by the backup drill {drill.name}; opens nothing",
            encryption_key=kms.Key.from_key_arn(self, f"Key-{drill.name}", drill.kms_key)
            if drill.kms_key
            else None,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                exclude_punctuation=True,
                generate_string_key="password",
                password_length=_PASSWORD_LENGTH,
                secret_string_template=json.dumps({"username": drill.role}),
            ),
            removal_policy=RemovalPolicy.DESTROY,
            secret_name=drill.rehearsal_secret,
        )
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "its drill rotates it, by the same function as the real secret; a schedule beside that "
            "would disturb the drill",
        )
        return secret

    def _planner(self) -> Function:
        return Function(
            name="rotation-plan",
            purpose="Checks that the rotation can be drilled, names the version that will be",
            handler=f"{_HANDLERS}.steps.plan",
            timeout=120,
            may=[
                Permission(
                    actions=[*_LOOKS, "secretsmanager:ListSecretVersionIds"],
                    resources=[*self._sources(self._drills), *self._own(self._drills)],
                ),
                *_may_use_keys(self._drills, "kms:Decrypt"),
                Permission(
                    actions=["lambda:GetFunctionConfiguration", "lambda:GetPolicy"],
                    resources=_distinct(function_arn(drill) for drill in self._drills),
                ),
                *self._may_describe_clusters(),
                Permission(
                    actions=["states:DescribeExecution"],
                    resources=[_arn("states", f"execution:{naming.PREFIX}*:*")],
                    because="whether the run that holds the claim still runs: any of any drill",
                ),
                self._evidence.may_use_ledger("GetItem", "PutItem"),
                *self._evidence.may_write("*/plan.json"),
            ],
        )

    def _witness(self, placement: Placement | None, number: int) -> Function:
        drills = self._in(placement)
        return self._step(
            "witness",
            placement,
            number,
            purpose="Writes down what is true before the rotation, and that one can log in",
            may=[
                *self._may_look(drills),
                *self._may_write_own(drills, "PutSecretValue", "UpdateSecretVersionStage"),
                *self._evidence.may_write("*/witness/*", tagged=True),
            ],
        )

    def _exercise(self, placement: Placement | None, number: int) -> Function:
        drills = self._in(placement)
        return self._step(
            "exercise",
            placement,
            number,
            purpose="Rotates once, and logs in with both passwords until it is over",
            timeout=900,
            may=[
                *self._may_look(drills),
                *self._may_rotate(drills),
                Permission(
                    actions=["lambda:InvokeFunction"],
                    resources=_distinct(function_arn(drill) for drill in drills),
                ),
            ],
        )

    def _verify(self, placement: Placement | None, number: int) -> Function:
        return self._step(
            "verify",
            placement,
            number,
            purpose="Logs in with the new credential and with the old one, and compares",
            may=[
                *self._may_look(self._in(placement)),
                *self._evidence.may_read("*/witness/*"),
                *self._evidence.may_write("*/checks/*"),
            ],
        )

    def _verify_unit(self, placement: Placement | None, number: int) -> Function:
        drills = self._in(placement)
        return self._step(
            "verify_unit",
            placement,
            number,
            purpose="Rehearses the way back, or asks the application",
            may=[
                *self._may_look(drills),
                *self._may_write_own(drills, "UpdateSecretVersionStage"),
                *self._evidence.may_write("*/checks/*"),
            ],
        )

    def _teardown(self, placement: Placement | None, number: int) -> Function:
        drills = self._in(placement)
        return self._step(
            "teardown",
            placement,
            number,
            purpose="Leaves the rehearsal's secret on the version that opens the database",
            may=[
                *self._may_look(drills),
                *self._may_write_own(drills, "PutSecretValue", "UpdateSecretVersionStage"),
            ],
        )

    def _rotators(self) -> None:
        """The stack's own rotation functions, one a network, for the drills that have no other."""
        managed = [drill for drill in self._drills if drill.is_managed]
        for name in _distinct(drill.rotation_function for drill in managed):
            drills = [drill for drill in managed if drill.rotation_function == name]
            boundary = guard.rotator_boundary(
                self,
                f"Boundary-{name}",
                secrets=_distinct(_anywhere(drill) for drill in drills),
                evidence=self._evidence,
            )
            made = self._functions.make(
                Function(
                    name=name.removeprefix(naming.PREFIX),
                    purpose="Rotates passwords: PostgreSQL, a single user, four steps",
                    handler=f"{_HANDLERS}.rotate.handler",
                    timeout=60,
                    placement=self._placement(drills[0]),
                    may=[
                        Permission(
                            actions=[
                                *_LOOKS,
                                "secretsmanager:PutSecretValue",
                                "secretsmanager:UpdateSecretVersionStage",
                            ],
                            resources=[*self._sources(drills), *self._own(drills)],
                            conditions={
                                "StringEquals": {
                                    "secretsmanager:resource/AllowRotationLambdaArn": _arn(
                                        "lambda", f"function:{name}"
                                    )
                                }
                            },
                        ),
                        *_may_use_keys(drills, "kms:Decrypt", "kms:GenerateDataKey"),
                    ],
                ),
                boundary=boundary,
            )
            made.add_permission(
                "SecretsManager",
                principal=iam.ServicePrincipal(SERVICE),
                source_account=Aws.ACCOUNT_ID,
            )

    def _may_look(self, drills: Sequence[RotationDrill]) -> list[Permission]:
        return [
            Permission(
                actions=list(_LOOKS), resources=[*self._sources(drills), *self._own(drills)]
            ),
            *_may_use_keys(drills, "kms:Decrypt"),
        ]

    def _may_write_own(self, drills: Sequence[RotationDrill], *actions: str) -> list[Permission]:
        """Versions and labels of the rehearsals' secrets, and of no other."""
        own = self._own(drills)
        if not own:
            return []
        puts = "PutSecretValue" in actions
        return [
            Permission(actions=[f"secretsmanager:{action}" for action in actions], resources=own),
            *(_may_use_keys(drills, "kms:GenerateDataKey") if puts else []),
        ]

    def _may_rotate(self, drills: Sequence[RotationDrill]) -> list[Permission]:
        """A rehearsal names the function, so that it is the configured one; live names none.

        Neither may bring rules: they would change the schedule.
        """
        own = self._own(drills)
        live = self._sources(drill for drill in drills if drill.mode == "live")
        functions = _distinct(function_arn(drill) for drill in drills)
        no_rules: Conditions = {"BoolIfExists": {"secretsmanager:ModifyRotationRules": "false"}}
        named: Conditions = {
            "StringEquals": {"secretsmanager:RotationLambdaARN": functions},
            **no_rules,
        }
        unnamed: Conditions = {"Null": {"secretsmanager:RotationLambdaARN": "true"}, **no_rules}
        rotate = ["secretsmanager:RotateSecret"]
        return [
            *([Permission(actions=rotate, resources=own, conditions=named)] if own else []),
            *([Permission(actions=rotate, resources=live, conditions=unnamed)] if live else []),
        ]

    def _may_describe_clusters(self) -> list[Permission]:
        clusters = _distinct(drill.cluster for drill in self._drills if drill.cluster)
        if not clusters:
            return []
        return [
            Permission(
                actions=["rds:DescribeDBClusters"],
                resources=[_arn("rds", f"cluster:{cluster}") for cluster in clusters],
            )
        ]

    def _sources(self, drills: Iterable[RotationDrill]) -> list[str]:
        return _distinct(secret_arn(drill) for drill in drills)

    def _own(self, drills: Iterable[RotationDrill]) -> list[str]:
        return [
            self._rehearsals[drill.name].secret_arn
            for drill in drills
            if drill.name in self._rehearsals
        ]

    def _in(self, placement: Placement | None) -> list[RotationDrill]:
        return [drill for drill in self._drills if self._placement(drill) == placement]

    def _placements(self) -> list[Placement | None]:
        """Where the steps must run, each once, in the order of the drills."""
        return list(dict.fromkeys(self._placement(drill) for drill in self._drills))

    def _placement(self, drill: RotationDrill) -> Placement | None:
        network = self._configuration.network_of(drill)
        if network is None:
            return None
        return Placement(subnets=network.subnets, security_group=network.security_group)


def _may_use_keys(drills: Iterable[RotationDrill], *actions: str) -> list[Permission]:
    """Through Secrets Manager alone; its own key needs no permission."""
    keys = _distinct(drill.kms_key for drill in drills if drill.kms_key)
    if not keys:
        return []
    through = {"kms:ViaService": f"secretsmanager.{Aws.REGION}.amazonaws.com"}
    return [Permission(actions=list(actions), resources=keys, conditions={"StringEquals": through})]


def secret_arn(drill: RotationDrill) -> str:
    """The ARN of the secret that is drilled; behind a name AWS puts six characters of its own."""
    if drill.secret.startswith("arn:"):
        return drill.secret
    return _arn("secretsmanager", f"secret:{drill.secret}-??????")


def _anywhere(drill: RotationDrill) -> str:
    """In every region and account: a Deny may reach further than an Allow."""
    if drill.secret.startswith("arn:"):
        return drill.secret
    return f"arn:{Aws.PARTITION}:secretsmanager:*:*:secret:{drill.secret}-??????"


def function_arn(drill: RotationDrill) -> str:
    """The ARN of the function that rotates it."""
    return _arn("lambda", f"function:{drill.rotation_function}")


def _arn(service: str, resource: str) -> str:
    return f"arn:{Aws.PARTITION}:{service}:{Aws.REGION}:{Aws.ACCOUNT_ID}:{resource}"


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
