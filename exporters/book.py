"""A device's columns, each walked once, and what a discovery asks of whoever answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ops.system.snmp import Held, Walk


class Source(Protocol):
    """Who answers: a device (`ops.system.snmp.SnmpDevice`) or a recording of one (`ops.system.snmprec.Recording`)."""

    async def walk(self, oid: str) -> Walk:
        """The rows below `oid`."""
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
        found = self._columns.get(oid)
        if found is None:
            walk = await self._source.walk(oid)
            self.broken = self.broken or walk.broken
            self.values.update(walk.rows)
            cut = len(oid) + 1
            found = self._columns[oid] = {name[cut:]: value for name, value in walk.rows.items()}
        return found

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
