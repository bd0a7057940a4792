"""One synth for all tests of the stack: aws_cdk is imported only here, and nothing is bundled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.policies import Policy, Role
from tests.infra.cfn import Template, resolve

ROOT = Path(__file__).parents[2]


def synthesized(drills: Path, folder: Path) -> dict[str, Any]:
    """The template of a drills.yaml. `folder` is an empty one to write into."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")
        from infra.application import application
        from infra.bundle import Asset, Bundle

        empty = folder / "asset"
        empty.mkdir()
        nothing = Bundle(
            code=Asset(folder=empty, digest="c" * 64), layer=Asset(folder=empty, digest="1" * 64)
        )
        assembly = application(drills, nothing, outdir=folder / "cdk.out").synth()
    (template,) = Path(assembly.directory).glob("*.template.json")
    found: dict[str, Any] = json.loads(template.read_text())
    return found


@pytest.fixture(scope="session")
def raw_template(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The template of drills.yaml as it is written."""
    return synthesized(ROOT / "drills.yaml", tmp_path_factory.mktemp("synth"))


@pytest.fixture(scope="session")
def template(raw_template: Mapping[str, Any]) -> Template:
    """The same, resolved."""
    return resolve(raw_template)


def roles_in(template: Template) -> dict[str, Role]:
    """What every role may do, by logical id."""
    boundaries = {
        template.arn(name): properties["PolicyDocument"]
        for name, properties in template.of_type("AWS::IAM::ManagedPolicy").items()
    }
    attached: dict[str, list[Policy]] = {}
    for policy in template.of_type("AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            attached.setdefault(role, []).append(policy["PolicyDocument"])
    return {
        name: Role(
            policies=(
                *(inline["PolicyDocument"] for inline in properties.get("Policies", [])),
                *attached.get(name, []),
            ),
            boundary=boundaries.get(properties.get("PermissionsBoundary", "")),
        )
        for name, properties in template.of_type("AWS::IAM::Role").items()
    }


@pytest.fixture(scope="session")
def roles(template: Template) -> dict[str, Role]:
    """What every role may do, by logical id."""
    return roles_in(template)


@pytest.fixture(scope="session")
def function_roles(template: Template, roles: Mapping[str, Role]) -> dict[str, Role]:
    """What every function may do, by the function's name."""
    return roles_of_functions(template, roles)


def roles_of_functions(template: Template, roles: Mapping[str, Role]) -> dict[str, Role]:
    """The same, of any template."""
    by_arn = {template.arn(name): role for name, role in roles.items()}
    return {
        properties["FunctionName"]: by_arn[properties["Role"]]
        for properties in template.of_type("AWS::Lambda::Function").values()
    }
