"""Loss budget: how much light should arrive over a stretch of fibre, and how much is to spare.

Planning figures for single-mode fibre (ITU-T G.652): 0.35 dB/km at 1310 nm, 0.22 dB/km at 1550 nm, 0.1 dB a fusion
splice, 0.5 dB a mated connector pair; 0.25 dB/km at 1490 nm and 3.5 dB per halving in a passive optical network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2
from typing import Protocol

from ops.fibre.paths import nominal
from ops.inventory.model import Link, Plant

FIBRE_DB_PER_KM = {1310: 0.35, 1490: 0.25, 1550: 0.22}
SPLICE_DB = 0.1
CONNECTOR_DB = 0.5
HALVING_DB = 3.5  # a splitter of 1:2; 1:32 is five of them
COMFORT_DB = 3.0  # ageing, repairs and dirt eat this much over the years


class Stretch(Protocol):
    """Any length of glass: a Segment of the plant or an office's FibreDrop."""

    @property
    def km(self) -> float: ...
    @property
    def splices(self) -> int: ...
    @property
    def connectors(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Optics:
    """A kind of transceiver. `wavelength` in nm; `launch` (typical) and `sensitivity` (weakest readable) in dBm."""

    name: str
    wavelength: int
    launch: float
    sensitivity: float


LX = Optics("1310 nm, 20 km", 1310, -5.0, -23.0)
ZX = Optics("1550 nm, 80 km", 1550, 2.0, -26.0)
PON = Optics("GPON class B+, downstream", 1490, 3.0, -27.0)  # ITU-T G.984.2: +1.5 to +5 dBm at the OLT


@dataclass(frozen=True, slots=True)
class Budget:
    """What to expect at the far end: `loss` and `margin` in dB, `received` in dBm."""

    optics: Optics
    km: float
    loss: float

    @property
    def received(self) -> float:
        return self.optics.launch - self.loss

    @property
    def margin(self) -> float:
        """What is left above the weakest readable light; below zero the link cannot come up."""
        return self.received - self.optics.sensitivity


def loss(stretches: Iterable[Stretch], wavelength: int = 1310) -> float:
    """dB lost over all stretches one after another. KeyError for a wavelength without a planning figure."""
    per_km = FIBRE_DB_PER_KM[wavelength]
    return sum(
        stretch.km * per_km + stretch.splices * SPLICE_DB + stretch.connectors * CONNECTOR_DB for stretch in stretches
    )


def budget(stretches: Iterable[Stretch], optics: Optics | None = None) -> Budget:
    """The budget over all stretches; unless told, the weaker kind of optics that leaves enough to spare."""
    glass = tuple(stretches)
    km = sum(stretch.km for stretch in glass)
    if optics:
        return Budget(optics, km, loss(glass, optics.wavelength))
    near = Budget(LX, km, loss(glass, LX.wavelength))
    return near if near.margin >= COMFORT_DB else Budget(ZX, km, loss(glass, ZX.wavelength))


def of_link(plant: Plant, link: Link) -> Budget:
    """The budget of a link's own core, spliced through from the office's drop to its other end as declared."""
    return link_budget(link, crossed(plant, link, nominal(plant, link).names))


def link_budget(link: Link, stretches: Iterable[Stretch]) -> Budget:
    """The budget of a link over this glass, and through the splitters where it hangs on a passive network."""
    if not link.onu:
        return budget(stretches)
    plain = budget(stretches, PON)
    return Budget(PON, plain.km, plain.loss + HALVING_DB * log2(link.onu.split))


def crossed(plant: Plant, link: Link, rides: Iterable[str]) -> tuple[Stretch, ...]:
    """The glass that a link's light crosses: its drop and those of the segments it rides on that lie before the device
    at the other end; all of them where none is declared: it then is at the data centre."""
    far = link.far_end
    end = next((one.node for one in plant.devices if far and one.name == far.device), None)
    segments, node, found = {one.name: one for one in plant.segments}, link.drop.node, list[Stretch]([link.drop])
    for name in rides:
        if node == end:
            break
        if name in segments:
            one, other = segments[name].between
            node = other if node == one else one
            found.append(segments[name])
    return tuple(found)
