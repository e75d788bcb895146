"""A real call as proof: two telephones in two offices' networks, a tone each way, and how well both arrived.

In a twin each telephone stands in its office's own network, so the call crosses the office's link like any other. At
the regency itself the station calls an office's test extension, which sends back what it hears: an INVITE with a
digest needs no registration, so no real telephone loses its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from ops.errors import OpsError
from ops.inventory.model import Opd, Phone, Region
from ops.progress import Event, Progress, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.system import netns
from ops.system.sip.agent import Agent, Call
from ops.system.sip.media import Heard
from ops.system.sip.place import Account, Place, towards
from ops.world import World

CALLER_HZ, CALLEE_HZ = 1000, 600  # both whole multiples of the measure's 5 Hz
PHONE_HOST = 50  # the host of an office's LAN that its twin's telephones stand on
SIP_PORT = 5060
PACKETS_A_SECOND = 50
LOUD_DB, APART_DB = -30.0, 10.0  # the tone's least level, and how far it must stand above the other one
LOSS_SHARE, MISSING_SHARE = 0.01, 0.2  # the first packets may come while the other side still opens
STEP = "call test"


@dataclass(frozen=True, slots=True)
class Way:
    """One direction. Packets, milliseconds, Hz; levels in dB below full scale: of the tone sent, and of the other."""

    sent: int
    received: int
    lost: int
    jitter_ms: float
    tone_hz: int
    level_db: float
    other_db: float

    def faults(self, seconds: float) -> list[str]:
        """What is wrong with it; nothing when it is fit for speech."""
        found = []
        if self.received < seconds * PACKETS_A_SECOND * (1 - MISSING_SHARE):
            found.append(f"only {self.received} packets in {seconds:g} s")
        if self.lost > self.received * LOSS_SHARE:
            found.append(f"{self.lost} packets lost")
        if self.level_db < LOUD_DB:
            found.append(f"tone of {self.tone_hz} Hz not heard ({self.level_db:g} dB)")
        elif self.level_db - self.other_db < APART_DB:
            found.append(f"tone of {self.tone_hz} Hz not clear of the other")
        return found


@dataclass(frozen=True, slots=True)
class CallReport:
    """What one test call showed. `there`: caller to callee, `back`: callee to caller (the echo of a test extension)."""

    from_opd: str
    to_opd: str
    caller: str
    callee: str
    seconds: float
    register_ms: float
    setup_ms: float
    there: Way | None
    back: Way
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def _scope(_world: World, args: Args) -> Scope:
    """The two offices' telephones: two calls at once would answer each other."""
    opds = (str(args["from_opd"]), str(args["to_opd"]))
    return Scope(opds, (), tuple(f"telephones:{opd}" for opd in sorted(set(opds))))


@job(
    "call-test",
    "place a test call between two offices",
    scope=_scope,
    takes=("from_opd", "to_opd", "seconds"),
    timeout=600.0,
    attempts=2,
)
def CALL_TEST(run: Inside) -> Verdict:
    args = run.args
    report = call_test(
        run.world, str(args["from_opd"]), str(args["to_opd"]), float(args.get("seconds", 4)), run.progress
    )
    for opd in (report.from_opd, report.to_opd):
        run.subject("opd", opd, "ok" if report.ok else "failed", "; ".join(report.faults))
    return Verdict(report.as_dict(), None if report.ok else OpsError(f"the call was bad: {'; '.join(report.faults)}"))


def call_test(world: World, from_opd: str, to_opd: str, seconds: float, progress: Progress) -> CallReport:
    """Place the call and measure it. OpsError when it cannot be placed; what was heard badly stands in `faults`."""
    world.need_servers()
    region = world.region
    caller, callee = _office(region, from_opd), _office(region, to_opd)
    if world.station:
        names = (_first_telephone(caller).number, _first_telephone(callee).number)
        progress(Event(STEP, "", State.RUNNING, f"{names[0]} ({from_opd}) calls {names[1]} ({to_opd})"))
        first = Agent(_account(world, names[0]), _desk(world, caller), CALLER_HZ)
        second = Agent(_account(world, names[1]), _desk(world, callee), CALLEE_HZ)
        work = between(first, second, seconds, (from_opd, to_opd))
    else:
        names = (_first_telephone(caller).number, _test_extension(callee).number)
        progress(Event(STEP, "", State.RUNNING, f"station, as {names[0]}, calls test extension {names[1]} ({to_opd})"))
        account = _account(world, names[0])
        first = Agent(account, Place(towards(account.server)), CALLER_HZ)
        work = echoed(first, names[1], seconds, (from_opd, to_opd))
    try:
        report = asyncio.run(work)
    except OpsError as error:
        _keep(world, (from_opd, to_opd), {"ok": False, "faults": [error.what]})
        raise
    _keep(world, (from_opd, to_opd), report.as_dict())
    text = f"answered in {report.setup_ms:g} ms, heard {report.back.level_db:g} dB"
    progress(Event(STEP, "", State.OK if report.ok else State.FAILED, text if report.ok else "; ".join(report.faults)))
    return report


