"""Secrets: what is drilled is read, what is rehearsed is written, and nothing else is touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from functions import naming
from infra.contradictions import MOST_SECRET_CHARACTERS, MOST_SECRETS
from lab.policies import Context, Request, Role
from tests.infra import destructive
from tests.infra.cfn import Template, resolve
from tests.infra.conftest import roles_in, roles_of_functions, synthesized
from tests.infra.samples import DEPLOYMENT, WINDOW, content
from tests.infra.test_guard import ALL, DRILLED, FORGED, HIDDEN, ROTATES, dangers

OWN = (
    "arn:aws:secretsmanager:sa-east-1:123456789012:secret:drill-rotation-secret-prod-monthly-AbCdEf"
)
ROTATOR = "drill-rotate-production"
WRITES = {"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}
ROTATED: Context = {
    "secretsmanager:RotationLambdaARN": ROTATES,
    "secretsmanager:resource/AllowRotationLambdaArn": ROTATES,
}
KEY = "arn:aws:kms:sa-east-1:123456789012:key/1a2b3c4d-1a2b-1a2b-1a2b-1a2b3c4d5e6f"
LIVE = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:prod/app-AbCdEf"


def boundary(template: Template, name: str) -> Role:
    """What a role that may do everything may do below a boundary."""
    (found,) = (
        policy["PolicyDocument"]
        for logical, policy in template.of_type("AWS::IAM::ManagedPolicy").items()
        if re.fullmatch(f"{name}[0-9A-F]{{8}}", logical)
    )
    return Role(policies=(ALL,), boundary=found)


@pytest.fixture(scope="module")
def steps(template: Template) -> Role:
    return boundary(template, "SecretRotationBoundary")


@pytest.fixture(scope="module")
def rotator(template: Template) -> Role:
    return boundary(template, "SecretRotationBoundarydrillrotateproduction")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A live rotation by a function that is there, and a rehearsal with a key, outside any VPC."""
    drills = (
        {"kind": "secret_rotation", "mode": "live", "window": WINDOW, "function": "own"},
        {
            "kind": "secret_rotation",
            "name": "rehearsed",
            "secret": "prod/other",
            "network": None,
            "function": "own",
            "kms_key": KEY,
        },
    )
    folder = tmp_path_factory.mktemp("live")
    (folder / "drills.yaml").write_text(json.dumps(content(*drills)))
    return resolve(synthesized(folder / "drills.yaml", folder))


def test_no_step_writes_the_real_secret(function_roles: dict[str, Role]) -> None:
    """Every action but looks, by every function but the one that rotates it for the company."""
    allowed = [
        (name, action)
        for name, role in function_roles.items()
        for action in destructive.secrets()
        for context in ({}, FORGED, ROTATED)
        if role.allows(Request(action, DRILLED, context)) and name != ROTATOR
    ]
    assert allowed == []


def test_the_rotation_function_writes_versions_and_labels_where_it_is_the_secret_s_own(
    function_roles: dict[str, Role],
) -> None:
    role = function_roles[ROTATOR]
    asked = [*destructive.secrets(), "secretsmanager:GetSecretValue"]
    allowed = {action for action in asked if role.allows(Request(action, DRILLED, ROTATED))}
    assert allowed == {*WRITES, "secretsmanager:GetSecretValue"}
    other = {"secretsmanager:resource/AllowRotationLambdaArn": ROTATES.replace("drill-", "")}
    assert not any(role.allows(Request(action, DRILLED, other)) for action in asked)
    assert not any(role.allows(Request(action, HIDDEN, ROTATED)) for action in asked)


def test_a_secret_that_is_not_drilled_cannot_be_read(
    function_roles: dict[str, Role], steps: Role, rotator: Role
) -> None:
    read = Request("secretsmanager:GetSecretValue", HIDDEN, ROTATED)
    assert not any(role.allows(read) for role in function_roles.values())
    assert not steps.allows(read)
    assert not rotator.allows(read)


def test_the_boundaries_alone_forbid_all_dangers_whatever_a_role_may(
    steps: Role, rotator: Role
) -> None:
    for role in (steps, rotator):
        assert [danger for danger in dangers() if role.allows(Request(*danger))] == []


def test_below_the_boundary_of_the_steps_the_real_secret_can_only_be_read(steps: Role) -> None:
    asked = [
        Request(action, DRILLED, context)
        for action in destructive.secrets()
        for context in ({}, FORGED, ROTATED)
    ]
    assert [str(request) for request in asked if steps.allows(request)] == []


def test_the_rehearsal_s_secret_is_written_and_never_ended(
    function_roles: dict[str, Role], steps: Role
) -> None:
    may: dict[str, set[str]] = {}
    for name, role in function_roles.items():
        for action in destructive.secrets():
            if role.allows(Request(action, OWN, ROTATED)):
                may.setdefault(action, set()).add(name)
    assert may == {
        "secretsmanager:RotateSecret": {"drill-rotation-exercise-1"},
        "secretsmanager:PutSecretValue": {
            "drill-rotation-witness-1",
            "drill-rotation-teardown-1",
            ROTATOR,
        },
        "secretsmanager:UpdateSecretVersionStage": {
            "drill-rotation-witness-1",
            "drill-rotation-verify-unit-1",
            "drill-rotation-teardown-1",
            ROTATOR,
        },
    }
    ends = {action for action in destructive.secrets() if steps.allows(Request(action, OWN))}
    assert ends == {*WRITES, "secretsmanager:RotateSecret"}


