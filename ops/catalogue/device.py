"""Device profiles: what the suite must know of a vendor's system. One file `devices/<vendor_os>.yml` each."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from ops.catalogue.optical import Data, DottedOid, Optical, Pattern
from ops.catalogue.ping import Ping
from ops.errors import OpsError

_RATE_UNITS = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_BIGGEST_FIRST = ("G", "M", "k")
HIDDEN = "<hidden>"  # stands where a configuration held a secret
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _names_the_secret(pattern: str) -> str:
    if "secret" not in re.compile(pattern).groupindex:
        raise ValueError("no group `secret` in it")
    return pattern


SecretPattern = Annotated[Pattern, AfterValidator(_names_the_secret)]


class Queue(Data):
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


class Guard(Data):
    """How the device takes a change back by itself when nobody comes back. Placeholders: seconds, minutes.

    Lines are typed outside of the configuration mode.
    """

    arm: tuple[str, ...] = Field(description="before the change: from now on it will be taken back")
    disarm: tuple[str, ...] = Field(description="after a new login has seen the change: it stays")
    keep: tuple[str, ...] = Field(default=(), description="makes it outlive a restart, where that is not so anyway")


SettingName = Literal["description", "snmp", "syslog", "backup_user"]


class Setting(Data):
    """One setting that every router of ours has. Placeholders by kind: snmp {community} {station} {location}
    {contact}; syslog {syslog}; backup_user {user} {password} {station}; description {ifname} {text}.
    """

    set: tuple[str, ...]
    read: str
    parse: Pattern = Field(description="groups are placeholders: what the device tells of what was set")


class RunningConfig(Data):
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


class Identity(Data):
    """One way to know such a device: where its sysObjectID begins, what its sysDescr says, or both."""

    object_id: DottedOid | None = None
    description: Pattern = Field(default="", description="searched in sysDescr, whatever the case of letters")

    @model_validator(mode="after")
    def _says_something(self) -> Identity:
        if not self.object_id and not self.description:
            raise ValueError("object_id, description, or both are wanted")
        return self

    def rank(self, object_id: str, description: str) -> tuple[int, bool] | None:
        """How well a device matches: the length of its sysObjectID's beginning, then whether sysDescr agrees."""
        if self.object_id and not f"{object_id}.".startswith(f"{self.object_id}."):
            return None
        if self.description and not re.search(self.description, description, re.IGNORECASE):
            return None
        return self.object_id.count(".") if self.object_id else 0, bool(self.description)


class Device(Data):
    """One vendor's system. `unverified`: never compared with a recording of a real device.

    Only devices whose contracts the suite sets need netmiko, queue and running_config.
    """

    title: str
    source: str = Field(default="", description="where its rules were read")
    unverified: bool = False
    identity: tuple[Identity, ...] = Field(min_length=1)
    example: str = Field(default="", description="the sysDescr of such a device")
    optical: Optical | None = None
    patience: Annotated[float, Field(ge=0, le=60)] = Field(
        default=0.0, description="seconds that one answer over SNMP may take; where none is given, as it answers"
    )
    command_line: str = Field(default="", alias="netmiko", description="netmiko's device_type")
    queue_commands: Queue | None = Field(default=None, alias="queue")
    settings: dict[SettingName, Setting] = Field(default={})
    ping: Ping | None = None
    in_twin: bool = Field(default=True, description="false: the twin's routers do not speak its language")
    guard: Guard | None = Field(
        default=None, description="none: a change that cuts us off stays until somebody goes there"
    )
    whole_config: RunningConfig | None = Field(default=None, alias="running_config")

    @property
    def object_id(self) -> str:
        """The sysObjectID, or how it begins, of such a device; a place of nobody's where sysDescr alone tells it."""
        return next((one.object_id for one in self.identity if one.object_id), "0.0")

    @property
    def is_managed(self) -> bool:
        """Whether the suite can set its contracts and read its configuration, beside measuring it."""
        return self.queue_commands is not None and self.whole_config is not None

    @property
    def netmiko(self) -> str:
        """OpsError when the suite does not know this device's command line."""
        if not self.command_line:
            raise self._lacks("netmiko")
        return self.command_line

    @property
    def queue(self) -> Queue:
        """OpsError when the suite does not know how this device holds a contract."""
        if self.queue_commands is None:
            raise self._lacks("queue")
        return self.queue_commands

    @property
    def running_config(self) -> RunningConfig:
        """OpsError when the suite does not know how this device tells its configuration."""
        if self.whole_config is None:
            raise self._lacks("running_config")
        return self.whole_config

    def _lacks(self, part: str) -> OpsError:
        return OpsError(f"{self.title}: its profile has no `{part}`; it is measured only", "see docs/devices.md")


@cache
def names() -> tuple[str, ...]:
    """Models that have a profile."""
    folder = resources.files("ops.catalogue") / "devices"
    return tuple(sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".yml")))


def managed() -> tuple[str, ...]:
    """Models whose contracts and configuration the suite can set and read, and that a twin can play."""
    return tuple(name for name in names() if device(name).in_twin and device(name).is_managed)


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
