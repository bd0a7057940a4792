"""drills.yaml -> frozen values. Every error names file, line, key, value and expectation.

`python -m infra.config` writes docs/drills.schema.json, which editors read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from functions import naming
from functions.aurora.plan import call_budget
from functions.errors import Refused
from infra import marked_yaml
from infra.marked_yaml import KeyPath, Marked, Problem
from infra.schema import AuroraDrill, Configuration

SCHEMA = Path(__file__).parent.parent / "docs" / "drills.schema.json"

Finding = tuple[KeyPath, object, str]
"""Where, what stands there, what was expected."""

_DOCUMENT_BYTES = 65_536
MOST_CLUSTERS = 10
"""The boundary on every role names each, and IAM takes 6,144 characters."""


class ConfigurationError(Exception):
    """When drills.yaml cannot be used. One line per error: file:line: key: value: expectation."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def load(path: Path) -> Configuration:
    """The configuration in a file. Raises ConfigurationError with a line for each error."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}:1: {error}: expected a readable text file"]) from error
    return parse(text, str(path))


def parse(text: str, name: str = "drills.yaml") -> Configuration:
    """The configuration in a text; `name` is what errors call it. Raises ConfigurationError."""
    marked = marked_yaml.read(text)
    problems = list(marked.problems) or list(_substitutions(marked, marked.content, ()))
    configuration = None
    if not problems:
        try:
            content = json.dumps(_with_defaults(marked.content))
            configuration = Configuration.model_validate_json(content)
        except ValidationError as error:
            errors = error.errors()
            problems = [
                _problem(marked, details)
                for details in errors
                if _typed(marked, details) and _innermost(details, errors)
            ]
    if configuration:
        problems = list(_contradictions(marked, configuration))
    if problems or configuration is None:
        problems.sort(key=lambda problem: problem.line)
        raise ConfigurationError([_render(problem, name) for problem in problems])
    return configuration


def _with_defaults(content: Any) -> Any:
    """The content, with the file's own objectives put into each drill that has none."""
    match content:
        case {"objectives": dict() as common, "drills": list() as drills}:
            merged = [
                {**drill, "objectives": {**common, **drill.get("objectives", {})}}
                if isinstance(drill, dict) and isinstance(drill.get("objectives", {}), dict)
                else drill
                for drill in drills
            ]
            return {**content, "drills": merged}
        case _:
            return content