async def between(caller: Agent, callee: Agent, seconds: float, offices: tuple[str, str]) -> CallReport:
    """Both register, one calls the other, both send their tone for `seconds`; then hang up and unregister."""
    async with caller, callee:
        took = max(await caller.register(), await callee.register())
        call = await caller.call(callee.account.number)
        answered = await _incoming(callee)
        await asyncio.sleep(seconds)
        here, there = call.media.heard(CALLER_HZ, CALLEE_HZ), answered.media.heard(CALLER_HZ, CALLEE_HZ)
        await caller.hang_up(call)
        hung_up = await _ended(answered.ended)
        await caller.register(0)
        await callee.register(0)
    way_there = _way(here.sent, there, CALLER_HZ, CALLEE_HZ)
    back = _way(there.sent, here, CALLEE_HZ, CALLER_HZ)
    faults = [f"{offices[1]} hears {offices[0]}: {fault}" for fault in way_there.faults(seconds)]
    faults += [f"{offices[0]} hears {offices[1]}: {fault}" for fault in back.faults(seconds)]
    faults += [] if hung_up else ["the other side was never told that the call is over"]
    numbers = (caller.account.number, callee.account.number)
    return CallReport(*offices, *numbers, seconds, round(took, 1), call.setup_ms, way_there, back, tuple(faults))


async def echoed(caller: Agent, number: str, seconds: float, offices: tuple[str, str]) -> CallReport:
    """Call a test extension and hear one's own tone come back."""
    async with caller:
        call = await caller.call(number)
        await asyncio.sleep(seconds + 0.5)  # it greets with its own tone for half a second
        heard = call.media.heard(CALLER_HZ, CALLEE_HZ)
        await caller.hang_up(call)
    back = _way(heard.sent, heard, CALLER_HZ, CALLEE_HZ)
    faults = tuple(f"echo: {fault}" for fault in back.faults(seconds))
    return CallReport(*offices, caller.account.number, number, seconds, 0.0, call.setup_ms, None, back, faults)


def _keep(world: World, offices: tuple[str, str], found: dict[str, Any]) -> None:
    """Leave the last result of these two offices to the exporter: `<state>/calls/<from>.<to>.json`."""
    folder = world.state / "calls"
    fresh = folder / f".{offices[0]}.{offices[1]}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps({**found, "at": time.time(), "from_opd": offices[0], "to_opd": offices[1]}) + "\n")
        fresh.replace(folder / f"{offices[0]}.{offices[1]}.json")
    except OSError as error:
        raise OpsError(f"{folder}: the result can not be kept: {error.strerror}") from None


async def _incoming(callee: Agent) -> Call:
    """The call as it reached the callee. OpsError when somebody else answered: nothing would be proven."""
    try:
        return await asyncio.wait_for(callee.incoming.get(), 2)
    except TimeoutError:
        number = callee.account.number
        raise OpsError(
            f"the call was answered, but not by {number}", "is another telephone registered there?"
        ) from None


async def _ended(ended: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(ended.wait(), 2)
    except TimeoutError:
        return False
    return True


def _way(sent: int, heard: Heard, tone: int, other: int) -> Way:
    return Way(sent, heard.received, heard.lost, heard.jitter_ms, tone, heard.levels[tone], heard.levels[other])


def _office(region: Region, code: str) -> Opd:
    try:
        return region.opd(code)
    except KeyError:
        raise OpsError(f"no office {code} in the inventory", "ops check lists the offices' files") from None


def _first_telephone(opd: Opd) -> Phone:
    for phone in opd.phones.extensions if opd.phones else ():
        if phone.mac:
            return phone
    raise OpsError(f"{opd.code} has no telephone with a MAC address", "declare one below phones.extensions")


def _test_extension(opd: Opd) -> Phone:
    for phone in opd.phones.extensions if opd.phones else ():
        if phone.place == "test":
            return phone
    raise OpsError(f"{opd.code} has no test extension", "declare an extension with `place: test`")


def _account(world: World, number: str) -> Account:
    region = world.region
    server = (str(region.server(region.numbering.pbx).address), SIP_PORT)
    return Account(number, world.secrets.get(f"voip/{number}"), region.domain, server)


def _desk(world: World, opd: Opd) -> Place:
    """Where an office's telephones stand in a twin: a host of its LAN, in the network namespace of that LAN."""
    if not opd.links:
        raise OpsError(f"{opd.code} has no link: it cannot telephone")
    space = f"{(world.station or '').rpartition('.')[0]}.{opd.code}.lan"
    if not (netns.RUN / space).exists():
        raise OpsError(f"{opd.code} is not in this twin", f"ops twin up --opd {opd.code} (beside the others)")
    return Place(str(opd.links[0].lan.network_address + PHONE_HOST), space)
