"""What can be declared, for editors (JSON Schema) and for readers (a table of every key), both from the one model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ops.inventory.document import PLACE_KEY
from ops.inventory.model import Agenda, Opd, Plant, Recovery, RegionFile

FILES: dict[str, tuple[str, type[BaseModel]]] = {
    "region": ("region.yml", RegionFile),
    "fibre": ("fibre.yml", Plant),
    "drc": ("drc.yml", Recovery),
    "schedules": ("schedules.yml", Agenda),
    "opd": ("opd/<code>.yml", Opd),
}


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (draft 2020-12) of each kind of file, by its short name."""
    return {name: _schema(file, model) for name, (file, model) in FILES.items()}


def _schema(file: str, model: type[BaseModel]) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True)
    for part in (made, *made.get("$defs", {}).values()):
        part.get("properties", {}).pop(PLACE_KEY, None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": f"kominfo-ops {file}"}


def reference() -> str:
    """Every key of every file as Markdown tables; docs/inventory.md holds a copy, which a test compares."""
    return "\n".join(line for name in FILES for line in _of_file(name))


def _of_file(name: str) -> Iterator[str]:
    file, model = FILES[name]
    root = _schema(file, model)
    yield f"### `{file}`"
    yield ""
    yield "| key | what it is | default |"
    yield "|---|---|---|"
    yield from _rows(root, root, "")
    yield ""


def _rows(root: dict[str, Any], owner: dict[str, Any], above: str) -> Iterator[str]:
    needed = owner.get("required", ())
    for key, spec in owner.get("properties", {}).items():
        many, inner = _unwrap(root, spec)
        path = f"{above}{key}{'[]' if many else ''}"
        words = "; ".join(part for part in (_form(inner, many=many), spec.get("description", "")) if part)
        yield f"| `{path}` | {words} | {'**required**' if key in needed else _default(spec)} |"
        if "properties" in inner:
            yield from _rows(root, inner, f"{path}.")


def _unwrap(root: dict[str, Any], spec: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """(is it a list, what one item is) with references followed and `or nothing` taken off."""
    if "anyOf" in spec:
        spec = next(one for one in spec["anyOf"] if one.get("type") != "null")
    many = spec.get("type") == "array" and "items" in spec
    inner = spec["items"] if many else spec
    if "$ref" in inner:
        inner = root["$defs"][inner["$ref"].rsplit("/", 1)[1]]
    return many, inner


def _form(spec: dict[str, Any], *, many: bool) -> str:
    if "properties" in spec:
        return "list of" if many else "keys"
    if "enum" in spec:
        return "one of " + ", ".join(f"`{word}`" for word in spec["enum"])
    if "$comment" in spec:
        return str(spec["$comment"])
    if "prefixItems" in spec:
        return f"list of {len(spec['prefixItems'])}"
    kind = {"integer": "whole number", "number": "number", "object": "table", "string": "line of text"}
    return kind.get(str(spec.get("type")), "") + _limits(spec)


def _limits(spec: dict[str, Any]) -> str:
    low = spec.get("minimum", spec.get("exclusiveMinimum"))
    high = spec.get("maximum")
    if low is None:
        return ""
    above = "above " if "exclusiveMinimum" in spec else "from "
    return f" {above}{low:g}" + (f" to {high:g}" if high is not None else "")


def _default(spec: dict[str, Any]) -> str:
    default = spec.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return ""
    if isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{default}`"
