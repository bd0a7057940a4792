"""YAML that remembers on which line each value stands, and keeps text as it was typed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
"""The way from the top of the file to a value: keys and positions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with the file: where, what stands there, what was expected."""

    line: int
    path: KeyPath
    found: str
    expected: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """The content of a file, and the line (from 1) of each value in it."""

    content: Any
    lines: dict[KeyPath, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: KeyPath) -> int:
        """The line of a value, or of the nearest thing around it that stands in the file."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """Plain values only: a time stays the text that was typed, and there are no dates or sets."""


_KEPT = ("bool", "float", "int", "null", "str")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in _KEPT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> Marked:
    """The content of a YAML text, with lines; problems say what cannot be read.

    >>> marked = read("drills:\\n  - name: a\\n    at: 2026-11-02T05:00:00Z")
    >>> marked.content, marked.line(("drills", 0, "at"))
    ({'drills': [{'name': 'a', 'at': '2026-11-02T05:00:00Z'}]}, 3)
    >>> read("a: 1\\na: 2").problems[0].found
    'a key given twice'
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return Marked(content=None, lines={})
        lines: dict[KeyPath, int] = {}
        problems = tuple(_walk(root, (), lines, ()))
        content = None if problems else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        return _unreadable(line, error.problem or "not YAML", "a YAML file")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unreadable(line, f"the character #x{error.character:04x}", "printable text")
    return Marked(content=content, lines=lines, problems=problems)


def _unreadable(line: int, found: str, expected: str) -> Marked:
    problem = Problem(line=line, path=(), found=found, expected=expected)
    return Marked(content=None, lines={}, problems=(problem,))


def _walk(
    node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], around: tuple[yaml.Node, ...]
) -> Iterator[Problem]:
    """Note the line of each value; yield what a configuration file must not hold."""
    line = node.start_mark.line + 1
    lines.setdefault(path, line)

    def problem(found: str, expected: str, at: KeyPath = path, on: int = line) -> Problem:
        return Problem(line=on, path=at, found=found, expected=expected)

    if node in around:
        yield problem("an alias of itself", "a value")
    elif node.tag.rpartition(":")[2] not in (*_KEPT, "map", "seq"):
        yield problem(f"the tag {node.tag}", "a plain value without a tag")
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _walk(item, (*path, position), lines, (*around, node))
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            on = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                found = key.value if isinstance(key, yaml.ScalarNode) else "a key of several parts"
                yield problem(str(found), "a key that is a word", on=on)
                continue
            inner = (*path, key.value)
            if key.value in seen:
                yield problem("a key given twice", "each key once", at=inner, on=on)
            seen.add(key.value)
            lines[inner] = on
            yield from _walk(value, inner, lines, (*around, node))
