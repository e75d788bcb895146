"""`ops discover`: what would be collected from a device, and why; live, or from a recording of one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.cli.common import world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from exporters.discovery import Discovered
    from ops.inventory.model import BackboneDevice, Router
    from ops.world import World

HELP = "what would be collected from a device, and why"
EPILOG = """examples:
  ops discover dinkes-rtr1                             a router of the inventory, over SNMP
  ops discover 10.40.1.1 -i inventories/batubara       any address, with the inventory's community
  ops discover --recording walk.snmprec --json         a recording (ops record), whoever made it"""
WRITE_ONE = """This device gets IF-MIB only (ports, state, counters). For its optical figures write a profile of it,
ops/catalogue/devices/<vendor_os>.yml: docs/devices.md explains it. Begin with `ops record` of the device."""


_SHORT = {
    "receive_power_dbm": "light received",
    "transmit_power_dbm": "sent",
    "temperature_celsius": "°C",
    "voltage_volts": "V",
    "bias_amperes": "mA",
    "rx_loss": "loss flag",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", nargs="?", help="router or device of the inventory by its name, or an address")
    parser.add_argument("--recording", type=Path, metavar="FILE", help="look at a .snmprec recording instead")
    parser.add_argument("--model", default="", help="use this device profile, whatever the device says of itself")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from exporters.light import report  # noqa: PLC0415 # profiles of every vendor: 0.2 s

    if bool(args.host) == bool(args.recording):
        raise UsageError("discover: a host or --recording FILE is wanted", EPILOG.splitlines()[1].strip())
    found = _recorded(args, screen) if args.recording else _live(world_of(args), args)
    told = report(found)
    screen.data(told)
    _show(found, told, screen)
    return 0


def _recorded(args: argparse.Namespace, screen: Screen) -> Discovered:
    import asyncio  # noqa: PLC0415

    from exporters.discovery import discover  # noqa: PLC0415
    from ops.system.snmprec import read  # noqa: PLC0415

    recording = read(args.recording)
    if recording.wrong:
        others = len(recording.wrong) - 1
        more = f" (and {others} more such line{'s' * (others > 1)})" if others else ""
        screen.note(f"{recording.wrong[0]}{more}; left out")
    return asyncio.run(discover(recording, model=args.model))


def _live(world: World, args: argparse.Namespace) -> Discovered:
    import asyncio  # noqa: PLC0415

    from exporters.discovery import discover  # noqa: PLC0415

    return asyncio.run(discover(snmp_of(world, args.host)[0], model=args.model))


def snmp_of(world: World, host: str) -> tuple[Any, tuple[str, ...]]:
    """The door to a router or backbone device of the inventory, by name or address, or to any other address as the
    region's are asked; and the secrets that opened it."""
    from exporters.logins import login, secret_words  # noqa: PLC0415
    from ops.catalogue.device import device  # noqa: PLC0415
    from ops.inventory.watched import addressed  # noqa: PLC0415
    from ops.system.snmp import SnmpDevice  # noqa: PLC0415 # SNMP: 0.1 s

    region = world.region
    routers: list[Router | BackboneDevice] = [
        *(router for opd in region.opds for router in opd.routers),
        *addressed(region).values(),
    ]
    router = next((one for one in routers if host in (one.name, str(one.address))), None)
    address, port = world.reach(str(router.address) if router else host, 161)
    way = login(router, region.access, world.secrets)
    patience = device(router.model).patience if router else 0.0
    return SnmpDevice(host, address, way, port, patience=patience), secret_words(way)


def _show(found: Discovered, told: dict[str, Any], screen: Screen) -> None:
    device = told["device"]
    screen.say(f"{device['name'] or '(no name)'}: {device['title'] or 'unknown device'} — {device['why']}")
    screen.say(f"  {device['description'].splitlines()[0] if device['description'] else '(no sysDescr)'}")
    if not device["model"]:
        screen.say(WRITE_ONE)
    elif device["unverified"]:
        screen.say(
            "  The profile's rules come from documents; they were never compared with a real device's recording."
        )
    if device["broken"]:
        screen.say(f"  A walk was cut short: {device['broken']}")
    ports = [
        (one["ifindex"], one["ifname"], one["ifalias"], one["oper"], _rate(one["speed_bps"]), _why(found, one))
        for one in told["ports"]
    ]
    screen.table(("ifIndex", "port", "alias", "state", "speed", "collected"), ports)
    if told["optics"] or told["dark"]:
        light = [_light(one) for one in (*told["optics"], *told["dark"])]
        screen.table(("port", "lane", "ONU", "direction", "dBm", "alarm below", "warning below"), light)


def _why(found: Discovered, port: dict[str, Any]) -> str:
    """What of a port is collected."""
    optics = {sensor.optic for sensor in found.of_port(port["ifindex"])}
    octets = ["octets"] if port["in_octets"] is not None else []
    return ", ".join(["state", *octets, *(short for optic, short in _SHORT.items() if optic in optics)])


def _light(one: dict[str, Any]) -> Sequence[str]:
    dbm = "no light" if one["dbm"] is None else f"{one['dbm']:.2f}"
    limits = (one.get(name) for name in ("low_alarm_dbm", "low_warning_dbm"))
    onu = f"{one['onu']} at the OLT" if one["side"] == "olt" else one["onu"]
    told = ("" if dbm_ is None else f"{dbm_:.2f}" for dbm_ in limits)
    return one["port"], one["lane"] or "", onu or "", one["direction"], dbm, *told


def _rate(bits: int | None) -> str:
    return "" if not bits else f"{bits / 1e9:g}G" if bits >= 1e9 else f"{bits / 1e6:g}M"  # noqa: PLR2004 # giga
