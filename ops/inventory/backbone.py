"""Devices that belong to no office and the ports that are named of them: in the backbone and at handovers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.polling import Snmp
from ops.inventory.scalars import Address, IfName, Name, Title


class BackboneDevice(Declared):
    """A switch, router or OLT at a fibre node. Only the ports that something names are asked for."""

    name: Name = Field(description="ports name it; `device` of its series")
    node: Name = Field(description="the node of fibre.yml that it stands at; `site` of its series")
    model: Name = Field(description="a file of ops/catalogue/devices")
    address: Address | None = Field(default=None, description="management address; the node's own if none")
    snmp: Snmp | None = Field(default=None, description="where it is asked otherwise than access.snmp says")
    polled: bool = Field(default=True, description="false: another exporter measures it, with the same labels")


class DevicePort(Declared):
    """A port of such a device."""

    device: Name = Field(description="a device of fibre.yml")
    ifname: IfName


class Onu(Declared):
    """An office's end of a passive optical network, as its OLT knows it."""

    olt: Name = Field(description="a device of fibre.yml: its reading of this ONU is the office's light")
    port: IfName = Field(description="the OLT's PON port, as its ifName; blanks in it are left out")
    id: Title = Field(description="the ONU as `ops discover OLT --json` names it: its number or serial")
    split: Annotated[int, Field(ge=1, le=256, description="branches of all splitters on the way together")] = 32
