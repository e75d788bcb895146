"""Plain data → frozen types; every refusal becomes a Problem named the way the person wrote the key."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from ops.errors import Problem
from ops.inventory.document import PLACE_KEY, Document, Path
from ops.inventory.nearest import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

_PLAINER = {
    "tuple_type": "a list is wanted here",
    "dict_type": "a mapping of keys is wanted here",
    "model_type": "a mapping of keys is wanted here",
    "model_attributes_type": "a mapping of keys is wanted here",
    "string_type": "one line of text is wanted here",
}


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
    name = document.written(path)
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Problem(document.key_place(path), f"{name}: unknown key", _nearest(model, path))
    if kind == "missing":
        return Problem(document.place(path[:-1]), f"{name}: missing", _describe(model, path))
    if kind in _PLAINER:
        hint = _describe(model, path) if path else ""
        return Problem(document.place(path), f"{name}: {_PLAINER[kind]}", hint)
    if kind == "literal_error":
        written, wanted = str(detail["input"]), str(detail["ctx"]["expected"])
        known = [word.strip("'") for word in wanted.replace(" or ", ", ").split(", ")]
        return Problem(document.place(path), f"{name}: {written!r} is none of {wanted}", did_you_mean(written, known))
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if kind != "value_error" and isinstance(detail["input"], str):
        message = f"{detail['input']!r} {message}"
    return Problem(document.place(path), f"{name}: {message}")


def _owner(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model whose key the last step of `path` is."""
    owner: type[BaseModel] | None = model
    for step in path[:-1]:
        if isinstance(step, str):
            field = _fields(owner).get(step)
            owner = _inner_model(field.annotation) if field else None
    return owner


def _fields(model: type[BaseModel] | None) -> dict[str, FieldInfo]:
    """What may be written there, by its key in the file."""
    fields = model.model_fields if model else {}
    return {field.alias or name: field for name, field in fields.items() if field.alias != PLACE_KEY}


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _inner_model(argument)
        if found:
            return found
    return None


def _nearest(model: type[BaseModel], path: Path) -> str:
    owner = _owner(model, path)
    if owner is None:
        return ""
    known = list(_fields(owner))
    return did_you_mean(str(path[-1]), known) or f"known keys: {', '.join(known)}"


def _describe(model: type[BaseModel], path: Path) -> str:
    field = _fields(_owner(model, path)).get(str(path[-1]))
    return (field.description or "") if field else ""
