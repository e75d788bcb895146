"""One YAML file → plain data in which every mapping remembers where it stands.

Every scalar stays text (PyYAML's C base loader semantics): a MAC is no sexagesimal integer, `no` is no False.
Aliases, merge keys and tags are refused: an inventory says what it means where it says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ops.errors import Problem

PLACE_KEY = "@"


@dataclass
class Document:
    """`data`: nested dict/list/str, each dict with its place under "@". `problems`: what was wrong already here."""

    name: str
    data: Any
    root: yaml.Node | None
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: tuple[int | str, ...]) -> str:
        """file:line:column of the value at `path`, or of the deepest part of it that exists."""
        node, mark_of = self.root, self.root
        for step in path:
            found = next((pair for pair in _children(node) if pair[0] == step), None)
            if found is None:
                break
            _, mark_of, node = found
        return _place(self.name, mark_of)

    def key_place(self, path: tuple[int | str, ...]) -> str:
        """Like `place`, but of the key itself rather than of its value."""
        node = self.root
        for step in path[:-1]:
            node = next((child for name, _, child in _children(node) if name == step), None)
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if key.value == path[-1]:
                    return _place(self.name, key)
        return self.place(path[:-1])


def parse(name: str, text: str) -> Document:
    """Parse one file's text; syntax errors and duplicate keys become problems of the document."""
    try:
        root = yaml.compose(text, Loader=yaml.CBaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
        return Document(name, None, None, [Problem(at, f"not YAML: {error.problem or error}")])
    except yaml.YAMLError as error:
        return Document(name, None, None, [Problem(f"{name}:1:1", f"not YAML: {error}")])
    if root is None:
        return Document(name, None, None, [Problem(f"{name}:1:1", "the file is empty")])
    document = Document(name, None, root)
    document.data = _plain(root, document, set())
    return document


def _plain(node: yaml.Node, document: Document, above: set[int]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if id(node) in above:
        document.problems.append(Problem(_place(document.name, node), "an alias that contains itself"))
        return None
    inside = above | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, document, inside) for item in node.value]
    mark = node.start_mark
    plain: dict[str, Any] = {PLACE_KEY: f"{document.name}:{mark.line + 1}:{mark.column + 1}"}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else None
        if name is None or name == PLACE_KEY:
            document.problems.append(Problem(_place(document.name, key), "a key must be a plain word"))
        elif name in plain:
            document.problems.append(
                Problem(_place(document.name, key), f"{name}: written twice", "keep one; the other would be lost")
            )
        else:
            plain[name] = _plain(value, document, inside)
    return plain


def _children(node: yaml.Node | None) -> Iterator[tuple[int | str, yaml.Node, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, value, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item, item


def _place(name: str, node: yaml.Node | None) -> str:
    if node is None:
        return f"{name}:1:1"
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
