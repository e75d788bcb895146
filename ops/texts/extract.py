"""Every text that the code and the templates ask for, with where: what the .po files must hold, no more and no less."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

_CALLS = {"_", "text", "mark", "count"}
_PLURAL = "count"  # its first argument is the one that is translated
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
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        first = node.args[0]
        if name in _CALLS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, node.lineno


def _template(path: Path) -> Iterator[tuple[str, int]]:
    from jinja2 import Environment, nodes  # noqa: PLC0415 # for tests and translators only

    for node in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
        name = getattr(node.node, "name", getattr(node.node, "attr", ""))
        first = node.args[0] if node.args else None
        if name in _CALLS and isinstance(first, nodes.Const) and isinstance(first.value, str):
            yield first.value, node.lineno
