"""No role can hurt a source: each role on its own, and the boundary even under a role with all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from functions import naming
from infra.config import load
from infra.contradictions import MOST_CLUSTERS
from lab.policies import Context, Decision, Request, Role, decide
from tests.infra import destructive
from tests.infra.cfn import Template, resolve
from tests.infra.samples import configuration

ROOT = Path(__file__).parents[2]
ALL = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
FORGED: Context = {
    f"aws:ResourceTag/{naming.MANAGED_TAG}": "true",
    f"aws:RequestTag/{naming.MANAGED_TAG}": "true",
    "aws:TagKeys": [naming.MANAGED_TAG],
}
"""A production cluster that somebody tagged as a drill's: its name still says what it is."""

CLUSTERS = sorted({drill.cluster for drill in load(ROOT / "drills.yaml").aurora})
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d"
HIDDEN = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:production/database-AbCdEf"
BUCKET = "arn:aws:s3:::company-website"
FILES = [f"arn:aws:s3:::{drill.bucket}" for drill in load(ROOT / "drills.yaml").s3_versions]
DRILLED = (
    "arn:aws:secretsmanager:sa-east-1:123456789012:secret:fibonacci-aurora-cluster-prod-app-AbCdEf"
)
ROTATES = "arn:aws:lambda:sa-east-1:123456789012:function:drill-rotate-production"


def rds_targets(cluster: str) -> list[str]:
    """A source, its instances, its snapshots of both kinds, and what it is made of."""
    of_rds = "arn:aws:rds:sa-east-1:123456789012"
    return [
        f"{of_rds}:cluster:{cluster}",
        f"{of_rds}:db:{cluster}-1",
        f"{of_rds}:cluster-snapshot:rds:{cluster}-2026-11-02-05-00",
        f"{of_rds}:cluster-snapshot:{cluster}-before-release",
        f"{of_rds}:cluster-pg:{cluster}",
        f"{of_rds}:subgrp:{cluster}",
        f"{of_rds}:secgrp:{cluster}",
        f"{of_rds}:global-cluster:{cluster}",
    ]


def not_denied(boundary: dict[str, Any]) -> list[tuple[str, str, Context]]:
    """The dangers that a boundary does not deny outright, were its ceiling lifted."""
    lifted = {"Statement": [each for each in boundary["Statement"] if each["Sid"] != "Ceiling"]}
    return [
        danger
        for danger in dangers()
        if decide([ALL, lifted], Request(*danger)) is not Decision.EXPLICIT_DENY
    ]


def dangers() -> Iterator[tuple[str, str, Context]]:
    """Every action that could hurt, on everything that could be hurt, with and without our tags."""
    for context in ({}, FORGED):
        for cluster in CLUSTERS:
            for target in rds_targets(cluster):
                yield from ((action, target, context) for action in destructive.rds())
        for bucket in (BUCKET, *FILES):
            for target in (bucket, f"{bucket}/index.html", f"{bucket}/drill-20261102-1a2b3c/a"):
                yield from ((action, target, context) for action in destructive.s3())
        yield from ((action, HIDDEN, context) for action in destructive.secrets())
        yield from ((action, KEY, context) for action in destructive.key_administration())
        yield from ((action, "*", context) for action in destructive.ADMINISTRATION)


@pytest.fixture(scope="module")
def boundary(template: Template) -> dict[str, Any]:
    (found,) = (
        policy["PolicyDocument"]
        for name, policy in template.of_type("AWS::IAM::ManagedPolicy").items()
        if name.startswith("Boundary")
    )
    return dict(found)


