"""Command-line platforms: which commands show the light, and what the columns of the answers mean.

`<platform>.yml` is data; a TextFSM template stands beside it or, named `ntc:<name>`, in ntc-templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from ops.catalogue.optical import Data, Pattern
from ops.errors import OpsError

Quantity = Literal[
    "receive_power_dbm",
    "transmit_power_dbm",
    "olt_receive_power_dbm",  # what the OLT gets from an ONU
    "olt_transmit_power_dbm",
    "rx_loss",
    "temperature_celsius",
    "voltage_volts",
    "bias_amperes",
    "receive_low_alarm_dbm",
    "receive_low_warning_dbm",
    "receive_high_warning_dbm",
    "receive_high_alarm_dbm",
    "transmit_low_alarm_dbm",
    "transmit_low_warning_dbm",
    "transmit_high_warning_dbm",
    "transmit_high_alarm_dbm",
]
_FOLDER = resources.files("ops.catalogue") / "cli"
_NTC = "ntc:"


def _short(value: Any) -> Any:
    """A cell may be written as the bare name of its column."""
    return {"column": value} if isinstance(value, str) else value


def _known(template: str) -> str:
    try:
        template_text(template)
    except FileNotFoundError:
        raise ValueError(f"no such template: {template}") from None
    return template


class Cell(Data):
    """A column of the template. Numbers are divided; `yes`: what means 1 in a column that is no number."""

    column: str
    divide: Annotated[float, Field(gt=0)] = 1
    yes: Pattern | None = None


Template = Annotated[str, AfterValidator(_known)]


class Question(Data):
    """One command and its answer. `each`: asked once per declared port or ONU, which `split` takes apart for
    placeholders: {asked}, and the named groups. `before` and `after` lead there and back."""

    command: str
    each: Literal["device", "port", "onu"] = "device"
    split: Pattern = r"(?P<asked>.*)"
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    unwrap: dict[Pattern, str] = Field(
        default={}, description="what is replaced in the answer, so that a row is a line"
    )
    templates: Annotated[tuple[Template, ...], Field(min_length=1)]
    port: str = Field(description="the port's name: the template's columns, {asked} and the groups of `split`")
    onu: str = ""
    lane: str = Field(default="", description="column of the lane; a cell with a|b|c holds lanes 1, 2, 3")
    values: dict[Quantity, Annotated[Cell, BeforeValidator(_short)]]

    def dialogues(self, ports: Sequence[str], onus: Sequence[str]) -> Iterator[Dialogue]:
        """What is typed for these ports and ONUs. A name that `split` does not fit is left out."""
        for asked in {"device": [""], "port": ports, "onu": onus}[self.each]:
            if found := re.search(self.split, asked):
                words = {key: value or "" for key, value in found.groupdict().items()} | {"asked": asked}
                before, after = ([one.format(**words) for one in some] for some in (self.before, self.after))
                yield Dialogue(self, words, self.command.format(**words), tuple(before), tuple(after))


@dataclass(frozen=True)
class Dialogue:
    """One command as it is typed. `words`: what `split` made of the port or ONU that is asked for."""

    question: Question
    words: Mapping[str, str]
    command: str
    before: tuple[str, ...] = field(default=())
    after: tuple[str, ...] = field(default=())


class Platform(Data):
    """One command line. `unverified`: its answers were written from manuals, never taken from a real device."""

    title: str
    netmiko: str = Field(description="netmiko's device_type")
    source: str = Field(description="where the form of the answers was read")
    unverified: bool = False
    error: Pattern = Field(description="what a refused command answers")
    dark: float = Field(default=-40.0, description="received power at or below this is no light, in dBm")
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]


def names() -> list[str]:
    """Platforms that have a file."""
    return sorted(entry.name[:-4] for entry in _FOLDER.iterdir() if entry.name.endswith(".yml"))


@cache
def platform(name: str) -> Platform:
    """A platform by its name. OpsError for an unknown or broken one."""
    try:
        text = (_FOLDER / f"{name}.yml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OpsError(f"no command-line platform {name}", f"known: {', '.join(names())}") from None
    try:
        return Platform.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise OpsError(f"ops/catalogue/cli/{name}.yml {where}: {first['msg']}") from None


@cache
def template_text(name: str) -> str:
    """A TextFSM template, ours or (`ntc:…`) the community's. FileNotFoundError for an unknown one."""
    if name.startswith(_NTC):
        folder = resources.files("ntc_templates") / "templates"
        return (folder / f"{name.removeprefix(_NTC)}.textfsm").read_text(encoding="utf-8")
    return (_FOLDER / f"{name}.textfsm").read_text(encoding="utf-8")