def _substitutions(marked: Marked, value: Any, path: KeyPath) -> Iterator[Problem]:
    """CloudFormation would replace ${...} in the machine's definition: no text may hold it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _substitutions(marked, inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _substitutions(marked, inner, (*path, position))
    elif isinstance(value, str) and "${" in value:
        expected = "text without ${"
        yield Problem(line=marked.line(path), path=path, found=_shown(value), expected=expected)


def _contradictions(marked: Marked, configuration: Configuration) -> Iterator[Problem]:
    """What is wrong with values that are right each by itself."""
    findings = [*_of_deployment(configuration), *_between_drills(configuration)]
    for position, drill in enumerate(configuration.drills):
        at: KeyPath = ("drills", position)
        for path, found, expected in _of_drill(drill, configuration):
            findings.append((at + path, found, expected))
        if drill.instance_class != "db.serverless" and (*at, "capacity") in marked.lines:
            expected = "db.serverless where a capacity is given"
            findings.append(((*at, "instance_class"), drill.instance_class, expected))
    for path, found, expected in findings:
        yield Problem(line=marked.line(path), path=path, found=_shown(found), expected=expected)


def _of_deployment(configuration: Configuration) -> Iterator[Finding]:
    deployment = configuration.deployment
    for position, zone in enumerate(deployment.zones):
        if zone in deployment.zones[:position]:
            yield ("deployment", "zones", position), zone, "a zone that is not in the list yet"
    names = [network.name for network in deployment.source_networks]
    for position, name in enumerate(names):
        if name in names[:position]:
            path = ("deployment", "source_networks", position, "name")
            yield path, name, "a name that no other network has"


def _between_drills(configuration: Configuration) -> Iterator[Finding]:
    if (count := len({drill.cluster for drill in configuration.drills})) > MOST_CLUSTERS:
        expected = f"at most {MOST_CLUSTERS} in one deployment"
        yield ("drills",), f"{count} clusters", expected
    families: dict[str, str] = {}
    names: set[str] = set()
    for position, drill in enumerate(configuration.drills):
        if drill.name in names:
            path = ("drills", position, "name")
            yield path, drill.name, "a name that no other drill has"
        names.add(drill.name)
        family = families.setdefault(drill.cluster, drill.engine_family)
        if family != drill.engine_family:
            path = ("drills", position, "engine_family")
            yield path, drill.engine_family, f"{family}, as another drill of this cluster says"


def _of_drill(drill: AuroraDrill, configuration: Configuration) -> Iterator[Finding]:
    """Paths begin at the drill."""
    if drill.cluster.startswith(naming.PREFIX):
        expected = f"a cluster not called {naming.PREFIX}...: drills make and delete those"
        yield ("cluster",), drill.cluster, expected
    for position, table in enumerate(drill.exclude):
        if drill.schemas and table.partition(".")[0] not in drill.schemas:
            expected = f"a table in one of {', '.join(drill.schemas)}"
            yield ("exclude", position), table, expected
    checks = [check.name for check in drill.checks]
    for position, name in enumerate(checks):
        if name in checks[:position]:
            expected = "a name that no other check of this drill has"
            yield ("checks", position, "name"), name, expected
    if drill.capacity.min > drill.capacity.max:
        expected = f"at most capacity.max, which is {drill.capacity.max}"
        yield ("capacity", "min"), drill.capacity.min, expected
    if drill.required_level == "bounded" and drill.restore.at != "latest":
        expected = "counted or none: only restore.at latest has a witness of its moment"
        yield ("required_level",), drill.required_level, expected
    elif drill.required_level == "bounded" and drill.witness.endpoint == "none":
        expected = "counted or none where witness.endpoint is none"
        yield ("required_level",), drill.required_level, expected
    yield from _of_witness(drill, configuration)
    try:
        call_budget(drill.document())
    except Refused:
        expected = "a longer wait: an execution of these deadlines would exceed its history"
        yield ("timing", "poll"), f"{drill.timing.poll}s", expected
    heard = {severity for entry in configuration.notify for severity in entry.severities}
    if heard and drill.severity not in heard:
        yield ("severity",), drill.severity, "a severity that some entry of notify receives"
    if (size := len(json.dumps(drill.document()).encode())) > _DOCUMENT_BYTES:
        yield (), f"{size} bytes", f"a drill of at most {_DOCUMENT_BYTES} bytes as JSON"


def _of_witness(drill: AuroraDrill, configuration: Configuration) -> Iterator[Finding]:
    network = drill.witness.network
    if drill.witness.endpoint == "none":
        if network is not None:
            yield ("witness", "network"), network, "no network where witness.endpoint is none"
        if drill.heartbeat:
            expected = "false where witness.endpoint is none: the witness writes the markers"
            yield ("heartbeat",), True, expected
        return
    names = [known.name for known in configuration.deployment.source_networks]
    if network not in names:
        known = ", ".join(names) or "there is none"
        expected = f"the name of one of deployment.source_networks: {known}"
        yield ("witness", "network"), network or "missing", expected


def _typed(marked: Marked, error: ErrorDetails) -> bool:
    """Whether an error is about something that stands in the file, or is missing from it.

    The common objectives are put into each drill; a wrong one is reported where it was typed.
    """
    return error["loc"] in marked.lines or error["type"] == "missing" or not error["loc"]


def _innermost(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether no other error lies within the same value: a list of wrong items is not too short."""
    path = error["loc"]
    return not any(path == other["loc"][: len(path)] for other in errors if other["loc"] != path)


def _problem(marked: Marked, error: ErrorDetails) -> Problem:
    """The error of a value, told as a problem of the file."""
    path = error["loc"]
    match error["type"]:
        case "missing":
            found, expected = "missing", _meaning(path)
        case "extra_forbidden":
            known = list(_schema(path[:-1]).get("properties", {}))
            close = get_close_matches(str(path[-1]), known, n=1)
            found = "unknown key"
            expected = f"{close[0]}?" if close else f"one of {', '.join(known)}"
        case "value_error":
            found, expected = _shown(error["input"]), str(error["ctx"]["error"])
        case _:
            found, expected = _shown(error["input"]), _meaning(path)
    return Problem(line=marked.line(path), path=path, found=found, expected=expected)


def _render(problem: Problem, name: str) -> str:
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path)
    place = f"{name}:{problem.line}: {key.removeprefix('.')}" if key else f"{name}:{problem.line}"
    return f"{place}: {problem.found}: expected {problem.expected}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _meaning(path: KeyPath) -> str:
    """What the value at a path is expected to be: the text below its key, above."""
    return str(_schema(path).get("description", "a mapping of keys"))


def _schema(path: KeyPath) -> dict[str, Any]:
    """The part of the JSON schema that a path leads to; an item is described as its list is."""
    schema = Configuration.model_json_schema()
    definitions, found = schema["$defs"], schema
    for step in path:
        description = found.get("description")
        if "$ref" in found:
            found = definitions[found["$ref"].rpartition("/")[2]]
        found = (
            found.get("properties", {}).get(step, {})
            if isinstance(step, str)
            else {"description": description, **found.get("items", {})}
        )
    if "$ref" in found:
        return {**definitions[found["$ref"].rpartition("/")[2]], **found}
    return found


def schema_text() -> str:
    """The JSON schema of drills.yaml, as it stands in docs/drills.schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{SCHEMA}\n")
