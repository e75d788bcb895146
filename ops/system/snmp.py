"""SNMP polling, whatever the version: v1 and v2c by an engine of our own, v3 by gufo_snmp.

Values: int for numbers, bytes for octets, str for OIDs and addresses, float for net-snmp's. A name that the device does
not have is absent.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.system.snmp_login import Login, SnmpLogin, SnmpUser
from ops.system.snmp_patience import Patience
from ops.system.snmp_plain import MOST_VARBINDS, Plain, Tally, Walk
from ops.system.snmp_user import Guarded
from ops.system.snmp_wire import Held

__all__ = ["MOST_VARBINDS", "Held", "Login", "Plain", "SnmpDevice", "SnmpLogin", "SnmpUser", "Tally", "Walk"]


class SnmpDevice:
    """One device. For one event loop; asks one thing at a time. `patience`: seconds that each try waits at least."""

    def __init__(self, name: str, address: str, login: Login, port: int = 161, *, patience: float = 0.0) -> None:
        self.name, self.tally = name, Tally()
        self._patience = Patience(patience)
        place = (address, port)
        self.way: Plain | Guarded = (
            Guarded(name, place, login, self.tally, self._patience)
            if isinstance(login, SnmpUser)
            else Plain(name, place, login, self.tally, self._patience)
        )

    @property
    def patience(self) -> float:
        """Seconds that it is waited for at each try, whatever it did before; 0 where nothing was said."""
        return self._patience.least

    @property
    def slow(self) -> float:
        """Seconds that its answers take, smoothed."""
        return self._patience.slow

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """Values by OID, in one packet up to 60 of them. HostFailedError when it stays silent through all tries."""
        return await self.way.get(oids)

    async def walk(self, oid: str) -> Walk:
        """The whole subtree below `oid`. A walk that goes in circles is ended and keeps what came before."""
        return await self.way.walk(oid)

    async def walks(self, oids: Sequence[str]) -> dict[str, Walk]:
        """Several columns, side by side where the version allows it."""
        if isinstance(self.way, Plain):
            return await self.way.walks(oids)
        return {oid: await self.way.walk(oid) for oid in oids}

    def close(self) -> None:
        """Let go of what is kept open."""
        if isinstance(self.way, Guarded):
            self.way.close()
