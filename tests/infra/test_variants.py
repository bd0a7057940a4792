"""A deployment that uses what the sample leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from functions.settings import Settings
from lab.policies import Context, Request, Role
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import DEPLOYMENT, content

KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d-0000"
OTHER = {"name": "other", "subnets": ["subnet-0f0f0f0f"], "security_group": "sg-0f0f0f0f"}


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Two networks and a drill without a witness, two families, a named key, nobody notified."""
    drills = (
        {},
        {"name": "same-place", "cluster": "prod-2", "engine_family": "aurora-postgresql16"},
        {"name": "elsewhere", "witness": {"network": "other", "endpoint": "writer"}},
        {
            "name": "unwitnessed",
            "witness": {"endpoint": "none"},
            "heartbeat": False,
            "required_level": "none",
            "roles": {"verifier": "auditor"},
            "schedule": {"cron": "0 5 1 * ? *", "timezone": "Europe/Lisbon", "enabled": False},
        },
    )
    written = content(
        *drills,
        deployment={
            **DEPLOYMENT,
            "stack": "vault",
            "s3_prefix_list": "pl-0a1b2c3d",
            "source_networks": [*DEPLOYMENT["source_networks"], OTHER],
            "evidence": {"lock_mode": "none"},
            "permissions": {"source_keys": [KEY]},
        },
    )
    folder = tmp_path_factory.mktemp("variant")
    (folder / "drills.yaml").write_text(json.dumps(written))
    return resolve(synthesized(folder / "drills.yaml", folder))


@pytest.fixture(scope="module")
def may(variant: Template) -> dict[str, Role]:
    return roles_of_functions(variant, roles_in(variant))


def test_one_witness_for_each_place_and_the_same_steps_for_all(variant: Template) -> None:
    functions = {
        each["FunctionName"]: each for each in variant.of_type("AWS::Lambda::Function").values()
    }
    placed = {
        name: function.get("VpcConfig", {}).get("SubnetIds")
        for name, function in functions.items()
        if "witness" in name
    }
    assert placed == {
        "drill-aurora-witness-1": ["subnet-0a1b2c3d"],
        "drill-aurora-witness-2": ["subnet-0f0f0f0f"],
        "drill-aurora-witness-3": None,
    }
    called = {
        each["StateMachineName"]: each["DefinitionSubstitutions"]["WitnessFunction"][-1]
        for each in variant.of_type("AWS::StepFunctions::StateMachine").values()
    }
    assert called == {
        "drill-monthly": "1",
        "drill-same-place": "1",
        "drill-elsewhere": "2",
        "drill-unwitnessed": "3",
    }


def test_a_witness_that_reads_nothing_may_log_in_nowhere(may: dict[str, Role]) -> None:
    user = "arn:aws:rds-db:sa-east-1:123456789012:dbuser:cluster-A/backup_drills_verifier"
    reading = {name for name, role in may.items() if role.allows(Request("rds-db:connect", user))}
    assert reading == {
        "drill-aurora-witness-1",
        "drill-aurora-witness-2",
        "drill-aurora-verify",
        "drill-aurora-verify-unit",
    }


def test_only_the_named_key_is_granted(may: dict[str, Role]) -> None:
    context: Context = {
        "kms:ViaService": "rds.sa-east-1.amazonaws.com",
        "kms:GrantIsForAWSResource": "true",
    }
    exercise = may["drill-aurora-exercise"]
    assert exercise.allows(Request("kms:CreateGrant", KEY, context))
    assert not exercise.allows(Request("kms:CreateGrant", KEY.replace("1a", "2b"), context))


def test_every_family_has_its_parameter_groups_and_every_cluster_is_guarded(
    variant: Template,
) -> None:
    groups = variant.of_type("AWS::RDS::DBClusterParameterGroup").values()
    assert {group["Family"] for group in groups} == {"aurora-postgresql15", "aurora-postgresql16"}
    name = variant.called("AWS::IAM::ManagedPolicy", "Boundary")
    boundary = variant.of_type("AWS::IAM::ManagedPolicy")[name]["PolicyDocument"]["Statement"]
    (sources,) = (each for each in boundary if each["Sid"] == "Sources")
    assert sources["Resource"] == [
        "arn:aws:rds:*:*:cluster:prod",
        "arn:aws:rds:*:*:cluster:prod-2",
    ]


def test_the_verifier_reaches_s3_s_addresses_alone(variant: Template) -> None:
    egress = [
        rule
        for group in variant.of_type("AWS::EC2::SecurityGroup").values()
        for rule in group.get("SecurityGroupEgress", [])
    ] + list(variant.of_type("AWS::EC2::SecurityGroupEgress").values())
    assert [rule for rule in egress if rule.get("CidrIp") == "0.0.0.0/0"] == []
    lists = [rule for rule in egress if "DestinationPrefixListId" in rule]
    assert [(each["DestinationPrefixListId"], each["ToPort"]) for each in lists] == [
        ("pl-0a1b2c3d", 443)
    ]


def test_a_schedule_may_be_off(variant: Template) -> None:
    states = {
        each["Name"]: each["State"] for each in variant.of_type("AWS::Scheduler::Schedule").values()
    }
    assert states["drill-unwitnessed"] == "DISABLED"
    assert states["drill-monthly"] == "ENABLED"


def test_settings_and_names_follow_the_stack(variant: Template) -> None:
    for function in variant.of_type("AWS::Lambda::Function").values():
        settings = Settings.from_environment(function["Environment"]["Variables"])
        assert (settings.lock_mode, settings.subnet_group) == ("NONE", "drill-vault")
    assert variant.only("AWS::KMS::Alias")["AliasName"] == "alias/vault"


def test_files_of_assets_are_not_what_differs(tmp_path: Path) -> None:
    """Two synths of one configuration are the same, byte for byte."""
    written = json.dumps(content())
    (tmp_path / "drills.yaml").write_text(written)
    templates = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        templates.append(json.dumps(synthesized(tmp_path / "drills.yaml", folder)))
    assert templates[0] == templates[1]
