"""ENTITY-MIB (RFC 6933): which port a piece of hardware belongs to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from exporters.book import Book, text
from exporters.ports import DevicePort, Names

ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
DESCR, WITHIN, NAME = f"{ENTITY}.2", f"{ENTITY}.4", f"{ENTITY}.7"
ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"  # entAliasMappingIdentifier, by entity and logical entity; its value: ifIndex.<n>
IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
_NEAR = 3  # a sensor in a transceiver in its container: further out stand other ports too
_DEEPEST = 12  # chassis, slot, module, port, transceiver, sensor: with room to spare, and no endless circle


@dataclass(frozen=True, slots=True)
class Entities:
    """`within`: the entity that holds an entity · `ports`: ifIndex by the entity that is a port.

    `holds`: ifIndex of the ports that stand in an entity, as where a transceiver holds its port beside its sensors.
    """

    names: Mapping[str, str]
    descrs: Mapping[str, str]
    within: Mapping[str, str]
    ports: Mapping[str, int]
    holds: Mapping[str, Collection[int]] = field(default_factory=dict)

    def called(self, entity: str) -> str:
        return self.names.get(entity) or self.descrs.get(entity, "")

    def module(self, sensor: str) -> str:
        """What the module of a sensor is called, where the sensor's own name begins so; else the sensor."""
        own = self.called(sensor)
        for one in self._line(self.within.get(sensor, "")):
            name = self.called(one)
            if name and own.startswith(name):
                return name
        return own

    def port_of(self, entity: str, names: Names, known: Mapping[int, DevicePort]) -> DevicePort | None:
        """The port that `entity` is, is plugged into, or is named after."""
        line = list(self._line(entity))
        for one in line:  # the nearest tells: further up stands what a whole board is called
            name = self.names.get(one, "")
            called = None if name.isdigit() else names.find(name)  # a chassis is called 1 as a port may be
            port = known.get(self.ports[one]) if one in self.ports else None
            if port := port or called:
                return port
        named = (self.names.get(one, "") or self.descrs.get(one, "") for one in line)
        sentences = (names.inside(sentence) or names.inside(self.descrs.get(entity, "")) for sentence in named)
        said = next((port for port in sentences if port is not None), None)
        return said or known.get(self._beside(line))

    def _beside(self, line: list[str]) -> int:
        """The only port in what an entity stands in, or else in what that stands in; 0 where there are several.

        The last of a line is the box as a whole, in which everything stands.
        """
        for one in line[1:-1][: _NEAR - 1]:
            inside = self.holds.get(one, frozenset())
            if inside:
                return next(iter(inside)) if len(inside) == 1 else 0
        return 0

    def _line(self, entity: str) -> Iterator[str]:
        for _ in range(_DEEPEST):
            if entity in {"", "0"}:
                return
            yield entity
            entity = self.within.get(entity, "")


async def read_entities(book: Book) -> Entities:
    names, descrs, within, alias = await book.columns((NAME, DESCR, WITHIN, ALIAS))
    ports: dict[str, int] = {}
    for index, value in alias.items():
        pointed = text(value).lstrip(".")
        if pointed.startswith(IF_INDEX) and pointed[len(IF_INDEX) :].isdigit():
            ports.setdefault(index.partition(".")[0], int(pointed[len(IF_INDEX) :]))
    held: dict[str, set[int]] = {}
    for entity, ifindex in ports.items():
        held.setdefault(str(within.get(entity, "")), set()).add(ifindex)
    return Entities(
        {index: text(value) for index, value in names.items()},
        {index: text(value) for index, value in descrs.items()},
        {index: str(value) for index, value in within.items()},
        ports,
        held,
    )
