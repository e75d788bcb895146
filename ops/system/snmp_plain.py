"""One device over SNMP v1 or v2c: values and walks, and what keeps a misbehaving agent from costing more than a few
packets.

Too big (said so, cut off, empty, or beyond a frame by far): smaller questions, remembered per device. Circles: a walk
ends at the first OID that does not increase. Silence: three tries with growing patience, four where it answered
before. Nothing goes on for ever: a GET has at most 64 packets, a walk 15 s (more for slow devices), 20,000 rows and
2,500 packets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from ops.errors import HostFailedError
from ops.system import snmp_wire as wire
from ops.system.ber import V1, V2C, BerError, Pdu
from ops.system.snmp_line import Address, Line
from ops.system.snmp_login import SnmpLogin
from ops.system.snmp_patience import Patience
from ops.system.snmp_wire import Held, Question

MOST_VARBINDS = 60  # in one GET: about 1,400 bytes of reply
MOST_PACKETS = 64  # of one GET, tries not counted
MOST_WALK_PACKETS = 2_500
REPETITIONS = 20  # rows of a GETBULK, where they fit
SIDE_BY_SIDE = 40  # values of a GETBULK for several columns
LARGEST_REPLY = 4_080  # bytes: a device that sends more is asked for less the next time
MOST_ROWS = 20_000


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


class TooBigError(Exception):
    """The agent cannot answer so much at once."""


class Plain:
    """Asks one thing at a time (a lock sees to it)."""

    def __init__(self, name: str, address: Address, login: SnmpLogin, tally: Tally, patience: Patience) -> None:
        self.name, self.address, self.tally, self.login = name, address, tally, login
        self.patience = patience
        self.most, self._repetitions = MOST_VARBINDS, REPETITIONS
        self.lacking: set[str] = set()  # what a v1 agent does not have: one such name fails a whole question
        self._lock = asyncio.Lock()

    def questions(self, oids: Sequence[str]) -> list[Question]:
        """The packets that ask for these, in their order."""
        asked = [oid for oid in dict.fromkeys(oids) if oid not in self.lacking]
        return [self._get(asked[at : at + self.most]) for at in range(0, len(asked), self.most)]

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        """Values by OID, in one packet up to 60 of them. What the device does not have is absent.

        HostFailedError when it stays silent through all tries, or answers nothing that can be used.
        """
        async with self._lock:
            found: dict[str, Held] = {}
            left = [oid for oid in dict.fromkeys(oids) if oid not in self.lacking]
            with Line() as line:
                for _ in range(MOST_PACKETS):
                    if not left:
                        break
                    left = await self._get_some(line, left, found)
            if left:
                raise HostFailedError(self.name, f"SNMP: not answered in {MOST_PACKETS} packets")
            return {oid: value for oid in oids if (value := found.get(oid)) is not None}

    async def walk(self, oid: str) -> Walk:
        """The whole subtree below `oid`. A walk that goes in circles is ended and keeps what came before."""
        async with self._lock:
            walk = _Walking(oid)
            with Line() as line:
                try:
                    async with asyncio.timeout(self.patience.walk):
                        await self._walk(line, walk)
                except TimeoutError:
                    walk.broken = f"not done in {self.patience.walk:g} s"
            return Walk(walk.rows, walk.broken)

    async def walks(self, oids: Sequence[str]) -> dict[str, Walk]:
        """Several columns side by side, so that short ones share their packets."""
        walks = [_Walking(oid) for oid in dict.fromkeys(oids)]
        async with self._lock:
            with Line() as line:
                try:
                    async with asyncio.timeout(self.patience.walk):
                        await self._together(line, walks)
                        for walk in walks:
                            await self._walk(line, walk)
                except TimeoutError:
                    for walk in walks:
                        walk.stop("" if walk.ended else f"not done in {self.patience.walk:g} s")
        return {walk.root: Walk(walk.rows, walk.broken) for walk in walks}

    def learned(self, seconds: float, size: int, varbinds: int) -> None:
        """An answer of `varbinds` values and `size` bytes took so long, counted from the first try."""
        self.patience.heard(seconds)
        if size > LARGEST_REPLY and varbinds > 1:
            self.most = min(self.most, max(1, varbinds * LARGEST_REPLY // (size + 1)))

    async def _get_some(self, line: Line, left: list[str], found: dict[str, Held]) -> list[str]:
        """Ask for as many as fit; what is left to be asked."""
        asked = left[: self.most]
        try:
            begin, raw = await self._answer(line, self._get(asked))
            if begin.status == wire.NO_ERROR:
                found.update(_by_name(asked, begin, raw))
                return left[len(asked) :]
        except (TooBigError, BerError):
            return self._halve(asked, left, found)
        return self._refused(asked, left, found, begin)

    def _halve(self, asked: list[str], left: list[str], found: dict[str, Held]) -> list[str]:
        if len(asked) > 1:
            self.most = len(asked) // 2
            return left
        if not found:
            self.most = MOST_VARBINDS  # it is not the size
            raise HostFailedError(self.name, "SNMP: answers with nothing, whatever is asked")
        return left[1:]

    def _refused(self, asked: list[str], left: list[str], found: dict[str, Held], begin: wire.Head) -> list[str]:
        """One name spoils the whole question (v1 noSuchName, genErr): go on without it."""
        if not 1 <= begin.place <= len(asked):
            return self._halve(asked, left, found)
        refused = asked[begin.place - 1]
        if self.login.version == "1" and begin.status == wire.NO_SUCH_NAME:
            self.lacking.add(refused)
        return [oid for oid in left if oid != refused]

    async def _answer(self, line: Line, question: Question) -> tuple[wire.Head, bytes]:
        """The reply to one packet, asked again while there is none. HostFailedError after the last try; TooBigError,
        BerError for what is no reply.
        """
        raw, asked = await line.reply(question, self.address, self.patience.waits, anywhere=self.login.anywhere)
        self.tally.packets += asked.tries
        self.tally.retries += asked.tries - 1
        if raw is None:
            self.patience.unheard()
            raise HostFailedError(self.name, f"SNMP: no answer in {asked.tries} tries")
        self.learned(monotonic() - asked.began, len(raw), len(question.oids))
        begin = wire.head(raw)
        if begin.status == wire.TOO_BIG:
            raise TooBigError
        return begin, raw

    async def _walk(self, line: Line, walk: _Walking) -> None:
        for _ in range(MOST_WALK_PACKETS):
            if walk.ended:
                return
            try:
                begin, raw = await self._answer(line, self._next(walk.last))
                rows = wire.pairs(raw, begin)
            except (TooBigError, BerError):
                if self._repetitions == 1:
                    walk.stop("the agent answers nothing that fits")
                self._repetitions = max(1, self._repetitions // 4)
                continue
            if len(raw) > LARGEST_REPLY:
                self._repetitions = max(1, self._repetitions * LARGEST_REPLY // len(raw))
            if begin.status != wire.NO_ERROR:  # v1's way to say that there is no more
                walk.stop("" if begin.status == wire.NO_SUCH_NAME else f"error-status {begin.status}")
            else:
                walk.take(rows)
        walk.stop(f"not done in {MOST_WALK_PACKETS} packets")

    async def _together(self, line: Line, walks: Sequence[_Walking]) -> None:
        """One GETBULK for all that have not ended, again and again; what goes wrong is left to be walked alone."""
        most = self.most  # says how many values of a GET fit, which rows of a GETBULK must not teach
        for _ in range(MOST_WALK_PACKETS):
            left = [walk for walk in walks if not walk.ended]
            if len(left) < 2 or self.login.version == "1":  # noqa: PLR2004 # alone it is an ordinary walk
                return
            names, rows = [walk.last for walk in left], max(1, SIDE_BY_SIDE // len(left))
            try:
                question = wire.question(Pdu.GET_BULK, V2C, self.login.community, names, rows)
                begin, raw = await self._answer(line, question)
                found = wire.pairs(raw, begin)
            except (TooBigError, BerError):
                return
            finally:
                self.most = most
            if begin.status != wire.NO_ERROR or not found:
                return
            for at, walk in enumerate(left[: len(found)]):
                walk.take(found[at :: len(left)])

    def _get(self, oids: Sequence[str]) -> Question:
        return wire.question(Pdu.GET, self._version, self.login.community, oids)

    def _next(self, oid: str) -> Question:
        if self.login.version == "1":
            return wire.question(Pdu.GET_NEXT, V1, self.login.community, [oid])
        return wire.question(Pdu.GET_BULK, V2C, self.login.community, [oid], self._repetitions)

    @property
    def _version(self) -> int:
        return V1 if self.login.version == "1" else V2C


class _Walking:
    """How far a walk of the subtree `root` has come."""

    def __init__(self, root: str) -> None:
        self.rows: dict[str, Held] = {}
        self.root, self.last, self.broken, self.ended = root, root, "", False
        self._root = self._before = tuple(int(step) for step in root.split("."))

    def take(self, rows: Sequence[tuple[bytes, Held]]) -> None:
        if not rows:
            self.stop("an answer without any row")
        for name, value in rows:
            place = wire.steps(name)
            if place[: len(self._root)] != self._root:
                self.ended = True
            elif place <= self._before:
                # the end of the MIB is said with the name that was asked
                self.stop("" if value is None else f"OIDs do not increase at {_dotted(place)}")
            elif len(self.rows) >= MOST_ROWS:
                self.stop(f"more than {MOST_ROWS} rows")
            else:
                self.last, self._before = _dotted(place), place
                self.rows[self.last] = value
                continue
            return

    def stop(self, why: str) -> None:
        self.ended = True
        self.broken = self.broken or why


def _dotted(place: Sequence[int]) -> str:
    return ".".join(map(str, place))


def _by_name(asked: Sequence[str], begin: wire.Head, raw: bytes) -> dict[str, Held]:
    """Values of the names that were asked. TooBigError for an answer without any."""
    values = wire.pairs(raw, begin)
    if not values:
        raise TooBigError
    said = dict(values)
    return {oid: said[name] for oid in asked if (name := wire.name(oid)) in said}
