"""A real call as proof: two telephones in two offices' networks, a tone each way, and how well both arrived.

In a twin each telephone stands in its office's own network, so the call crosses the office's link like any other. At
the regency itself the station calls an office's test extension, which sends back what it hears: an INVITE with a
digest needs no registration, so no real telephone loses its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.inventory.model import Opd, Phone, Region
from ops.jobs.call_exchange import account, named, stood_in
from ops.jobs.call_report import CallReport, Way, mos
from ops.progress import Event, Progress, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.system import netns
from ops.system.sip.agent import Agent, Call
from ops.system.sip.media import Heard
from ops.system.sip.place import Place, towards
from ops.world import World

CALLER_HZ, CALLEE_HZ = 1000, 600  # both whole multiples of the measure's 5 Hz
PHONE_HOST = 50  # the host of an office's LAN that its twin's telephones stand on
STEP = "call test"
AT_ONCE = 16  # calls side by side: each is some hundred packets a second that this machine sends, hears and measures


def _scope(world: World, args: Args) -> Scope:
    """The offices' telephones: two calls at once would answer each other."""
    one = tuple(str(args[name]) for name in ("from_opd", "to_opd") if args.get(name))
    opds = one or tuple(opd.code for opd in world.region.opds if opd.phones)
    return Scope(opds, (), tuple(f"telephones:{opd}" for opd in sorted(set(opds))))


@job(
    "call-test",
    "place a test call between two offices, or calls that reach every office",
    scope=_scope,
    takes=("from_opd", "to_opd", "seconds"),
    timeout=600.0,
    attempts=2,
)
def CALL_TEST(run: Inside) -> Verdict:
    seconds = float(run.args.get("seconds", 4))
    if run.args.get("from_opd"):
        found = call_test(run.world, str(run.args["from_opd"]), str(run.args["to_opd"]), seconds, run.progress)
        result, calls = found.as_dict(), [found.as_dict()]
    else:
        calls = call_all(run.world, seconds, run.progress)
        result = {"ok": all(one["ok"] for one in calls), "calls": calls}
    for one in calls:
        for opd in {one["from_opd"], one["to_opd"]}:
            run.subject("opd", opd, "ok" if one["ok"] else "failed", "; ".join(one["faults"]))
    faults = [fault for one in calls for fault in one["faults"]]
    what = f"{sum(not one['ok'] for one in calls)} of {len(calls)} calls were bad: {'; '.join(faults[:3])}"
    return Verdict(
        result, OpsError(what if len(calls) > 1 else f"the call was bad: {'; '.join(faults)}") if faults else None
    )


def call_test(world: World, from_opd: str, to_opd: str, seconds: float, progress: Progress) -> CallReport:
    """Place the call and measure it. OpsError when it cannot be placed; what was heard badly stands in `faults`."""
    world.need_servers()
    return asyncio.run(_one(world, (_office(world.region, from_opd), _office(world.region, to_opd)), seconds, progress))


def call_all(world: World, seconds: float, progress: Progress) -> list[dict[str, Any]]:
    """Calls side by side that reach every office once. What cannot be placed stands among them with its fault.

    One that was carried and heard badly is placed once more, alone: so many at once may have been too much for us.
    """
    world.need_servers()

    async def all_of_them() -> list[dict[str, Any]]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(pair: tuple[Opd, Opd]) -> dict[str, Any]:
            async with gate:
                try:
                    return (await _one(world, pair, seconds, progress)).as_dict()
                except OpsError as error:
                    progress(Event(STEP, f"{pair[0].code} → {pair[1].code}", State.FAILED, error.what))
                    return {"from_opd": pair[0].code, "to_opd": pair[1].code, "ok": False, "faults": [error.what]}

        offices = list(pairs(world))
        found = await asyncio.gather(*(one(pair) for pair in offices))
        for at, pair in enumerate(offices):
            if not found[at]["ok"] and "back" in found[at]:
                found[at] = await one(pair)
        # the last of an odd number is called by one that is free again
        return [*found, *[await one(pair) for pair in pairs(world, odd=True)]]

    return asyncio.run(all_of_them())


