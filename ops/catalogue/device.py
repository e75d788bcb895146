"""Device profiles: what the suite must know of a vendor's system. One file `devices/<vendor_os>.yml` each."""

from __future__ import annotations

import math
import re
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ops.errors import OpsError

Optic = Literal[
    "receive_power_dbm",
    "transmit_power_dbm",
    "temperature_celsius",
    "voltage_volts",
    "bias_amperes",
    "rx_loss",
]
_RATE_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_BIGGEST_FIRST = ("G", "M", "k")
HIDDEN = "<hidden>"  # stands where a configuration held a secret
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


def _names_the_secret(pattern: str) -> str:
    if "secret" not in re.compile(pattern).groupindex:
        raise ValueError("no group `secret` in it")
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
SecretPattern = Annotated[Pattern, AfterValidator(_names_the_secret)]
DottedOid = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Data):
    """One optical column. value = raw / divide; `positive: microwatt`: raw above 0 is microwatt, to be told in dBm."""

    oid: DottedOid
    divide: Annotated[int, Field(ge=1)] = 1
    positive: Literal["scaled", "microwatt"] = "scaled"
    invalid: tuple[int, ...] = Field(default=(), description="raw values that mean: there is no value")

    def value(self, raw: int) -> float | None:
        """What `raw` means in the column's unit; None when it means that there is no value."""
        if raw in self.invalid:
            return None
        if self.positive == "microwatt" and raw > 0:
            return 10 * math.log10(raw / 1000)
        return raw / self.divide

    def raw(self, value: float | None) -> int:
        """What a device would answer for `value` (the twin's agents); a missing value is the first invalid one."""
        if value is None:
            return self.invalid[0] if self.invalid else 0
        if self.positive == "microwatt" and value > 0:
            return max(1, round(10 ** (value / 10) * 1000))
        raw = round(value * self.divide)
        return raw if raw not in self.invalid else raw + 1


class Optical(_Data):
    index: Literal["ifindex", "entity"]
    columns: dict[Optic, Column]


class Queue(_Data):
    """How a bandwidth contract stands on the device. Placeholders: name, ifname, lan, download, upload."""

    set: tuple[str, ...]
    remove: tuple[str, ...]
    read: str
    parse: Pattern = Field(description="groups name, ifname, lan, download, upload; one match per queue")
    rate_unit: Annotated[int, Field(ge=1)] = Field(description="bits per second of 1 in a command")
    config_mode: bool
    error: Pattern = Field(description="what a refused command answers")

    def rate(self, bits: int) -> str:
        """Bits per second as the command wants them. ValueError when the device cannot count so finely."""
        if bits % self.rate_unit:
            raise ValueError(f"{bits} bit/s: this device counts in steps of {self.rate_unit} bit/s")
        return str(bits // self.rate_unit)

    def bits(self, said: str) -> int:
        """What the device says ('50M', '1500k', '50000') in bits per second."""
        number, unit = (said[:-1], said[-1]) if said[-1:].isalpha() else (said, "")
        return int(number) * _RATE_UNITS[unit] * self.rate_unit


class RunningConfig(_Data):
    """How the whole configuration is read, and what of it may be kept. Patterns are searched in the unwrapped text."""

    read: str
    whole: Pattern = Field(description="found in every complete answer")
    wrapped: Pattern = Field(default=r"(?!)", description="where a long line goes on in the next: taken out")
    volatile: tuple[Pattern, ...] = Field(description="taken out: what changes although nobody changed anything")
    secrets: tuple[SecretPattern, ...] = Field(description="what the group `secret` finds is hidden")

    def kept(self, answer: str) -> str:
        """What of a device's answer is kept: no secret, nothing volatile. ValueError when it is not whole."""
        text = re.sub(self.wrapped, "", plain(answer))
        if not re.search(self.whole, text):
            raise ValueError("the answer is no whole configuration")
        for pattern in self.secrets:
            text = re.sub(pattern, _hide, text)
        for pattern in self.volatile:
            text = re.sub(pattern, "", text)
        return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def plain(answer: str) -> str:
    """Lines as they are meant: without a terminal's colours, and no sign that would steer whoever reads them."""
    lines = _COLOUR.sub("", answer).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(s if s.isprintable() or s == "\t" else ascii(s)[1:-1] for s in line) for line in lines)


def _hide(found: re.Match[str]) -> str:
    begin, end = found.start("secret") - found.start(), found.end("secret") - found.start()
    return found[0][:begin] + HIDDEN + found[0][end:]


class Device(_Data):
    """One vendor's system. `unverified`: never compared with a recording of a real device."""

    title: str
    netmiko: str = Field(description="netmiko's device_type")
    object_id: DottedOid = Field(description="sysObjectID begins with this")
    description: str = Field(description="sysDescr begins with this")
    unverified: bool = False
    optical: Optical | None = None
    queue: Queue
    running_config: RunningConfig


def names() -> list[str]:
    """Models that have a profile."""
    folder = resources.files("ops.catalogue") / "devices"
    return sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".yml"))


@cache
def device(model: str) -> Device:
    """The profile of `model`. OpsError for an unknown or broken one."""
    try:
        text = (resources.files("ops.catalogue") / "devices" / f"{model}.yml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise OpsError(f"no device profile {model}", f"known: {', '.join(names())}") from None
    data: Any = yaml.load(text, Loader=yaml.CSafeLoader)
    try:
        return Device.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise OpsError(f"ops/catalogue/devices/{model}.yml {where}: {first['msg']}") from None


def short_rate(bits: int) -> str:
    """Bits per second as RouterOS writes them: 50M, 1500k, 800."""
    for unit in _BIGGEST_FIRST:
        if bits and bits % _RATE_UNITS[unit] == 0:
            return f"{bits // _RATE_UNITS[unit]}{unit}"
    return str(bits)