def test_the_list_of_dangers_is_broad() -> None:
    asked = {action for action, _, _ in dangers()}
    assert len(destructive.rds()) > 90
    assert {
        "kms:ScheduleKeyDeletion",
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:DeleteDBCluster",
        "rds:FailoverDBCluster",
        "rds:ModifyDBCluster",
        "rds:PromoteReadReplicaDBCluster",
        "rds:RebootDBInstance",
        "rds:RestoreDBClusterFromS3",
        "rds:StopDBCluster",
        "s3:DeleteObjectVersion",
        "s3:PutBucketVersioning",
        "secretsmanager:DeleteSecret",
        "secretsmanager:PutSecretValue",
        "secretsmanager:RotateSecret",
    } <= asked


def test_every_role_is_bounded(roles: dict[str, Role]) -> None:
    assert [name for name, role in roles.items() if role.boundary is None] == []


def test_a_role_that_the_cdk_makes_is_among_them(template: Template) -> None:
    assert any("Refused" in name for name in template.of_type("AWS::IAM::Role"))


def test_no_role_can_hurt_a_source(roles: dict[str, Role]) -> None:
    allowed = [
        (name, action, target)
        for name, role in roles.items()
        for action, target, context in dangers()
        if role.allows(Request(action, target, context))
    ]
    assert allowed == []


def test_the_boundary_alone_forbids_it_whatever_a_role_may(boundary: dict[str, Any]) -> None:
    role = Role(policies=(ALL,), boundary=boundary)
    allowed = [danger for danger in dangers() if role.allows(Request(*danger))]
    assert allowed == []


def test_its_denies_hold_even_where_somebody_lifts_the_ceiling(boundary: dict[str, Any]) -> None:
    assert not_denied(boundary) == []


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_retained_backup_of_a_source_is_neither_deleted_nor_tagged(
    boundary: dict[str, Any], cluster: str
) -> None:
    """Its name is AWS's: only the tag says whose it is, so nobody may give it one."""
    backup = f"arn:aws:rds:sa-east-1:123456789012:cluster-auto-backup:{cluster}"
    role = Role(policies=(ALL,), boundary=boundary)
    assert not role.allows(Request("rds:DeleteDBClusterAutomatedBackup", backup))
    for action in ("rds:AddTagsToResource", "rds:RemoveTagsFromResource"):
        assert not role.allows(Request(action, backup, FORGED))


def test_what_bears_the_prefix_but_not_the_tag_is_not_deleted(boundary: dict[str, Any]) -> None:
    role = Role(policies=(ALL,), boundary=boundary)
    for action, kind in (("DeleteDBCluster", "cluster"), ("DeleteDBInstance", "db")):
        target = f"arn:aws:rds:sa-east-1:123456789012:{kind}:drill-somebody-elses"
        assert not role.allows(Request(f"rds:{action}", target))
        assert role.allows(Request(f"rds:{action}", target, FORGED))


