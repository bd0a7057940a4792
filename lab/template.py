"""What a synthesized CloudFormation template declares, and the order in which it is made.

A stack's intrinsic functions are worked out here; how a resource of some type is made is told by
`lab/deploy.py`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from lab import aws

if TYPE_CHECKING:
    from lab.emulator import Emulator
    from lab.lambdas import Functions

PSEUDO = {
    "AWS::AccountId": aws.ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": aws.REGION,
    "AWS::URLSuffix": "amazonaws.com",
}

NO_VALUE = {"Ref": "AWS::NoValue"}

Properties = Mapping[str, Any]


class DeployError(Exception):
    """When the assembly is not one stack, or its template asks for what the lab cannot make."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A resource that was not made."""

    resource: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A stack's template, and where its assets are."""

    stack: str
    resources: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, Mapping[str, Any]]
    assets: Mapping[str, Path]

    @classmethod
    def of(cls, assembly: Path) -> Template:
        """The template of the one stack of a cloud assembly. Raises DeployError."""
        manifest_file = assembly / "manifest.json"
        if not manifest_file.is_file():
            raise DeployError(f"{assembly} is no cloud assembly: `python app.py` makes one")
        artifacts = json.loads(manifest_file.read_text())["artifacts"]
        stacks = {
            name: artifact
            for name, artifact in artifacts.items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        if len(stacks) != 1:
            raise DeployError(f"{assembly} has {len(stacks)} stacks: the lab deploys one")
        ((name, artifact),) = stacks.items()
        properties = artifact["properties"]
        template = json.loads((assembly / properties["templateFile"]).read_text())
        assets = json.loads((assembly / f"{name}.assets.json").read_text())["files"]
        return cls(
            stack=properties.get("stackName", name),
            resources=template["Resources"],
            parameters=template.get("Parameters", {}),
            assets={
                destination["objectKey"]: assembly / asset["source"]["path"]
                for asset in assets.values()
                for destination in asset["destinations"].values()
            },
        )


@dataclass(frozen=True, slots=True)
class Made:
    """What Ref and GetAtt of a resource give."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


Maker = Callable[["Making", str, Properties], Made | None]
"""Makes a resource of a logical id and properties; None for one that the lab has no use for."""


class Making:
    """The resources of a template, each made once, when it or what needs it is asked for."""

    def __init__(
        self,
        template: Template,
        makers: Mapping[str, Maker],
        *,
        emulator: Emulator,
        functions: Functions,
        time_factor: float,
    ) -> None:
        self.template = template
        self.emulator = emulator
        self.functions = functions
        self.time_factor = time_factor
        self.machines: dict[str, str] = {}
        self.schedules: dict[str, str] = {}
        self.function_arns: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.skipped: list[Skipped] = []
        self._makers = makers
        self._environments: list[Mapping[str, str]] = []
        self._clients: dict[str, Any] = {}
        self._made: dict[str, Made] = {}
        self._under_way: list[str] = []

    def resource(self, name: str) -> Made:
        """A resource of the template, made now if it was not yet. Raises DeployError."""
        if name in self._made:
            return self._made[name]
        if name in self._under_way:
            raise DeployError(f"resources need each other: {' -> '.join([*self._under_way, name])}")
        resource = self.template.resources.get(name)
        if resource is None:
            raise DeployError(f"the template refers to {name}, which it does not declare")
        self._under_way.append(name)
        for needed in _listed(resource.get("DependsOn")):
            self.resource(needed)
        kind = resource["Type"]
        properties = self.resolved(resource.get("Properties", {}))
        try:
            made = self._makers[kind](self, name, properties) if kind in self._makers else None
        except ClientError as error:
            raise DeployError(f"{name} ({kind}): {error}") from error
        if made is None:
            self.skipped.append(Skipped(resource=name, type=kind))
            made = _invented(name, kind)
        self._under_way.pop()
        self._made[name] = made
        return made

    def resolved(self, value: Any) -> Any:
        """A value, its intrinsic functions worked out. Raises DeployError for an unknown one."""
        if isinstance(value, list):
            return [self.resolved(item) for item in value if item != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self._function(function, argument)
        return {key: self.resolved(item) for key, item in value.items() if item != NO_VALUE}

    def client(self, service: str) -> Any:
        """A client of the emulator, one for each service."""
        if service not in self._clients:
            self._clients[service] = self.emulator.client(service)
        return self._clients[service]

    def named(self, name: str, limit: int = 63) -> str:
        """A name for what the template does not name, as CloudFormation makes one up."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{self.template.stack}-{name}"[: limit - 9] + f"-{digest}"

    def keep_settings(self, environment: Mapping[str, str]) -> None:
        """Remember what a function is told: it says which table, bucket and topic are ours."""
        self._environments.append(environment)

    def settings(self) -> Mapping[str, str]:
        """What the functions are told of the deployment. Raises DeployError if it is not enough."""
        needed = {"DRILLS_LEDGER_TABLE", "DRILLS_EVIDENCE_BUCKET", "DRILLS_TOPIC_ARN"}
        for environment in self._environments:
            if needed <= environment.keys():
                return environment
        raise DeployError(f"no function of the template is told {', '.join(sorted(needed))}")

    def schedules_of_drills(self) -> dict[str, str]:
        """From a drill's name to that of the schedule that starts it."""
        started = {target: name for name, target in self.schedules.items()}
        return {
            drill: started[machine]
            for drill, machine in self.machines.items()
            if machine in started
        }

    def _function(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "Ref", str(name):
                return self._reference(name)
            case "Fn::GetAtt", [name, attribute]:
                return self._attribute(name, attribute)
            case "Fn::GetAtt", str(path):
                return self._attribute(*path.split(".", 1))
            case "Fn::Join", [separator, parts]:
                return separator.join(str(part) for part in self.resolved(parts))
            case "Fn::Select", [index, items]:
                return self.resolved(items)[int(index)]
            case "Fn::Split", [separator, text]:
                return self.resolved(text).split(separator)
            case "Fn::Sub", [text, values]:
                return self._substituted(text, self.resolved(values))
            case "Fn::Sub", str(text):
                return self._substituted(text, {})
            case "Fn::GetAZs", _:
                return [f"{aws.REGION}{zone}" for zone in "abc"]
            case _:
                raise DeployError(f"the lab does not resolve {function} of {json.dumps(argument)}")

    def _reference(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in ("AWS::StackName", "AWS::StackId"):
            return self.template.stack
        if name in self.template.parameters:
            return str(self.template.parameters[name].get("Default", ""))
        return self.resource(name).ref

    def _attribute(self, name: str, attribute: str) -> str:
        attributes = self.resource(name).attributes
        if attribute in attributes:
            return attributes[attribute]
        if any(skipped.resource == name for skipped in self.skipped):
            return f"{name}.{attribute}"
        raise DeployError(f"the lab does not know {attribute} of {name}")

    def _substituted(self, text: str, values: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in values:
                return str(values[name])
            if "." in name:
                return self._attribute(*name.split(".", 1))
            return self._reference(name)

        return re.sub(r"\$\{([^}]+)\}", value, text)


def _invented(name: str, kind: str) -> Made:
    """Something to refer to in the place of what was not made."""
    service = kind.split("::")[1].lower()
    return Made(name, {"Arn": f"arn:aws:{service}:{aws.REGION}:{aws.ACCOUNT}:{name}"})


def _listed(value: str | list[str] | None) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value
