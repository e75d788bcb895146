"""One YAML file → plain data in which every mapping remembers where it stands.

Every scalar stays text (as PyYAML's base loader does it): a MAC is no sexagesimal integer, `no` is no False. Anchors,
aliases, merge keys and tags are refused: an inventory says what it means where it says it.

Data is built straight from libyaml's events, which takes half the time of composing nodes; places of single values are
looked up in composed nodes, and only when something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from ops.errors import Problem

PLACE_KEY = "@"
Path = tuple[int | str, ...]
_DEEPEST = 20  # levels; more is no inventory
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9/._-]{0,61}|\d{2,8}")  # what may stand for an item of a list
_DROPPED = "\0dropped"  # key under which the value of a repeated key is put until its mapping ends


@dataclass
class Document:
    """`data`: nested dict/list/str, each dict with its place under "@". `problems`: what was wrong already here."""

    name: str
    text: str
    data: Any = None
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def root(self) -> yaml.Node | None:
        """The composed nodes; None when the text is not YAML."""
        try:
            return yaml.compose(self.text, Loader=yaml.CBaseLoader)
        except yaml.YAMLError:
            return None

    def place(self, path: Path) -> str:
        """file:line:column of the value at `path`, or of the deepest part of it that exists."""
        node = self.root
        for step in path:
            found = next((child for name, child in _children(node) if name == step), None)
            if found is None:
                break
            node = found
        return _place(self.name, node)

    def key_place(self, path: Path) -> str:
        """Like `place`, but of the key itself rather than of its value."""
        node = self.root
        for step in path[:-1]:
            node = next((child for name, child in _children(node) if name == step), None)
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if key.value == path[-1]:
                    return _place(self.name, key)
        return self.place(path[:-1])

    @cached_property
    def mappings(self) -> dict[str, Path]:
        """Where every mapping stands → the path that leads to it."""
        return {_place(self.name, node): path for path, node in _mappings((), self.root)}

    def below(self, path: Path, key: str) -> Path:
        """The path that `key` (as `contract.upload` or `rides.1`) takes on from `path`."""
        data: Any = self.data
        for step in path:
            data = data[step]
        for word in key.split(".") if key else ():
            if isinstance(data, list):
                path, data = (*path, int(word)), data[int(word)]
            else:
                path, data = (*path, word), data.get(word) if isinstance(data, dict) else None
        return path

    def written(self, path: Path) -> str:
        """links[wan].lan rather than links.0.lan: items of a list go by their name where they have one."""
        words, data = "", self.data
        for step in path:
            if isinstance(step, int):
                item = data[step] if isinstance(data, list) and step < len(data) else None
                label = item.get("number") or item.get("name") if isinstance(item, dict) else item
                words += f"[{label if isinstance(label, str) and _LABEL.fullmatch(label) else step}]"
                data = item
            else:
                words += f".{step}" if words else step
                data = data.get(step) if isinstance(data, dict) else None
        return words


def parse(name: str, text: str) -> Document:
    """Parse one file's text; syntax errors and duplicate keys become problems of the document."""
    document = Document(name, text)
    reader = _Reader(name, document.problems)
    try:
        document.data = reader.read(text)
    except _UnreadableError as error:
        document.problems.append(error.problem)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{name}:1:1"
        document.problems.append(Problem(at, f"not YAML: {error.problem or error}", _syntax_hint(text, mark)))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        document.problems.append(Problem(f"{name}:{line}:1", f"not YAML: {error.reason}"))
    except yaml.YAMLError as error:
        document.problems.append(Problem(f"{name}:1:1", f"not YAML: {error}"))
    return document


class _UnreadableError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class _Reader:
    """Builds plain data from the parser's events. One reader reads one text."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self._name, self._problems = name, problems
        self._top: list[Any] = []
        self._here: Any = self._top  # the list or dict that is being filled
        self._key: str | None = None  # of the value to come, when `_here` is a dict
        self._above: list[tuple[Any, str | None]] = []

    def read(self, text: str) -> Any:
        on: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        take, handler_of = yaml.CBaseLoader(text).get_event, on.get
        while (event := take()) is not None:
            if handler := handler_of(type(event)):
                handler(event)
        if not self._top:
            raise self._refuse(None, "the file is empty")
        return self._top[0]

    def _add(self, value: Any) -> None:
        if self._key is None:
            self._here.append(value)
        else:
            self._here[self._key] = value
            self._key = None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.anchor or event.tag:
            raise self._marked(event)
        here = self._here
        if type(here) is list:
            here.append(event.value)
        elif self._key is None:
            self._key = self._name_key(event) if event.value in here else event.value
        else:
            here[self._key] = event.value
            self._key = None

    def _name_key(self, event: yaml.ScalarEvent) -> str:
        """The key of a value that must not replace what stands there already."""
        if event.value == PLACE_KEY:
            raise self._refuse(event, f"{PLACE_KEY}: not a key", "keys are plain words")
        at = self._place(event)
        self._problems.append(Problem(at, f"{event.value}: written twice", "keep one; the other would be lost"))
        return _DROPPED

    def _mapping(self, event: yaml.MappingStartEvent) -> None:
        self._open({PLACE_KEY: self._place(event)}, event)

    def _sequence(self, event: yaml.SequenceStartEvent) -> None:
        self._open([], event)

    def _open(self, inner: Any, event: yaml.CollectionStartEvent) -> None:
        if event.anchor or event.tag:
            raise self._marked(event)
        if type(self._here) is dict and self._key is None:
            raise self._refuse(event, "a key must be a plain word")
        if len(self._above) >= _DEEPEST:
            raise self._refuse(event, f"nested deeper than {_DEEPEST} levels")
        self._add(inner)
        self._above.append((self._here, self._key))
        self._here, self._key = inner, None

    def _end(self, _event: yaml.Event) -> None:
        if type(self._here) is dict:
            self._here.pop(_DROPPED, None)
        self._here, self._key = self._above.pop()

    def _alias(self, event: yaml.AliasEvent) -> None:
        raise self._refuse(event, f"*{event.anchor}: aliases are not used here", "write it out where it is meant")

    def _document(self, event: yaml.Event) -> None:
        if self._top:
            raise self._refuse(event, "a second document in one file", "one file holds one thing; take out the ---")

    def _marked(self, event: Any) -> _UnreadableError:
        mark = f"&{event.anchor}" if event.anchor else event.tag
        return self._refuse(event, f"{mark}: anchors and tags are not used here", "write the plain value")

    def _refuse(self, event: yaml.Event | None, what: str, hint: str = "") -> _UnreadableError:
        return _UnreadableError(Problem(self._place(event) if event else f"{self._name}:1:1", what, hint))

    def _place(self, event: yaml.Event) -> str:
        mark = event.start_mark
        return f"{self._name}:{mark.line + 1}:{mark.column + 1}" if mark else f"{self._name}:1:1"


def _children(node: yaml.Node | None) -> Iterator[tuple[int | str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.value, value
    elif isinstance(node, yaml.SequenceNode):
        yield from enumerate(node.value)


def _mappings(path: Path, node: yaml.Node | None) -> Iterator[tuple[Path, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield path, node
    for name, child in _children(node):
        yield from _mappings((*path, name), child)


def _place(name: str, node: yaml.Node | None) -> str:
    if node is None:
        return f"{name}:1:1"
    return f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _syntax_hint(text: str, mark: yaml.Mark | None) -> str:
    """What is behind the commonest accident: a tab."""
    lines = text.splitlines()
    if mark and mark.line < len(lines) and "\t" in lines[mark.line]:
        return "the line has a tab: YAML is indented with spaces"
    return ""
