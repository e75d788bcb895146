"""Telephone models: `phones/<model>.yml` says what a model is, `phones/<model>.j2` how its file is written.

A template extends a base of its vendor's family. What is put into a file is escaped by the model's `format`, in this
one place: a template writes `{{ phone.name }}` and can not get it wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.errors import OpsError

if TYPE_CHECKING:
    import jinja2

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")  # ends a line somewhere, or is no text at all
_BEGINS_TOKEN = re.compile(r"\{(?=\{)")
_NOT_XML = re.compile(r"[\ud800-\udfff\ufffe\uffff]")


class PhoneModel(BaseModel):
    """One model. `lines`: accounts it can register · `unverified`: never compared with a real telephone."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    vendor: Literal["yealink", "grandstream", "fanvil"]
    format: Literal["lines", "xml"]
    lines: Annotated[int, Field(ge=1)]
    unverified: bool = False


def names() -> list[str]:
    """Models that have a file."""
    folder = resources.files("ops.catalogue") / "phones"
    return sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".yml"))


@cache
def model(name: str) -> PhoneModel:
    """What is known of a model. OpsError for an unknown or broken one."""
    try:
        text = (resources.files("ops.catalogue") / "phones" / f"{name}.yml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OpsError(f"no telephone model {name}", f"known: {', '.join(names())}") from None
    try:
        return PhoneModel.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise OpsError(f"ops/catalogue/phones/{name}.yml {where}: {first['msg']}") from None


def render(name: str, values: Mapping[str, Mapping[str, object]]) -> str:
    """The file for one telephone of model `name`. `values`: phone, exchange, clock; a missing one is an error."""
    return _environment(model(name).format).get_template(f"{name}.j2").render(values)


def spoken(name: str) -> str:
    """A declared name as it may be written into contents: it can never name a secret."""
    return _BEGINS_TOKEN.sub("{ ", name)


@cache
def _environment(kind: str) -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 # 0.05 s that most commands do not need

    return jinja2.Environment(
        loader=jinja2.PackageLoader("ops.catalogue", "phones"),
        autoescape=kind == "xml",  # noqa: S701 # the other format has no markup; _plain keeps a value on its line
        auto_reload=False,
        finalize=_plain,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _plain(value: Any) -> Any:
    """What may stand in any of the formats: one line of text, without blanks at its ends."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable() and value.strip() == value):
        return value  # nearly all of them
    kept = _NOT_XML.sub("", _CONTROL.sub(" ", value)).strip()
    return type(value)(kept) if type(value) is not str else kept
