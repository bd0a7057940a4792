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

from functions.kinds import KINDS
from infra import marked_yaml
from infra.contradictions import findings
from infra.marked_yaml import KeyPath, Marked, Problem
from infra.schema import Configuration

SCHEMA = Path(__file__).parent.parent / "docs" / "drills.schema.json"


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
    for path, found, expected in findings(configuration):
        yield Problem(line=marked.line(path), path=path, found=_shown(found), expected=expected)


def _place(error: ErrorDetails) -> KeyPath:
    """Where in the file an error is: pydantic puts the kind of a drill into the way to its keys.

    It also tells a key that is wrong from its value.

    >>> _place({"loc": ("drills", 0, "aurora", "cluster")})
    ('drills', 0, 'cluster')
    >>> _place({"loc": ("drills", 0, "aurora", "levels", "leads", "[key]")})
    ('drills', 0, 'levels', 'leads')
    """
    path = error["loc"]
    path = path[:-1] if path[-1:] == ("[key]",) else path
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
    """The part of the JSON schema that a path leads to.

    An item is described as its list is, and what a user's own name leads to as its mapping is.
    `kind` chooses among the kinds of drill.
    """
    schema = Configuration.model_json_schema()
    definitions, found = schema["$defs"], schema
    for step in path:
        followed = _followed(found, definitions, kind)
        description = {"description": found.get("description")}
        if isinstance(step, int):
            found = {**description, **followed.get("items", {})}
        elif "patternProperties" in followed:
            found = {**description, **next(iter(followed["patternProperties"].values()))}
        else:
            found = followed.get("properties", {}).get(step, {})
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
