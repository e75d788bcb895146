"""What can be declared of telephones: the region's numbering plan, an office's extensions, groups and menus.

Numbers inside are extensions of `digits` digits; numbers outside are E.164 (`+62622410001`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.moments import Moment, WeeklyWindow
from ops.inventory.scalars import (
    E164,
    Address,
    DirectDial,
    E164Block,
    Extension,
    ExtensionRange,
    Mac,
    MenuKeys,
    Name,
    SecretName,
    ShortCodes,
    Title,
)

Outside = Literal["local", "national", "mobile", "international", "public", "premium"]
"""Kinds of numbers outside: the own area code, other areas of the country, its mobiles, other countries; codes and
numbers that everybody may dial at little or no cost (123, 147, 14xxx, 1500xxx, 0800); those that cost more (0809, 0804,
satellites)."""
NO_CLASS = "none"  # an extension that may call nobody outside, whatever its office may


class Trunk(Declared):
    """A line to the public network, known by its provider's addresses (no registration)."""

    name: Name
    provider: Title
    servers: tuple[Address, ...] = Field(min_length=1, description="the provider's border controllers, tried in order")
    numbers: E164Block = Field(description="the block of numbers that the contract gives")
    channels: Annotated[int, Field(ge=1, description="calls at once that the contract gives")]
    emergency_channels: Annotated[int, Field(ge=0, description="of them, never used by ordinary calls")] = 2
    dials: Literal["e164", "national"] = Field(default="e164", description="how the provider wants called numbers")
    user: Name | None = Field(default=None, description="for the digest that the provider asks of our calls")
    secret: SecretName | None = None


class OutboundClass(Declared):
    """Who may call whom outside, and how much. There is no class without limits."""

    name: Name
    to: tuple[Outside, ...] = Field(min_length=1)
    calls: Annotated[int, Field(ge=1, le=10, description="of one extension at once")] = 1
    minutes: Annotated[int, Field(ge=1, le=1440, description="of one extension in a day")]


class Hours(Declared):
    name: Name
    open: tuple[WeeklyWindow, ...] = Field(min_length=1, description="by the region's clock; holidays are never open")


class Holiday(Declared):
    day: Moment = Field(description="as `2026-08-17`")
    name: Title


class Numbering(Declared):
    digits: Annotated[int, Field(ge=3, le=8, description="of every extension")] = 5
    pbx: Name = Field(description="the server in hosts.yml that runs Asterisk")
    emergency: tuple[Extension, ...] = Field(description="numbers that nothing may shadow")
    call_centre: ShortCodes = Field(
        default={}, description="emergency numbers that the regency answers itself: the extension that rings first"
    )
    short_codes: ShortCodes = Field(default={}, description="what is dialled: the extension that rings")
    security: Literal["none", "tls-srtp"] = Field(
        default="none", description="between telephones and exchange: in clear, or signalling by TLS and speech by SRTP"
    )
    country_code: Annotated[str, Field(pattern=r"^[1-9]\d{0,2}$")] = "62"
    area_code: Annotated[str, Field(pattern=r"^[1-9]\d{1,4}$", description="without the 0 before it")] = "622"
    trunks: tuple[Trunk, ...] = ()
    classes: tuple[OutboundClass, ...] = ()
    hours: tuple[Hours, ...] = ()
    holidays: tuple[Holiday, ...] = ()


class Phone(Declared):
    number: Extension = Field(description="inside the office's range")
    name: Title = Field(description="shown to those who are called")
    place: Literal["reception", "head", "desk", "group", "test", "softphone"] = "desk"
    model: Name | None = Field(default=None, description="a file of ops/catalogue/phones; none for a test extension")
    mac: Mac | None = Field(default=None, description="on the label under the telephone")
    outbound: Name | None = Field(default=None, description="its class instead of the office's, or `none`")
    forward: Extension | None = Field(default=None, description="who rings when nobody answers; the reception else")
    voicemail: bool = Field(default=False, description="callers may leave a message there instead; not with forward")
    lamps: MenuKeys = Field(
        default={}, description="key beside the screen (from 2): the extension or short code whose lamp it is"
    )


class Group(Declared):
    """Several extensions behind one number."""

    number: Extension = Field(description="inside the office's range")
    name: Title
    members: tuple[Extension, ...] = Field(description="extensions or groups, of any office")
    ring: Literal["together", "in-turn"] = "together"
    seconds: Annotated[int, Field(ge=5, le=120, description="of ringing; in turn: of each")] = 25


class Menu(Declared):
    """A voice that offers keys to press, in opening hours."""

    number: Extension = Field(description="inside the office's range")
    name: Title
    prompt: Name = Field(description="a sound file of the inventory: `sounds/<prompt>.wav`, 8 kHz, mono, 16 bit")
    hours: Name | None = Field(default=None, description="of the region's hours; always open when none")
    keys: MenuKeys = Field(description="the key that is pressed: the extension that rings")
    closed: Extension | None = Field(default=None, description="who rings out of hours and when nothing is pressed")


class Phones(Declared):
    range: ExtensionRange = Field(description="the office's block of numbers, its own alone")
    vlan: Annotated[int, Field(ge=1, le=4094)] | None = Field(
        default=None, description="the telephones' own VLAN at the office; none: the untagged one"
    )
    extensions: tuple[Phone, ...] = ()
    groups: tuple[Group, ...] = ()
    menus: tuple[Menu, ...] = ()
    outbound: Name | None = Field(default=None, description="class of all its extensions; none: no calls outside")
    outbound_calls: Annotated[int, Field(ge=1, description="of the whole office outside at once")] = 4
    caller_id: E164 | None = Field(default=None, description="what those outside see, also in an emergency")
    direct_dial: DirectDial = Field(default={}, description="a number outside: the extension that it rings")

    @property
    def taken(self) -> tuple[Phone | Group | Menu, ...]:
        """Everything that has a number of the range."""
        return (*self.extensions, *self.groups, *self.menus)
