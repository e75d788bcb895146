"""Settings that every router of ours has: port descriptions, SNMP for the station only, syslog, a user for backups.

Looked at and changed on demand (job `router-settings`), with the same care as a contract: the configuration is kept
first, the device takes a change back unless a new login saw it, nothing after a refused line, read back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.catalogue.device import Device, Setting, SettingName, device
from ops.errors import OpsError
from ops.inventory.model import Opd, Router
from ops.system.device_cli import DeviceCli, device_cli
from ops.targets import router_backup, router_guard
from ops.targets.router_queue import AT_ONCE, _login, _why
from ops.world import World

__all__ = ["AT_ONCE", "Settled", "Wish", "look", "settle", "wishes"]

SECRET = {"community", "password"}  # fields that are never shown
_SAFE = re.compile(r"[^\w .,:/@()+-]")  # what no vendor's command line gives a meaning to


@dataclass(frozen=True)
class Wish:
    """One setting and its values; those of `SECRET` in clear, so it is shown to nobody."""

    setting: SettingName
    values: Mapping[str, str]


@dataclass(frozen=True)
class Settled:
    """What came of one router. `differs`: what is (or was, when it was changed) not as it should be, in words."""

    router: str
    opd: str
    differs: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  # settings that its profile has no words for
    changed: bool = False
    error: str = ""


def wishes(world: World, opd: Opd, router: Router, syslog: str = "", user: str = "") -> list[Wish]:
    """What follows from the declarations for one router; syslog and the backup user only where they are named."""
    region = world.region
    station = str(region.station.address)
    site = next((site.address for site in opd.sites if site.name == router.site), opd.name)
    found = [
        Wish("description", {"ifname": link.ifname, "text": _plain(f"kominfo {opd.code}.{link.name} {link.drop.node}")})
        for link in opd.links
        if link.router == router.name
    ]
    community = world.secrets.get(region.access.snmp_secret)
    found.append(
        Wish(
            "snmp",
            {"community": community, "station": station, "location": _plain(site), "contact": _plain(region.name)},
        )
    )
    if syslog:
        found.append(Wish("syslog", {"syslog": syslog}))
    if user:
        password = world.secrets.get(f"router/{user}")
        found.append(Wish("backup_user", {"user": user, "password": password, "station": station}))
    return found


def look(world: World, opd: Opd, router: Router, wanted: Sequence[Wish]) -> Settled:
    """What differs; nothing is changed. The caller stands in the world's network."""
    profile = device(router.model)
    known, unknown = _known(profile, wanted)
    try:
        with device_cli(_login(world, router.name, profile)) as cli:
            return Settled(router.name, opd.code, _differs(cli, profile, known), unknown)
    except OpsError as error:
        return Settled(router.name, opd.code, unknown=unknown, error=_why(world, error))


def settle(world: World, opd: Opd, router: Router, wanted: Sequence[Wish]) -> Settled:
    """Change what differs, then let a new login read it back. The caller stands in the world's network."""
    profile = device(router.model)
    known, unknown = _known(profile, wanted)
    differs: tuple[str, ...] = ()
    login, promise = _login(world, router.name, profile), ""
    try:
        with device_cli(login) as cli:
            wrong = [wish for wish in known if _difference(cli, profile, wish)]
            differs = _differs(cli, profile, wrong)
            if not wrong:
                return Settled(router.name, opd.code, (), unknown)
            router_backup.keep(world, router.name, cli, profile)
            router_guard.arm(router.name, cli, profile)
            promise = f"; {router_guard.promise(profile)}"
            refused = next((said for wish in wrong if (said := _set(cli, profile, wish))), "")
        with device_cli(login) as cli:
            left = _differs(cli, profile, wrong)
            router_guard.disarm(router.name, cli, profile)
    except OpsError as error:
        return Settled(router.name, opd.code, differs, unknown, error=_why(world, error) + promise)
    wrongly = f"the device refused {refused}" if refused else _still(left)
    return Settled(router.name, opd.code, differs, unknown, changed=True, error=world.secrets.scrub(wrongly))


def _known(profile: Device, wanted: Sequence[Wish]) -> tuple[list[Wish], tuple[str, ...]]:
    """Those that the profile has words for, and the names of the others."""
    known = [wish for wish in wanted if wish.setting in profile.settings]
    return known, tuple(sorted({wish.setting for wish in wanted} - {wish.setting for wish in known}))


def _set(cli: DeviceCli, profile: Device, wish: Wish) -> str:
    lines = [line.format(**wish.values) for line in _of(profile, wish).set]
    return cli.push(lines, profile.queue.error, config_mode=profile.queue.config_mode)


def _differs(cli: DeviceCli, profile: Device, wanted: Sequence[Wish]) -> tuple[str, ...]:
    return tuple(found for wish in wanted if (found := _difference(cli, profile, wish)))


def _difference(cli: DeviceCli, profile: Device, wish: Wish) -> str:
    """In words, without secrets; "" when one of what the device tells is all as it should be."""
    setting = _of(profile, wish)
    told = [found.groupdict() for found in re.finditer(setting.parse, cli.ask(setting.read))]
    wrong = [sorted(name for name, value in one.items() if value != wish.values[name]) for one in told]
    if [] in wrong:
        return ""
    shown = ", ".join(f"{name} {value}" for name, value in wish.values.items() if name not in SECRET)
    fewest = min((len(names) for names in wrong), default=0)
    fields = ", ".join(next((names for names in wrong if len(names) == fewest), ["missing"]))
    return f"{wish.setting} ({fields}): should be {shown}"


def _of(profile: Device, wish: Wish) -> Setting:
    return profile.settings[wish.setting]


def _still(left: Sequence[str]) -> str:
    return f"the device accepted it but holds something else: {'; '.join(left)}" if left else ""


def _plain(text: str) -> str:
    """Words of people without signs that a command line would take for its own."""
    return re.sub(r"\s+", " ", _SAFE.sub("", text)).strip()
