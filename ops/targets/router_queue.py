"""Bandwidth contracts as queues on the offices' routers, over SSH. Every router is asked on its own and fails alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TypeVar

from ops.catalogue.device import Device, device
from ops.errors import HostFailedError, OpsError
from ops.inventory.model import Region
from ops.plan.change import Artifact, Change, Result
from ops.progress import Event, Progress, State
from ops.system.device_cli import REFUSED, DeviceCli, DeviceLogin, device_cli
from ops.targets import router_backup, router_guard
from ops.targets.contract import Applier, Reading
from ops.world import World

KIND = "router-queue"
SSH = 22
AT_ONCE = 24  # logins mostly wait, but their key exchange costs this machine 50 ms each and must end within 15 s
_FIELDS = ("download", "ifname", "lan", "upload")

Queues = dict[str, dict[str, str]]  # `<opd>.<link>` → the fields above, rates in bit/s
Answer = TypeVar("Answer")


class RouterQueues:
    """Sets, changes and removes queues, router by router."""

    name = "router-queue"

    def apply(self, world: World, changes: Sequence[Change], progress: Progress) -> list[Result]:
        ordered = sorted(changes, key=lambda change: (change.host, change.key))
        by_router = {router: list(found) for router, found in groupby(ordered, key=lambda change: change.host)}

        def work(router: str) -> list[Result]:
            results = _change(world, router, by_router[router])
            wrong = next((result.error for result in results if result.error), "")
            text = wrong or f"{len(results)} queue(s)"
            progress(Event("router queue", router, State.FAILED if wrong else State.CHANGED, text))
            return results

        return [result for results in _each(world, list(by_router), work) for result in results]


class RouterQueueTarget:
    kind = KIND
    applier: Applier = RouterQueues()

    def read(self, world: World, wanted: Sequence[Artifact], opds: Sequence[str] = ()) -> Reading:  # noqa: ARG002
        """The suite's queues on every declared router of these offices (all), also those that nothing wants there."""
        models = _models(world.region)
        asked = [router.name for opd in world.region.opds if not opds or opd.code in opds for router in opd.routers]

        def look(router: str) -> tuple[str, Queues, str]:
            try:
                with device_cli(_login(world, router, device(models[router][1]))) as cli:
                    return router, _read(cli, device(models[router][1])), ""
            except OpsError as error:
                return router, {}, _why(world, error)

        reading = Reading()
        for router, queues, error in _each(world, asked, look):
            if error:
                reading.failed[router] = error
            for name, fields in queues.items():
                reading.contents[f"{router}/{name}"] = _canonical(fields)
        return reading


TARGET = RouterQueueTarget()


def _each(world: World, routers: Sequence[str], work: Callable[[str], Answer]) -> list[Answer]:
    """`work` for every router, some at once, each thread in the world's network."""
    if not routers:
        return []
    with ThreadPoolExecutor(AT_ONCE, initializer=world.enter) as pool:
        return list(pool.map(work, routers))


def _change(world: World, router: str, changes: Sequence[Change]) -> list[Result]:
    """All changes of one router in one login; a new one reads back what it really holds, and lets the change stay."""
    model = _models(world.region).get(router)
    if model is None:
        return [Result(change, f"{router} is not declared") for change in changes]
    profile = device(model[1])
    login, promise = _login(world, router, profile), ""
    try:
        with device_cli(login) as cli:
            router_backup.keep(world, router, cli, profile)
            router_guard.arm(router, cli, profile)
            promise = f"; {router_guard.promise(profile)}"
            done = [Result(change, _one(cli, profile, change)) for change in changes]
        with device_cli(login) as cli:
            held = _read(cli, profile)
            router_guard.disarm(router, cli, profile)
    except OpsError as error:
        return [Result(change, _why(world, error) + promise) for change in changes]
    return [Result(result.change, result.error or _differs(result.change, held)) for result in done]


def _one(cli: DeviceCli, profile: Device, change: Change) -> str:
    """Set or remove one queue; the device's own complaint, or nothing."""
    before, after = (_fields(content) for content in (change.before, change.after))
    fields = after or before
    try:
        rates = {way: profile.queue.rate(int(fields[way])) for way in ("download", "upload")}
    except ValueError as error:
        return str(error)
    words = {"name": change.key.partition("/")[2], "ifname": fields["ifname"], "lan": fields["lan"], **rates}
    commands: list[str] = []
    if before and before["ifname"] != after.get("ifname"):  # some keep a queue at its port, so it is taken off there
        commands += [command.format(**{**words, **before, **rates}) for command in profile.queue.remove]
    if after:
        commands += [command.format(**words) for command in profile.queue.set]
    refused = cli.push(commands, profile.queue.error, config_mode=profile.queue.config_mode)
    return f"the device refused {refused}" if refused else ""


def _read(cli: DeviceCli, profile: Device) -> Queues:
    queues: Queues = {}
    for found in re.finditer(profile.queue.parse, cli.ask(profile.queue.read)):
        fields = found.groupdict()
        name = fields.pop("name")
        rates = {way: str(profile.queue.bits(fields[way])) for way in ("download", "upload")}
        queues[name] = fields | rates
    return queues


def _differs(change: Change, held: Queues) -> str:
    fields = held.get(change.key.partition("/")[2])
    found = None if fields is None else _canonical(fields)
    return "" if found == change.after else "the device accepted it but holds something else"


def _fields(content: str | None) -> dict[str, str]:
    """What `_canonical` wrote; empty for no queue."""
    return dict(line.split("=", 1) for line in (content or "").splitlines())


def _canonical(fields: dict[str, str]) -> str:
    return "".join(f"{name}={fields[name]}\n" for name in _FIELDS)


def _login(world: World, router: str, profile: Device) -> DeviceLogin:
    access = world.region.access
    address, port = world.reach(_models(world.region)[router][0], SSH)
    return DeviceLogin(
        router,
        address,
        profile.netmiko,
        access.router_user,
        world.secrets.get(access.router_secret),
        world.state / "router_keys",
        port,
    )


def _models(region: Region) -> dict[str, tuple[str, str]]:
    """Address and model of every declared router."""
    return {router.name: (str(router.address), router.model) for opd in region.opds for router in opd.routers}


def _why(world: World, error: OpsError) -> str:
    """One line for people; `HostFailedError` names the host in front, which the reader of a result knows already."""
    text = error.what.removeprefix(f"{error.host}: ") if isinstance(error, HostFailedError) else error.what
    if REFUSED in text:
        access = world.region.access
        text += f"; the password of {access.router_user} belongs into {world.secrets.path} as {access.router_secret}"
    return world.secrets.scrub(text)
