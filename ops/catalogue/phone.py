"""Telephone models: `phones/<model>.yml` says what a model is, `phones/<model>.j2` how its file is written.

A template extends a base of its vendor's firmware family. Every value that is put into a file is escaped by the
model's `format` (`ops/catalogue/escape.py`), whatever the template says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.catalogue.escape import ESCAPES, one_line
from ops.errors import OpsError

if TYPE_CHECKING:
    import jinja2

_BEGINS_TOKEN = re.compile(r"\{(?=\{)")
Values = Mapping[str, Mapping[str, object]]


class PhoneModel(BaseModel):
    """One model.

    file     what it asks for below its own address; {mac} and {MAC} are its MAC without colons
    book     form of its telephone book, a file of ops/catalogue/phone_books; bookfile: how it asks for the regency's
    lines    accounts it can register · keys: programmable keys beside the screen
    resync   SIP event that makes it read its file again · dhcp: options by which it learns its address
    certificates  checked: its file brings the region's authority and makes it check servers' certificates · by-hand: it
             checks them by what is loaded on the device · unchecked: no two public sources agree how an authority of
             one's own is loaded, so the file switches its check off (with it on, the telephone would come back no more)
    root     the form in which it takes the authority
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: str
    vendor: Annotated[str, Field(pattern=r"^[a-z]+$")]
    format: Literal["lines", "xml"]
    file: Annotated[str, Field(pattern=r"^[a-z-]*\{(mac|MAC)\}\.(cfg|xml|htm)$")]
    book: Annotated[str, Field(pattern=r"^[a-z]+$")] | None = None
    bookfile: Annotated[str, Field(pattern=r"^[a-z_]+\.xml$")] = "region.xml"
    lines: Annotated[int, Field(ge=1)]
    keys: Annotated[int, Field(ge=0)] = 0
    resync: Literal["check-sync", "resync"] = "check-sync"
    dhcp: tuple[Literal[43, 66, 160], ...] = (66,)
    certificates: Literal["checked", "by-hand", "unchecked"]
    root: Literal["pem", "der"] = "pem"
    unverified: bool = False

    def asks_for(self, mac: str) -> str:
        """The file's name as the telephone with that MAC (without colons, lower case) asks for it."""
        return self.file.format(mac=mac, MAC=mac.upper())


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


def render(name: str, values: Values) -> str:
    """The file for one telephone of model `name`. `values`: phone, exchange, clock, site; a missing one is an error.

    A template also knows `spare`: the numbers of the keys that have no lamp. A telephone keeps what its file does not
    name, so each value is written also when it is none."""
    about = model(name)
    lamps = values["phone"].get("lamps")
    used = {1, *(one["place"] for one in lamps if lamps)} if isinstance(lamps, list) else {1}  # the first is the line
    template = _environment(about.format, "phones").get_template(f"{name}.j2")
    return template.render(values, spare=[key for key in range(1, about.keys + 1) if key not in used])


def census(declared: Iterable[str]) -> dict[str, dict[str, object]]:
    """Each model by name, and how often it stands in `declared`."""
    counts = Counter(declared)
    return {name: _told(model(name)) | {"declared": counts[name]} for name in names()}


def _told(about: PhoneModel) -> dict[str, object]:
    return {
        "title": about.title,
        "lines": about.lines,
        "keys": about.keys,
        "certificates": about.certificates,
        "verified": not about.unverified,
    }


def book(form: str, title: str, entries: list[tuple[str, str]]) -> str:
    """A telephone book in a vendor's form (`phone_books/<form>.j2`). `entries`: name, number."""
    return _environment("xml", "phone_books").get_template(f"{form}.j2").render(title=title, entries=entries)


def spoken(name: str) -> str:
    """A declared name as it may be written into contents: it can never name a secret."""
    return _BEGINS_TOKEN.sub("{ ", name)


def shown(name: str) -> str:
    """A declared name as a telephone shows it: one line, nothing that turns the writing round; and no secret's name,
    not even one that comes together when what stood between its signs is gone."""
    return spoken(one_line(name))


@cache
def _environment(kind: str, folder: str) -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 # 0.05 s that most commands do not need

    return jinja2.Environment(
        loader=jinja2.PackageLoader("ops.catalogue", folder),
        autoescape=False,  # noqa: S701 # `finalize` escapes every value, and knows more formats than HTML
        auto_reload=False,
        finalize=ESCAPES[kind],
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