def test_what_may_be_done_to_a_source_is_the_table_of_the_docs(
    function_roles: dict[str, Role],
) -> None:
    """docs/deploy.md: closed, so that what is not in it cannot be done."""
    through_rds: Context = {
        "kms:ViaService": "rds.sa-east-1.amazonaws.com",
        "kms:GrantIsForAWSResource": "true",
    }
    user = "arn:aws:rds-db:sa-east-1:123456789012:dbuser:cluster-ABC/backup_drills_verifier"
    by_its_function: Context = {
        "secretsmanager:resource/AllowRotationLambdaArn": ROTATES,
        "secretsmanager:RotationLambdaARN": ROTATES,
    }
    asked = [
        *((action, target, {}) for action in actions("rds") for target in rds_targets(CLUSTERS[0])),
        *((action, DRILLED, by_its_function) for action in actions("secretsmanager")),
        *(
            (action, target, {})
            for action in (*destructive.S3_LOOKS, *destructive.s3())
            for target in (FILES[0], f"{FILES[0]}/index.html", f"{FILES[0]}/drill-a/a")
        ),
        ("lambda:InvokeFunction", ROTATES, {}),
        ("lambda:GetFunctionConfiguration", ROTATES, {}),
        ("lambda:GetPolicy", ROTATES, {}),
        *((action, KEY, through_rds) for action in actions("kms")),
        *((action, HIDDEN, {}) for action in actions("secretsmanager")),
        ("rds-db:connect", user, {}),
    ]
    found: dict[str, set[str]] = {}
    for name, role in function_roles.items():
        for danger in asked:
            if role.allows(Request(*danger)):
                found.setdefault(danger[0], set()).add(name)
    text = (ROOT / "docs" / "deploy.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+:\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    assert {action: set(re.findall(r"`([^`]+)`", who)) for action, who in rows} == found


def actions(service: str) -> list[str]:
    model = botocore.session.Session().get_service_model(service)
    return [f"{service}:{name}" for name in model.operation_names]


def test_evidence_is_neither_deleted_nor_reconfigured(
    template: Template, roles: dict[str, Role], boundary: dict[str, Any]
) -> None:
    bucket = template.called("AWS::S3::Bucket", "Evidence")
    everything = Role(policies=(ALL,), boundary=boundary)
    for target in (template.arn(bucket), f"{template.arn(bucket)}/a/2026/r/report.json"):
        for action in destructive.S3_CONFIGURATION_AND_ENDS:
            # Legal holds, ACLs and versions of ours are not in the ceiling, deletes are denied.
            assert not everything.allows(Request(action, target)), action
            assert not any(role.allows(Request(action, target)) for role in roles.values())


def test_a_key_is_granted_only_to_aws_and_only_through_rds(
    function_roles: dict[str, Role], boundary: dict[str, Any]
) -> None:
    everything = Role(policies=(ALL,), boundary=boundary)
    through_rds: Context = {"kms:ViaService": "rds.sa-east-1.amazonaws.com"}
    for_aws: Context = {**through_rds, "kms:GrantIsForAWSResource": "true"}
    assert not everything.allows(Request("kms:CreateGrant", KEY))
    assert not everything.allows(Request("kms:CreateGrant", KEY, through_rds))
    granting = {
        name
        for name, role in function_roles.items()
        if role.allows(Request("kms:CreateGrant", KEY, for_aws))
    }
    assert granting == {"drill-aurora-exercise"}
    exercise = function_roles["drill-aurora-exercise"]
    assert not exercise.allows(
        Request("kms:CreateGrant", KEY, {"kms:GrantIsForAWSResource": "true"})
    )
    for action in ("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"):
        assert not any(
            role.allows(Request(action, KEY, through_rds)) for role in function_roles.values()
        )


def test_a_function_s_code_cannot_touch_network_interfaces(
    function_roles: dict[str, Role],
) -> None:
    verify = function_roles["drill-aurora-verify"]
    assert verify.allows(Request("ec2:CreateNetworkInterface", "*"))
    arn = "arn:aws:lambda:sa-east-1:123456789012:function:drill-aurora-verify"
    from_code: Context = {"lambda:SourceFunctionArn": arn}
    assert not verify.allows(Request("ec2:CreateNetworkInterface", "*", from_code))


def test_the_boundary_fits_iam_s_limit_with_as_many_clusters_as_may_be_configured() -> None:
    from aws_cdk import App, Stack

    from infra.evidence import Evidence
    from infra.guard import boundary
    from infra.kinds import aurora

    longest = ["c" + f"{number:062d}" for number in range(MOST_CLUSTERS)]
    drills = [{"name": f"d{number}", "cluster": cluster} for number, cluster in enumerate(longest)]
    app = App()
    stack = Stack(app, "s")
    boundary(
        stack,
        sources=aurora.sources(configuration(*drills), f"drill-{'s' * 40}"),
        evidence=Evidence(stack, "Evidence", stack="s"),
    )
    template = resolve(app.synth().get_stack_by_name("s").template)
    document = template.only("AWS::IAM::ManagedPolicy")["PolicyDocument"]
    text = json.dumps(document, separators=(",", ":"))
    bucket_name = 63
    assert len(text) + bucket_name < 6144
