"""One device over SNMPv3: gufo_snmp (Rust core) with what it leaves to its user.

Opening a session derives keys from passwords (1 MB through a hash each, RFC 3414 A.2) and finds the engine: so master
keys are derived once for all devices, and a session is kept until the device says that it is another one. Retries with
growing patience, a new look at the engine's clock after a restart, smaller questions where a reply does not fit gufo's
buffer of 4,080 bytes, a stop for agents that walk in circles, and missing instances simply absent are ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from ops.errors import HostFailedError
from ops.system import snmp_plain as plain
from ops.system.snmp_line import Address
from ops.system.snmp_login import SnmpUser
from ops.system.snmp_meter import Meter, TooManyError
from ops.system.snmp_patience import Patience
from ops.system.snmp_plain import Tally, Walk
from ops.system.snmp_wire import Held

if TYPE_CHECKING:
    from gufo.snmp.aio import SnmpSession

SIGN = "1.3.6.1.2.1.1.3.0"  # sysUpTime goes with every GET: its absence tells «too big» from «has none of these»
SPOILT_SECONDS = 600.0  # a name that fails whole questions is left out for so long
FEWER = 4  # a GETBULK whose reply did not fit is asked for again with a fourth of the rows
MOST_PACKETS = plain.MOST_PACKETS * 3  # of one GET, tries and the engine's clock counted
TRIES = 3  # the short first try of `Patience` is for those whose late replies still count, which gufo drops
PAUSE_SECONDS = 0.05  # «connection refused» comes at once; let it not eat all tries in one moment
STALE_SECONDS = 120.0  # an engine's clock is looked at anew after so long without a word (its window is 150 s)
_AUTHENTICATION = {"md5": "Md5Key", "sha1": "Sha1Key", "sha224": "Sha224Key", "sha256": "Sha256Key",
                   "sha384": "Sha384Key", "sha512": "Sha512Key"}  # fmt: skip
_PRIVACY = {"des": "DesKey", "aes128": "Aes128Key", "aes192": "Aes192Key", "aes256": "Aes256Key"}


class Guarded:
    """Asks one thing at a time (a lock sees to it). For one event loop."""

    def __init__(self, name: str, address: Address, login: SnmpUser, tally: Tally, patience: Patience) -> None:
        self.name, self.tally, self._patience = name, tally, patience
        self._meter = Meter(tally)
        self._address, self._login = address, login
        self._session: SnmpSession | None = None
        # `_most`: names in a packet beside sysUpTime; 0: one, and not even that beside it
        self._most, self._repetitions = plain.MOST_VARBINDS - 1, plain.REPETITIONS
        self._spoiling: dict[str, float] = {}  # names that fail whole questions, and since when
        self._heard = 0.0  # when it answered last
        self._lock = asyncio.Lock()

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """Values by OID. What the device does not have is absent. HostFailedError after the last try."""
        async with self._lock:
            found: dict[str, Held] = {}
            self._meter.allow(MOST_PACKETS)
            left = [oid for oid in dict.fromkeys(oids) if not self._spoils(oid)]
            try:
                while left:
                    asked, left = left[: max(1, self._most)], left[max(1, self._most) :]
                    found.update(await self._some(asked))
            except TooManyError:
                raise HostFailedError(self.name, f"SNMP: not answered in {MOST_PACKETS} packets") from None
            return {oid: found[oid] for oid in oids if oid in found}

    async def walk(self, oid: str) -> Walk:
        """The whole subtree below `oid`. A walk that goes in circles is ended and keeps what came before."""
        async with self._lock:
            for tries in (1, 2):
                self._meter.allow(plain.MOST_WALK_PACKETS)
                try:
                    return await self._walk_fitting(oid)
                except OSError:
                    await asyncio.sleep(PAUSE_SECONDS)
                except _snmp_error() as error:
                    self._session = None
                    if tries > 1:
                        raise HostFailedError(self.name, f"SNMP: {type(error).__name__} in a walk of {oid}") from None
            raise HostFailedError(self.name, f"SNMP: no answer to a walk of {oid}")

    def close(self) -> None:
        self._session = None  # gufo closes the socket with the session

    async def _some(self, oids: list[str]) -> dict[str, Held]:
        """Values of these, in as many packets as it takes.

        An empty answer is what gufo makes of every error-status: the question is halved until it tells whether it was
        too big, holds a name that spoils it, or whether the agent answers nothing at all (HostFailedError).
        """
        packet = list(dict.fromkeys([SIGN, *oids])) if self._most else oids
        answered = await self._get_once(packet)
        if answered or not self._most:
            return answered
        if len(oids) == 1:
            return await self._alone(oids)
        half, spoiling = len(oids) // 2, len(self._spoiling)
        found = await self._some(oids[:half]) | await self._some(oids[half:])
        if self._most and len(self._spoiling) == spoiling:
            self._most = min(self._most, half)
        return found

    async def _alone(self, oids: list[str]) -> dict[str, Held]:
        """What comes of one name that was not answered together with sysUpTime."""
        if not await self._get_once([SIGN]):
            self._most = plain.MOST_VARBINDS - 1  # it is not the size
            raise HostFailedError(self.name, "SNMP: answers with nothing, whatever is asked")
        found = await self._get_once(oids)
        if found:
            self._most = 0
        else:
            self._spoiling[oids[0]] = monotonic()
        return found

    def _spoils(self, oid: str) -> bool:
        """Whether it spoilt every question that it was in, not long ago."""
        return oid in self._spoiling and monotonic() - self._spoiling[oid] < SPOILT_SECONDS

    async def _get_once(self, oids: list[str]) -> dict[str, Held]:
        """One packet, asked again while there is no answer."""
        last = "no answer"
        for at, seconds in enumerate(self._waits):
            self.tally.retries += at > 0
            try:
                return await self._answer(oids, seconds)
            except TimeoutError:
                last, self._heard = "no answer", 0.0  # it may have been restarted: look at its clock again
                if at:
                    self._session = None  # or be another engine
            except OSError as error:
                last = str(error.strerror or error)
                await asyncio.sleep(PAUSE_SECONDS)
            except _decode_error() as error:
                if len(oids) > 1:
                    return {}  # cut off in gufo's buffer: as tooBig
                last = type(error).__name__
            except _snmp_error() as error:
                last, self._session = type(error).__name__, None  # another engine, or another user than it knows
        self._patience.unheard()
        raise HostFailedError(self.name, f"SNMP: {last} in {TRIES} tries")

    async def _answer(self, oids: list[str], seconds: float) -> dict[str, Held]:
        """The answer to one packet. TimeoutError, OSError, gufo's errors where there is none."""
        session = await self._ready(seconds)
        asked = monotonic()
        async with asyncio.timeout(seconds):
            found = dict(await session.get_many(oids))
        self._heard = monotonic()
        self._patience.heard(self._heard - asked)
        return found

    @property
    def _waits(self) -> tuple[float, ...]:
        return self._patience.waits[-TRIES:]

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
            if walk.rows or walk.broken or self._repetitions == 1:
                return walk
            fewer = await self._walk_once(oid, 1)
            if fewer.rows:
                self._repetitions = 1
            return fewer

    async def _walk_once(self, oid: str, repetitions: int) -> Walk:
        rows: dict[str, Held] = {}
        before = tuple(int(step) for step in oid.split("."))
        seconds, tries = self._patience.walk, 0
        try:
            async with asyncio.timeout(seconds):
                coming = (await self._ready(self._waits[-1])).getbulk(oid, repetitions)
                while True:
                    try:
                        row = await anext(coming, None)
                    except TimeoutError:  # gufo's, for one packet: it can be asked to go on from there
                        tries = self._again(tries)
                        continue
                    if row is None:
                        break
                    name, value = row
                    place = tuple(int(step) for step in name.split("."))
                    if place <= before:
                        return Walk(rows, f"OIDs do not increase at {name}")
                    if len(rows) >= plain.MOST_ROWS:
                        return Walk(rows, f"more than {plain.MOST_ROWS} rows")
                    rows[name], before, tries = value, place, 0
        except TimeoutError:
            return Walk(rows, f"not done in {seconds:g} s")
        except TooManyError:
            return Walk(rows, f"not done in {plain.MOST_WALK_PACKETS} packets")
        self._heard = monotonic()
        return Walk(rows)

    def _again(self, tries: int) -> int:
        """One more try of a packet of a walk. HostFailedError after the last."""
        if tries + 1 >= TRIES:
            self._patience.unheard()
            self._session = None
            raise HostFailedError(self.name, f"SNMP: no answer in {TRIES} tries")
        self.tally.retries += 1
        return tries + 1

    async def _ready(self, seconds: float) -> SnmpSession:
        """The session, its engine known and its clock not stale. TimeoutError after `seconds` for each answer."""
        from gufo.snmp.aio import SnmpSession  # noqa: PLC0415 # a Rust library that only polling needs

        if self._session is None:
            address, port = self._address
            user = _user(self._login)
            meter: Any = self._meter  # what gufo wants is a class whose import would bring all of gufo
            self._session = SnmpSession(address, port, user=user, timeout=self._waits[-1], policer=meter)
            self._heard, answers = 0.0, 2  # which engine it is, and its clock
        else:
            answers = 1
        if monotonic() - self._heard > STALE_SECONDS or not self._heard:
            async with asyncio.timeout(answers * seconds):
                await self._session.refresh()
            self._heard = monotonic()
        return self._session


@lru_cache(maxsize=100)
def _user(login: SnmpUser) -> Any:
    """gufo's user, with master keys instead of passwords."""
    import gufo.snmp as gufo  # noqa: PLC0415

    authentication = getattr(gufo, _AUTHENTICATION[login.authentication])
    expand = gufo.KeyExpansion.Cisco if login.cisco_keys else gufo.KeyExpansion.Blumenthal
    key = _master(authentication, login.password)
    if login.privacy == "none":
        return gufo.User(login.name, auth_key=key)
    privacy = getattr(gufo, _PRIVACY[login.privacy])
    hidden = privacy(authentication.get_master_key(login.privacy_password.encode()), key_type=key.key_type)
    return gufo.User(login.name, auth_key=key, priv_key=hidden, key_expansion=expand)


def _master(kind: Any, password: str) -> Any:
    from gufo.snmp.user import KeyType  # noqa: PLC0415

    return kind(kind.get_master_key(password.encode()), key_type=KeyType.Master)


def _snmp_error() -> type[Exception]:
    from gufo.snmp import SnmpError  # noqa: PLC0415

    return SnmpError


def _decode_error() -> type[Exception]:
    from gufo.snmp import SnmpDecodeError  # noqa: PLC0415

    return SnmpDecodeError
