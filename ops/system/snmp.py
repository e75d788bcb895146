"""SNMP polling: a thin door over gufo_snmp (Rust core) that adds what it leaves to its user.

Retries with growing patience, smaller questions where a reply is too big for the agent or for gufo's buffer of 4,080
bytes, a stop for agents that walk in circles, missing instances simply absent, and errors that name the device.
Values: int for numbers, bytes for octets, str for OIDs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.errors import HostFailedError

if TYPE_CHECKING:
    from gufo.snmp.aio import SnmpSession

PATIENCE = (0.5, 1.0, 2.0)  # seconds of waiting, try by try
MOST_VARBINDS = 60  # in one GET: about 1,400 bytes of reply
REPETITIONS = 20  # rows of a GETBULK, where they fit
FEWER = 4  # a GETBULK whose reply did not fit is asked for again with a fourth of the rows
SIGN = "1.3.6.1.2.1.1.3.0"  # sysUpTime goes with every GET: its absence tells «too big» from «has none of these»
WALK_SECONDS = 15.0
MOST_ROWS = 20_000

Held = int | bytes | str | float | None


@dataclass(frozen=True, slots=True)
class SnmpLogin:
    """How a device is asked: v2c with a community. SNMPv3 users take its place here when a region wants them."""

    community: str = field(repr=False)


@dataclass(slots=True)
class Tally:
    """What the polling of one device has cost so far."""

    packets: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """Rows of a walk by OID. `broken`: why it was ended early, or nothing."""

    rows: dict[str, Held]
    broken: str = ""


class SnmpDevice:
    """One device, its session kept open. For one event loop; ask one thing at a time (a lock sees to it)."""

    def __init__(self, name: str, address: str, login: SnmpLogin, port: int = 161) -> None:
        self.name, self.tally = name, Tally()
        self._address, self._port, self._login = address, port, login
        self._session: SnmpSession | None = None
        self._most, self._repetitions = MOST_VARBINDS, REPETITIONS
        self._lock = asyncio.Lock()

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """Values by OID, in one packet up to 60 of them. What the device does not have is absent.

        HostFailedError when it stays silent through all tries.
        """
        async with self._lock:
            found: dict[str, Held] = {}
            left = list(dict.fromkeys(oids))
            while left:
                most = self._most if self._most == 1 or SIGN in left[: self._most] else self._most - 1
                asked = left[:most]
                packet = list(dict.fromkeys([SIGN, *asked])) if self._most > 1 else asked
                answered = await self._get_once(packet)
                if not answered and len(packet) > 1:
                    # An empty answer is what gufo makes of tooBig: ask for half, now and from now on.
                    self._most = len(packet) // 2
                    continue
                found.update(answered)
                left = left[most:]
            return {oid: found[oid] for oid in oids if oid in found}

    async def walk(self, oid: str) -> Walk:
        """The whole subtree below `oid`. A walk that goes in circles is ended and keeps what came before."""
        async with self._lock:
            for at in range(len(PATIENCE)):
                try:
                    async with asyncio.timeout(WALK_SECONDS):
                        return await self._walk_fitting(oid)
                except (TimeoutError, OSError):
                    self.tally.retries += at < len(PATIENCE) - 1
                except _snmp_error() as error:
                    raise HostFailedError(self.name, f"SNMP: {type(error).__name__} in a walk of {oid}") from None
            raise HostFailedError(self.name, f"SNMP: no answer to a walk of {oid}")

    def close(self) -> None:
        self._session = None  # gufo closes the socket with the session

    async def _get_once(self, oids: list[str]) -> dict[str, Held]:
        """One packet, asked again while there is no answer."""
        last = "no answer"
        for at, seconds in enumerate(PATIENCE):
            self.tally.packets += 1
            self.tally.retries += at > 0
            try:
                async with asyncio.timeout(seconds):
                    return dict(await self._open().get_many(oids))
            except TimeoutError:
                last = "no answer"
            except OSError as error:
                last = str(error.strerror or error)
                await asyncio.sleep(0.05)  # "connection refused" comes at once; let it not eat all tries in one moment
            except _decode_error() as error:
                if len(oids) > 1:
                    return {}  # cut off in gufo's buffer: as tooBig
                last = type(error).__name__
            except _snmp_error() as error:
                last = type(error).__name__
        raise HostFailedError(self.name, f"SNMP: {last} in {len(PATIENCE)} tries")

    async def _walk_fitting(self, oid: str) -> Walk:
        """A walk with as many rows a packet as fit; how many is remembered. Nothing at all may mean too many."""
        while True:
            try:
                walk = await self._walk_once(oid, self._repetitions)
            except _decode_error():
                if self._repetitions == 1:
                    raise
                self._repetitions = max(1, self._repetitions // FEWER)
                continue
            if walk.rows or self._repetitions == 1:
                return walk
            fewer = await self._walk_once(oid, 1)
            if fewer.rows:
                self._repetitions = 1
            return fewer

    async def _walk_once(self, oid: str, repetitions: int) -> Walk:
        rows: dict[str, Held] = {}
        before: tuple[int, ...] = ()
        async for name, value in self._open().getbulk(oid, repetitions):
            place = tuple(int(step) for step in name.split("."))
            if place <= before:
                return Walk(rows, f"OIDs do not increase at {name}")
            if len(rows) >= MOST_ROWS:
                return Walk(rows, f"more than {MOST_ROWS} rows")
            rows[name], before = value, place
        self.tally.packets += len(rows) // repetitions + 1
        return Walk(rows)

    def _open(self) -> SnmpSession:
        if self._session is None:
            from gufo.snmp.aio import SnmpSession  # noqa: PLC0415 # a Rust library that only polling needs

            self._session = SnmpSession(
                self._address, self._port, self._login.community, timeout=max(PATIENCE), recv_buffer=262_144
            )
        return self._session


def _snmp_error() -> type[Exception]:
    from gufo.snmp import SnmpError  # noqa: PLC0415

    return SnmpError


def _decode_error() -> type[Exception]:
    from gufo.snmp import SnmpDecodeError  # noqa: PLC0415

    return SnmpDecodeError
