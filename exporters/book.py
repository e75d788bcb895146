"""A device's columns, each walked once, and what a discovery asks of whoever answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ops.system.snmp import Held, Walk


class Source(Protocol):
    """Who answers: a device (`ops.system.snmp.SnmpDevice`) or a recording of one (`ops.system.snmprec.Recording`)."""

    async def walk(self, oid: str) -> Walk:
        """The rows below `oid`."""
        ...

    async def walks(self, oids: Sequence[str]) -> dict[str, Walk]:
        """The same for several columns at once."""
        ...

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """Values by OID; what there is not is absent."""
        ...


class Book:
    """What one discovery has read so far. `broken`: why a walk was cut short, or nothing."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._columns: dict[str, Mapping[str, Held]] = {}
        self.values: dict[str, Held] = {}
        self.broken = ""

    async def column(self, oid: str) -> Mapping[str, Held]:
        """Values of a column by index ('7', '3.12')."""
        if oid not in self._columns:
            self._take(oid, await self._source.walk(oid))
        return self._columns[oid]

    async def columns(self, oids: Iterable[str]) -> list[Mapping[str, Held]]:
        """Several columns, read side by side as far as they are not known yet."""
        asked = list(oids)
        unknown = [oid for oid in dict.fromkeys(asked) if oid not in self._columns]
        if unknown:
            for oid, walk in (await self._source.walks(unknown)).items():
                self._take(oid, walk)
        return [self._columns[oid] for oid in asked]

    def _take(self, oid: str, walk: Walk) -> None:
        self.broken = self.broken or walk.broken
        self.values.update(walk.rows)
        cut = len(oid) + 1
        self._columns[oid] = {name[cut:]: value for name, value in walk.rows.items()}

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """A few single values."""
        found = await self._source.get(oids)
        self.values.update(found)
        return found


def text(value: Held) -> str:
    """A device's text without what surrounds it."""
    said = value.decode(errors="replace") if isinstance(value, bytes) else "" if value is None else str(value)
    return said.replace("\0", "").strip()


def number(value: Held) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
