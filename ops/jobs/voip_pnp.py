"""Answer the telephones of one office that ask by SIP PnP: for the engineer who stands there with a laptop.

Each is told its own address, and that alone: the token leaves in the NOTIFY and is in no event, log or result.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address
from typing import Any

from ops.catalogue.provisioning import Origin, devices, origin, token
from ops.errors import OpsError, UsageError
from ops.inventory.model import Opd
from ops.jobs.call_test import desk
from ops.progress import Event, Progress, State, silent
from ops.system.sip.place import Place, towards
from ops.system.sip.pnp import Asked
from ops.system.sip.pnp_answerer import Answerer
from ops.world import World

_WORDS = {
    "told": (State.OK, "was told its address"),
    "deaf": (State.FAILED, "was answered, and did not acknowledge it"),
    "would": (State.OK, "would be told its address"),
    "stranger": (State.FAILED, "is not declared in this office, and gets no answer"),
}


def answer(
    world: World,
    code: str,
    seconds: float,
    place: Place | None = None,
    *,
    dry: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Whoever asked within `seconds`, by what became of it: told, deaf, would, stranger → MACs; `declared`: MAC → the
    address that it is told, without its token. OpsError when the office has no telephone; UsageError when this machine
    stands outside of its network (unless `place` says where)."""
    opd, web = world.region.opd(code), origin(world.region)
    macs = [mac for mac, _, _ in devices(opd)]
    if not web or not macs:
        raise OpsError(f"{opd.code} has no telephone that fetches a file", "declare one with model and mac, and apply")
    shown = {mac: f"{web.url}<token of {mac}>/" for mac in macs}
    known = shown if dry else _addresses(world, web, macs)
    found: dict[str, list[str]] = {what: [] for what in _WORDS}

    def tell(what: str, who: Asked) -> None:
        found[what].append(who.mac)
        state, said = _WORDS[what]
        progress(Event("pnp", who.mac, state, f"{said} {who.vendor} {who.model}".strip()))

    asyncio.run(_for(seconds, Answerer(place or _here(world, opd), known, tell, dry=dry)))
    return {"opd": code, "dry": dry, "declared": shown, **{what: sorted(macs) for what, macs in found.items()}}


def _addresses(world: World, web: Origin, macs: list[str]) -> dict[str, str]:
    """With their tokens. OpsError when nothing was applied yet: the web server would answer 404."""
    fresh = [mac for mac in macs if not world.secrets.knows(f"provision/{mac}")]
    if fresh:
        raise OpsError(f"nothing was applied for {fresh[0]} yet", "ops plan, ops apply: its file has no address so far")
    return {mac: world.secrets.expand(f"{web.url}{token(mac)}/") for mac in macs}


def _here(world: World, opd: Opd) -> Place:
    if world.station:
        return desk(world, opd)
    lans = [link.lan for link in opd.links]
    for lan in lans:
        mine = towards((str(lan.network_address + 1), 9))
        if IPv4Address(mine) in lan:
            return Place(mine)
    told = ", ".join(str(lan) for lan in lans) or "none"
    raise UsageError(
        f"this machine stands in no network of {opd.code} ({told})",
        "stand in the telephones' network, or name your own address there with --address",
    )


async def _for(seconds: float, answerer: Answerer) -> None:
    async with answerer:
        await asyncio.sleep(seconds)
