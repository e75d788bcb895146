"""ENTITY-MIB (RFC 6933): which port a piece of hardware belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporters.book import Book, text
from exporters.ports import DevicePort, Names

ENTITY = "1.3.6.1.2.1.47.1.1.1.1"
DESCR, WITHIN, NAME = f"{ENTITY}.2", f"{ENTITY}.4", f"{ENTITY}.7"
ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"  # entAliasMappingIdentifier, by entity and logical entity; its value: ifIndex.<n>
IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
_DEEPEST = 12  # chassis, slot, module, port, transceiver, sensor: with room to spare, and no endless circle


@dataclass(frozen=True, slots=True)
class Entities:
    """`within`: the entity that holds an entity · `ports`: ifIndex by the entity that is a port."""

    names: Mapping[str, str]
    descrs: Mapping[str, str]
    within: Mapping[str, str]
    ports: Mapping[str, int]

    def called(self, entity: str) -> str:
        return self.names.get(entity) or self.descrs.get(entity, "")

    def port_of(self, entity: str, names: Names, known: Mapping[int, DevicePort]) -> DevicePort | None:
        """The port that `entity` is, is plugged into, or is named after."""
        line = list(self._line(entity))
        for one in line:
            ifindex = self.ports.get(one, 0)
            if ifindex in known:
                return known[ifindex]
        for one in line:
            port = names.find(self.names.get(one, ""))
            if port is not None:
                return port
        named = (self.names.get(one, "") or self.descrs.get(one, "") for one in line)
        sentences = (names.inside(sentence) or names.inside(self.descrs.get(entity, "")) for sentence in named)
        return next((port for port in sentences if port is not None), None)

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
    return Entities(
        {index: text(value) for index, value in names.items()},
        {index: text(value) for index, value in descrs.items()},
        {index: str(value) for index, value in within.items()},
        ports,
    )