def test_a_rotation_is_asked_for_by_the_configured_function_alone(
    function_roles: dict[str, Role],
) -> None:
    exercise = function_roles["drill-rotation-exercise-1"]
    rotate = "secretsmanager:RotateSecret"
    assert exercise.allows(Request(rotate, OWN, ROTATED))
    assert not exercise.allows(Request(rotate, OWN))
    other = {"secretsmanager:RotationLambdaARN": ROTATES.replace("production", "x")}
    assert not exercise.allows(Request(rotate, OWN, other))
    assert not exercise.allows(Request(rotate, DRILLED, ROTATED))


def test_in_mode_live_the_exercise_may_ask_for_the_rotation_and_for_no_more(
    live: Template,
) -> None:
    own: Context = {}
    may = {
        (name, action)
        for name, role in roles_of_functions(live, roles_in(live)).items()
        for action in destructive.secrets()
        for context in ({}, FORGED, own)
        if role.allows(Request(action, LIVE, context))
    }
    assert may == {("drill-rotation-exercise-1", "secretsmanager:RotateSecret")}
    exercise = roles_of_functions(live, roles_in(live))["drill-rotation-exercise-1"]
    named = {"secretsmanager:RotationLambdaARN": ROTATES}
    assert not exercise.allows(Request("secretsmanager:RotateSecret", LIVE, named))
    ruled = {"secretsmanager:ModifyRotationRules": "true"}
    assert not exercise.allows(Request("secretsmanager:RotateSecret", LIVE, ruled))
    steps = boundary(live, "SecretRotationBoundary")
    below = {a for a in destructive.secrets() if steps.allows(Request(a, LIVE, own))}
    assert below == {"secretsmanager:RotateSecret"}
    rehearsed = LIVE.replace("prod/app", "prod/other")
    assert not any(steps.allows(Request(a, rehearsed, own)) for a in destructive.secrets())


def test_each_network_has_its_own_steps_and_a_function_that_is_there_is_not_made(
    live: Template,
) -> None:
    functions = {
        each["FunctionName"]: "VpcConfig" in each
        for each in live.of_type("AWS::Lambda::Function").values()
        if "-rotat" in each["FunctionName"]
    }
    steps = ("witness", "exercise", "verify", "verify-unit", "teardown")
    assert functions == {
        "drill-rotation-plan": False,
        **{f"drill-rotation-{step}-1": True for step in steps},
        **{f"drill-rotation-{step}-2": False for step in steps},
    }


def test_a_rehearsal_s_secret_has_the_real_one_s_key_and_no_schedule(
    live: Template, template: Template
) -> None:
    secret = live.only("AWS::SecretsManager::Secret")
    assert secret["Name"] == "drill-rotation-rehearsed"
    assert secret["KmsKeyId"] == KEY
    assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {
        "username": "backup_drills_rotation"
    }
    for kind in ("RotationSchedule", "ResourcePolicy"):
        assert live.of_type(f"AWS::SecretsManager::{kind}") == {}
        assert template.of_type(f"AWS::SecretsManager::{kind}") == {}
    assert naming.MANAGED_TAG not in str(secret)


def test_the_key_is_used_through_secrets_manager_alone(live: Template) -> None:
    roles = roles_of_functions(live, roles_in(live))
    through: Context = {"kms:ViaService": "secretsmanager.sa-east-1.amazonaws.com"}
    reads = {name for name, role in roles.items() if role.allows(Request("kms:Decrypt", KEY))}
    assert reads == set()
    reads = {
        name for name, role in roles.items() if role.allows(Request("kms:Decrypt", KEY, through))
    }
    assert reads == {
        "drill-rotation-plan",
        *(
            f"drill-rotation-{step}-2"
            for step in ("witness", "exercise", "verify", "verify-unit", "teardown")
        ),
    }
    writes = Request("kms:GenerateDataKey", KEY, through)
    assert {name for name, role in roles.items() if role.allows(writes)} == {
        "drill-rotation-witness-2",
        "drill-rotation-teardown-2",
    }


def test_only_secrets_manager_of_this_account_may_call_the_rotation_function(
    template: Template,
) -> None:
    (permission,) = (
        each
        for each in template.of_type("AWS::Lambda::Permission").values()
        if each["FunctionName"].endswith(":function:drill-rotate-production")
    )
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceAccount"] == "123456789012"


def test_the_boundaries_fit_iam_s_limit_with_as_many_secrets_as_may_be_configured(
    tmp_path: Path,
) -> None:
    longest = MOST_SECRET_CHARACTERS // MOST_SECRETS
    drills: list[dict[str, Any]] = [
        {
            "kind": "secret_rotation",
            "name": f"d{number}",
            "secret": f"s{number}".ljust(longest, "x"),
            "mode": "live",
            "window": WINDOW,
        }
        for number in range(MOST_SECRETS)
    ]
    (tmp_path / "drills.yaml").write_text(
        json.dumps(content(*drills, deployment={**DEPLOYMENT, "stack": "s" * 40}))
    )
    template = resolve(synthesized(tmp_path / "drills.yaml", tmp_path))
    bucket_name = 63
    policies = template.of_type("AWS::IAM::ManagedPolicy")
    assert len(policies) == 6
    for policy in policies.values():
        text = json.dumps(policy["PolicyDocument"], separators=(",", ":"))
        assert len(text) + bucket_name < 6144
