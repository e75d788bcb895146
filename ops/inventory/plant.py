"""What can be declared of the fibre plant: nodes, the segments between them, the devices at them (fibre.yml)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ops.inventory.backbone import BackboneDevice
from ops.inventory.declared import Declared
from ops.inventory.scalars import Address, IfName, Name, Title

Location = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]


class FibreNode(Declared):
    name: Name
    kind: Literal["datacentre", "drc", "pop", "closure"]
    location: Location = Field(description="latitude, longitude in degrees")
    address: Address | None = Field(default=None, description="loopback of the node's switch; none for a closure")
    kecamatan: Title | None = None


class BackbonePort(Declared):
    """A port of a node's switch that looks into a segment: down when the segment is cut."""

    node: Name = Field(description="the node whose switch it is: one of the segment's ends")
    device: Name = Field(description="the switch, one of `devices`")
    ifname: IfName


class Segment(Declared):
    name: Name
    between: tuple[Name, Name] = Field(description="the nodes it joins")
    km: Annotated[float, Field(gt=0, le=200, description="length of the cable")]
    splices: Annotated[int, Field(ge=0, description="fusion splices on the way")] = 0
    connectors: Annotated[int, Field(ge=0, description="mated pairs on the way")] = 2
    cores: Annotated[int, Field(ge=1)] = 24
    owner: Title = "Diskominfo"
    ring: Name | None = Field(default=None, description="the ring that it is part of")
    ports: tuple[BackbonePort, ...] = Field(default=(), description="backbone ports that light it, where measured")


class Plant(Declared):
    nodes: tuple[FibreNode, ...]
    segments: tuple[Segment, ...]
    devices: tuple[BackboneDevice, ...] = Field(default=(), description="what stands at the nodes and is measured")
