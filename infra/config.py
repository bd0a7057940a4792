"""drills.yaml -> frozen values. Every error names file, line, key, value and expectation.

`python -m infra.config` writes docs/drills.schema.json, which editors read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from functions import naming
from functions.aurora.plan import call_budget
from functions.errors import Refused
from functions.kinds import KINDS
from infra import marked_yaml
from infra.marked_yaml import KeyPath, Marked, Problem
from infra.schema import AuroraDrill, Configuration, Drill, RotationDrill

SCHEMA = Path(__file__).parent.parent / "docs" / "drills.schema.json"

Finding = tuple[KeyPath, object, str]
"""Where, what stands there, what was expected."""

_DOCUMENT_BYTES = 65_536
MOST_CLUSTERS = 10
"""The boundary on every role names each, and IAM takes 6,144 characters."""

MOST_SECRETS = 8
MOST_SECRET_CHARACTERS = 800
"""Of their names together: the boundary of the rotation drills names them, a live one twice."""


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
    """The content, with the file's own objectives put into each drill that restores."""
    match content:
        case {"objectives": dict() as common, "drills": list() as drills}:
            merged = [
                {**drill, "objectives": {**common, **drill.get("objectives", {})}}
                if isinstance(drill, dict)
                and drill.get("kind") == "aurora"
                and isinstance(drill.get("objectives", {}), dict)
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
        if (
            isinstance(drill, AuroraDrill)
            and drill.instance_class != "db.serverless"
            and (*at, "capacity") in marked.lines
        ):
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
    if (count := len({drill.cluster for drill in configuration.aurora})) > MOST_CLUSTERS:
        expected = f"at most {MOST_CLUSTERS} in one deployment"
        yield ("drills",), f"{count} clusters", expected
    secrets = {drill.secret for drill in configuration.rotations}
    if len(secrets) > MOST_SECRETS:
        yield ("drills",), f"{len(secrets)} secrets", f"at most {MOST_SECRETS} in one deployment"
    elif (length := sum(map(len, secrets))) > MOST_SECRET_CHARACTERS:
        expected = f"names of secrets with at most {MOST_SECRET_CHARACTERS} characters in all"
        yield ("drills",), f"{length} characters", expected
    families: dict[str, str] = {}
    names: set[str] = set()
    roles: set[tuple[str, ...]] = set()
    for position, drill in enumerate(configuration.drills):
        if drill.name in names:
            path = ("drills", position, "name")
            yield path, drill.name, "a name that no other drill has"
        names.add(drill.name)
        if isinstance(drill, RotationDrill):
            place = (drill.role, drill.cluster or ",".join(drill.hosts))
            if drill.mode == "rehearsal" and place in roles:
                expected = "a role that no other rehearsal in this cluster has"
                yield ("drills", position, "role"), drill.role, expected
            roles |= {place} if drill.mode == "rehearsal" else set()
            continue
        family = families.setdefault(drill.cluster, drill.engine_family)
        if family != drill.engine_family:
            path = ("drills", position, "engine_family")
            yield path, drill.engine_family, f"{family}, as another drill of this cluster says"


def _of_drill(drill: Drill, configuration: Configuration) -> Iterator[Finding]:
    """Paths begin at the drill."""
    findings = list(
        _of_rotation(drill, configuration)
        if isinstance(drill, RotationDrill)
        else _of_aurora(drill, configuration)
    )
    yield from findings
    heard = {severity for entry in configuration.notify for severity in entry.severities}
    if heard and drill.severity not in heard:
        yield ("severity",), drill.severity, "a severity that some entry of notify receives"
    if findings:
        return
    size = len(json.dumps(configuration.document(drill)).encode())
    if size > _DOCUMENT_BYTES:
        yield (), f"{size} bytes", f"a drill of at most {_DOCUMENT_BYTES} bytes as JSON"


def _of_rotation(drill: RotationDrill, configuration: Configuration) -> Iterator[Finding]:
    if drill.secret.rpartition(":")[2].startswith(naming.PREFIX):
        expected = f"a secret not called {naming.PREFIX}...: those are the drills' own"
        yield ("secret",), drill.secret, expected
    names = [network.name for network in configuration.deployment.source_networks]
    if drill.network is not None and drill.network not in names:
        known = ", ".join(names) or "there is none"
        expected = f"the name of one of deployment.source_networks: {known}"
        yield ("network",), drill.network, expected
    if drill.mode == "live" and drill.window is None:
        yield ("window",), "missing", "days, start, end and timezone where mode is live"
    if drill.mode == "rehearsal" and drill.window is not None:
        yield ("window",), "given", "no window where mode is rehearsal: it may run at any time"
    if drill.window and drill.window.start == drill.window.end:
        yield ("window", "end"), drill.window.end, "another time than the start"
    yield from _of_live(drill)
    if drill.cluster is None and not drill.hosts:
        expected = "the Aurora cluster that the secret opens, or hosts where it opens another"
        yield ("cluster",), "missing", expected
    for position, url in enumerate(drill.probes):
        if url in drill.probes[:position]:
            yield ("probes", position), url, "a URL that is not in the list yet"


def _of_live(drill: RotationDrill) -> Iterator[Finding]:
    """What the application's cache and the window leave no room for."""
    if drill.mode != "live":
        return
    if drill.probes and drill.timing.cache + drill.timing.rotation > drill.deadlines.verify:
        expected = "longer than timing.rotation and timing.cache together: the probes wait for both"
        yield ("deadlines", "verify"), f"{drill.deadlines.verify}s", expected
    window = drill.window
    minute, hour = drill.schedule.cron.split()[:2]
    if window is None or window.timezone != drill.schedule.timezone:
        return
    if minute.isdecimal() and hour.isdecimal():
        time = f"{int(hour):02}:{int(minute):02}"
        start, end = window.start, window.end
        is_open = start <= time < end if start < end else time >= start or time < end
        if not is_open:
            yield ("schedule", "cron"), drill.schedule.cron, f"a time within {start} to {end}"


def _of_aurora(drill: AuroraDrill, configuration: Configuration) -> Iterator[Finding]:
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


def _place(error: ErrorDetails) -> KeyPath:
    """Where in the file an error is: pydantic puts the kind of a drill into the way to its keys.

    >>> _place({"loc": ("drills", 0, "aurora", "cluster")})
    ('drills', 0, 'cluster')
    """
    path = error["loc"]
    if path[:1] == ("drills",) and len(path) > _KIND_IN_PATH:
        return (*path[:_KIND_IN_PATH], *path[_KIND_IN_PATH + 1 :])
    return path


_KIND_IN_PATH = 2


def _typed(marked: Marked, error: ErrorDetails) -> bool:
    """Whether an error is about something that stands in the file, or is missing from it.

    The common objectives are put into each drill; a wrong one is reported where it was typed.
    """
    path = _place(error)
    return path in marked.lines or error["type"] == "missing" or not path


def _innermost(error: ErrorDetails, errors: Sequence[ErrorDetails]) -> bool:
    """Whether no other error lies within the same value: a list of wrong items is not too short."""
    path = _place(error)
    others = (_place(other) for other in errors)
    return not any(path == other[: len(path)] for other in others if other != path)


def _problem(marked: Marked, error: ErrorDetails) -> Problem:
    """The error of a value, told as a problem of the file."""
    path, kind = _place(error), _kind(marked, _place(error))
    match error["type"]:
        case "union_tag_invalid" | "union_tag_not_found":
            path = (*path, "kind")
            found = _shown(kind) if kind else "missing"
            expected = f"one of {', '.join(KINDS)}"
        case "missing":
            found, expected = "missing", _meaning(path, kind)
        case "extra_forbidden":
            known = list(_schema(path[:-1], kind).get("properties", {}))
            close = get_close_matches(str(path[-1]), known, n=1)
            found = "unknown key"
            expected = f"{close[0]}?" if close else f"one of {', '.join(known)}"
        case "value_error":
            found, expected = _shown(error["input"]), str(error["ctx"]["error"])
        case _:
            found, expected = _shown(error["input"]), _meaning(path, kind)
    return Problem(line=marked.line(path), path=path, found=found, expected=expected)


def _render(problem: Problem, name: str) -> str:
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path)
    place = f"{name}:{problem.line}: {key.removeprefix('.')}" if key else f"{name}:{problem.line}"
    return f"{place}: {problem.found}: expected {problem.expected}"


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind(marked: Marked, path: KeyPath) -> str:
    """The kind of the drill that a path leads into, as it was typed; empty for any other path."""
    match marked.content, path:
        case {"drills": list() as drills}, ("drills", int(position), *_):
            drill = drills[position]
            return str(drill.get("kind", "")) if isinstance(drill, dict) else ""
        case _:
            return ""


def _meaning(path: KeyPath, kind: str) -> str:
    """What the value at a path is expected to be: the text below its key, in infra/schema."""
    return str(_schema(path, kind).get("description", "a mapping of keys"))


def _schema(path: KeyPath, kind: str) -> dict[str, Any]:
    """The part of the JSON schema that a path leads to; an item is described as its list is.

    `kind` chooses among the kinds of drill.
    """
    schema = Configuration.model_json_schema()
    definitions, found = schema["$defs"], schema
    for step in path:
        followed = _followed(found, definitions, kind)
        found = (
            followed.get("properties", {}).get(step, {})
            if isinstance(step, str)
            else {"description": found.get("description"), **followed.get("items", {})}
        )
    return {**_followed(found, definitions, kind), **found}


def _followed(
    found: Mapping[str, Any], definitions: Mapping[str, Any], kind: str
) -> Mapping[str, Any]:
    """The definition that a part of the schema refers to; itself where it refers to none."""
    reference = found.get("$ref") or found.get("discriminator", {}).get("mapping", {}).get(kind)
    if reference is None and "anyOf" in found:  # a value that may be absent
        return _followed(found["anyOf"][0], definitions, kind)
    return definitions[reference.rpartition("/")[2]] if reference else found


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
