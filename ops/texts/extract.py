"""Every text that the code and the templates ask for, with where: what the .po files must hold, no more and no less."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

# what asks for a text, with how many arguments at least (lists count too)
_LEAST = {"_": 1, "t": 1, "text": 1, "mark": 1, "count": 3}
_NEVER = 999
_TEMPLATES = {".html", ".j2", ".svg", ".txt"}


def texts(folders: Iterable[Path]) -> dict[str, list[str]]:
    """Text → `file:line` of each place that asks for it, in Python files and templates below the folders."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.suffix == ".py":
            pairs = _python(path)
        elif path.suffix in _TEMPLATES and "static" not in path.parts:
            pairs = _template(path)
        else:
            continue
        for text, line in pairs:
            found[text].append(f"{path}:{line}")
    return dict(found)


def _python(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if len(node.args) >= _LEAST.get(name, _NEVER) and isinstance(first := node.args[0], ast.Constant):
            yield str(first.value), node.lineno


def _template(path: Path) -> Iterator[tuple[str, int]]:
    from jinja2 import Environment, nodes  # noqa: PLC0415 # for tests and translators only

    for node in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        name = getattr(node.node, "name", getattr(node.node, "attr", ""))
        if len(node.args) >= _LEAST.get(name, _NEVER) and isinstance(first := node.args[0], nodes.Const):
            yield str(first.value), node.lineno


def literals(folders: Iterable[Path]) -> set[str]:
    """Every string of the Python files: a text of a table may be asked for by a name that stands elsewhere."""
    return {
        node.value
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
