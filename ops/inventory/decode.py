"""Plain data → frozen types; every refusal becomes a Problem named the way the person wrote the key."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ops.errors import Problem
from ops.inventory.document import Document

Model = TypeVar("Model", bound=BaseModel)


def decode(model: type[Model], document: Document) -> tuple[Model | None, list[Problem]]:
    """The document as `model`, or None and the reasons (the document's own problems first)."""
    if document.data is None:
        return None, document.problems
    if not isinstance(document.data, dict):
        return None, [*document.problems, Problem(f"{document.name}:1:1", "a mapping of keys is wanted here")]
    try:
        return model.model_validate(document.data), document.problems
    except ValidationError as error:
        return None, [*document.problems, *(_problem(model, document, detail) for detail in error.errors())]


def _problem(model: type[BaseModel], document: Document, detail: ErrorDetails) -> Problem:
    path = detail["loc"]
    name = _written(document.data, path)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Problem(document.key_place(path), f"{name}: unknown key", _nearest(model, path))
    if kind == "missing":
        return Problem(document.place(path[:-1]), f"{name}: missing", _describe(model, path))
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "literal_error":
        message = f"{detail['input']!r} is none of {detail['ctx']['expected']}"
    return Problem(document.place(path), f"{name}: {message}")


def _written(data: Any, path: tuple[int | str, ...]) -> str:
    """links[wan].lan rather than links.0.lan: items of a list go by their name where they have one."""
    words = ""
    for step in path:
        if isinstance(step, int):
            item = data[step] if isinstance(data, list) and step < len(data) else None
            label = item.get("name") or item.get("number") if isinstance(item, dict) else None
            words += f"[{label or step}]"
            data = item
        else:
            words += f".{step}" if words else step
            data = data.get(step) if isinstance(data, dict) else None
    return words


def _owner(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model whose key the last step of `path` is."""
    owner: Any = model
    for step in path[:-1]:
        if isinstance(step, str):
            field = owner.model_fields.get(step)
            if field is None:
                return None
            owner = _inner_model(field.annotation)
            if owner is None:
                return None
    return owner  # type: ignore[no-any-return]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found:
            return found
    return None


def _nearest(model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    owner = _owner(model, path)
    if owner is None:
        return ""
    known = [key for key in owner.model_fields if key != "at"]
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"


def _describe(model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    owner = _owner(model, path)
    field = owner.model_fields.get(str(path[-1])) if owner else None
    return (field.description or "") if field else ""