def pairs(world: World, *, odd: bool = False) -> Iterator[tuple[Opd, Opd]]:
    """Who calls whom so that every office with telephones is reached. At the regency every office hears itself.

    In a twin a telephone does one thing at a time, so the offices in it go in pairs; `odd`: who has no partner, with
    the first one.
    """
    offices = [
        opd for opd in world.region.opds if opd.phones and (world.station is None or _space(world, opd).exists())
    ]
    if world.station is None:
        yield from () if odd else ((opd, opd) for opd in offices)
    elif odd:
        yield from [(offices[-1], offices[0])] if len(offices) % 2 and len(offices) > 1 else []
    else:
        yield from zip(offices[::2], offices[1::2], strict=False)


async def _one(world: World, offices: tuple[Opd, Opd], seconds: float, progress: Progress) -> CallReport:
    caller, callee = offices
    codes = (caller.code, callee.code)
    who = f"{caller.code} → {callee.code}"
    try:
        report = await _work(world, caller, callee, seconds)
    except OpsError as error:
        _keep(world, codes, {"ok": False, "faults": [error.what]})
        raise
    report = named(world.region, report)
    _keep(world, codes, report.as_dict())
    text = f"answered in {report.setup_ms:g} ms, heard {report.back.level_db:g} dB, MOS {report.mos:g}"
    text += "" if report.reach == "office" else ", as far as the exchange"
    text += stood_in(world.region, report.exchange)
    progress(Event(STEP, who, State.OK if report.ok else State.FAILED, text if report.ok else "; ".join(report.faults)))
    return report


def _work(world: World, caller: Opd, callee: Opd, seconds: float) -> Coroutine[Any, Any, CallReport]:
    """In a twin two telephones; at the regency the station, as the caller's, and the other's test extension."""
    codes, number = (caller.code, callee.code), _first_telephone(caller).number
    if world.station:
        first = Agent(account(world, number), desk(world, caller), CALLER_HZ)
        second = Agent(account(world, _first_telephone(callee).number), desk(world, callee), CALLEE_HZ)
        return between(first, second, seconds, codes)
    test = _test_extension(callee).number
    known = account(world, number)
    return echoed(Agent(known, Place(towards(known.server)), CALLER_HZ), test, seconds, codes)


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
    numbers, by = (caller.account.number, callee.account.number), caller.account.server[0]
    return CallReport(*offices, *numbers, seconds, round(took, 1), call.setup_ms, way_there, back, tuple(faults), by)


async def echoed(caller: Agent, number: str, seconds: float, offices: tuple[str, str]) -> CallReport:
    """Call a test extension and hear one's own tone come back."""
    async with caller:
        call = await caller.call(number)
        await asyncio.sleep(seconds + 0.5)  # it greets with its own tone for half a second
        heard = call.media.heard(CALLER_HZ, CALLEE_HZ)
        await caller.hang_up(call)
    back = _way(heard.sent, heard, CALLER_HZ, CALLEE_HZ)
    faults = tuple(f"echo: {fault}" for fault in back.faults(seconds))
    numbers, by = (caller.account.number, number), caller.account.server[0]
    return CallReport(*offices, *numbers, seconds, 0.0, call.setup_ms, None, back, faults, by)


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
    share = heard.lost / max(1, heard.lost + heard.received) if heard.received else 1.0
    levels = heard.levels
    return Way(
        sent,
        heard.received,
        heard.lost,
        heard.jitter_ms,
        tone,
        levels[tone],
        levels[other],
        mos(share, heard.jitter_ms),
    )


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


def desk(world: World, opd: Opd) -> Place:
    """Where an office's telephones stand in a twin: a host of its LAN, in the network namespace of that LAN."""
    if not opd.links:
        raise OpsError(f"{opd.code} has no link: it cannot telephone")
    space = _space(world, opd)
    if not space.exists():
        raise OpsError(f"{opd.code} is not in this twin", f"ops twin up --opd {opd.code} (beside the others)")
    return Place(str(opd.links[0].lan.network_address + PHONE_HOST), space.name)


def _space(world: World, opd: Opd) -> Path:
    return netns.RUN / f"{(world.station or '').rpartition('.')[0]}.{opd.code}.lan"
