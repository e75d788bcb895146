"""ops twin: a working copy of an inventory on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.world import World

HELP = "boot, look at, break and remove a working copy of a regency on this machine"
EPILOG = """examples:
  ops twin up                                   # everything that is declared
  ops twin up --only dc-web,drc-vault --opd dinkes
  ops twin fault cut-segment r1-01
  ops twin exec -- curl -s http://10.40.0.12/   # from the operations station
  ops twin ssh dc-db
  ops twin down
Without root (or with OPS_LOOPBACK=1) it is the loopback twin: routers on 127.0.0.0/8, no servers, no networks."""

# spelt out: reading them from ops.twin.faults would cost every `ops --help` 0.3 s; a test compares the two
_KINDS = "cut-segment, mend-segment, dim-fibre, lossy-link, kill-host, start-host, fill-disk, free-disk or corrupt-repo"


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name in ("up", "sync"):
        text = "bring it up, or make what is missing" if name == "up" else "the same as up: make what is missing"
        up = _action(below, name, text)
        up.add_argument("--only", type=_list, metavar="SERVER,…", help="only these servers (and those already up)")
        up.add_argument("--opd", type=_list, metavar="CODE,…", help="only these offices (and those already up)")
    _action(below, "status", "what runs, what is dark, what is broken on purpose")
    down = _action(below, "down", "remove every trace of it; the image cache stays")
    down.add_argument("--all", action="store_true", help="every twin of this state folder")
    down.add_argument("--cache", action="store_true", help="the built system images too (about 1.2 GB)")
    run = _action(below, "exec", "run a program in the station's network, or another's")
    run.add_argument("--at", default="station", metavar="NAMESPACE", help="e.g. dinkes.lan, dinkes-rtr1, dc")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD")
    _action(below, "shell", "a shell in the station's network").add_argument("--at", default="station")
    ssh = _action(below, "ssh", "log in to a server")
    ssh.add_argument("server")
    ssh.add_argument("command", nargs=argparse.REMAINDER, metavar="[CMD]")
    fault = _action(below, "fault", "break something on purpose, or mend it")
    fault.add_argument("kind", help=_KINDS)
    fault.add_argument("target", nargs="?", default="", help="segment, router, office or server")
    fault.add_argument("--db", type=float, default=6.0, help="dim-fibre: decibels lost, 0 mends")
    fault.add_argument("--percent", type=float, default=5.0, help="lossy-link: packets lost each way, 0 mends")


def run(args: argparse.Namespace, screen: Screen) -> int:
    handlers = {"up": _up, "sync": _up, "status": _status, "down": _down, "ssh": _ssh, "fault": _fault}
    return handlers.get(args.action, _exec)(args, screen)


def _up(args: argparse.Namespace, screen: Screen) -> int:
    import time  # noqa: PLC0415

    from ops.cli.common import inventory_of  # noqa: PLC0415
    from ops.twin import lifecycle  # noqa: PLC0415 # 0.3 s that other verbs do not need

    started = time.monotonic()
    world = lifecycle.up(inventory_of(args), _name(args), screen.progress, args.only, args.opd)
    took = time.monotonic() - started
    kind = "loopback twin" if world.loopback else "twin"
    look = f"ops plan --twin {world.name}" if world.loopback else "ops twin ssh SERVER"
    screen.say(f"{kind} {world.name} is up after {took:.1f} s; look around: ops twin status · {look}")
    screen.data({"name": world.name, "state": world.state, "station": world.station, "seconds": round(took, 1)})
    return 0


def _down(args: argparse.Namespace, screen: Screen) -> int:
    from ops.twin import claim, images, lifecycle  # noqa: PLC0415

    for name in claim.mine() if args.all else [_name(args)]:
        lifecycle.down(name, screen.progress)
    if args.cache:
        images.forget(screen.progress)
    return 0


def _status(args: argparse.Namespace, screen: Screen) -> int:
    import dataclasses  # noqa: PLC0415

    from ops.twin.status import status  # noqa: PLC0415

    found = status(_name(args))
    screen.data({**dataclasses.asdict(found), "whole": found.whole})
    rows = [(s.name, s.address, s.image, "running" if s.running else "stopped") for s in found.servers]
    title = f"twin {found.name} of {found.inventory}"
    if rows:
        screen.table(("server", "address", "image", "state"), rows, title=title)
    else:
        screen.say(title)
    agents = f"process {found.agents}" if found.agents else "not running"
    screen.say(f"offices {found.offices} · namespaces {found.namespaces} · agents {agents} · state {found.state}")
    screen.say(f"simulated: {found.simulated}; not simulated: {found.not_simulated}")
    for what, names in (("missing", found.missing), ("on a detour", found.detours), ("dark", found.dark)):
        if names:
            screen.say(f"{what} ({len(names)}): {', '.join(names)}")
    for kind, targets in found.faults.items():
        if targets:
            screen.say(f"fault: {kind} {targets}")
    return 0 if found.whole else 1


def _fault(args: argparse.Namespace, screen: Screen) -> int:
    from ops.twin import faults  # noqa: PLC0415

    amount = {"dim-fibre": args.db, "lossy-link": args.percent}.get(args.kind, 0.0)
    said = faults.apply(_world(args), args.kind, args.target, amount, screen.progress)
    screen.data({"fault": args.kind, "target": args.target, "now": said})
    return 0


def _ssh(args: argparse.Namespace, _screen: Screen) -> int:
    import os  # noqa: PLC0415

    world = _world(args)
    world.fleet.on(args.server)
    login = world.fleet.logins[args.server]
    options = ["-i", str(world.ssh_key), "-o", f"UserKnownHostsFile={world.known_hosts}", "-o", "IdentitiesOnly=yes"]
    argv = ["ssh", *options, "-p", str(login.port), f"{login.user}@{login.address}", *_after_dashes(args.command)]
    world.enter()
    os.execvp("ssh", argv)  # noqa: S606 # becomes ssh: the person's terminal is its terminal


def _exec(args: argparse.Namespace, _screen: Screen) -> int:
    import os  # noqa: PLC0415

    from ops.errors import ToolMissingError, UsageError  # noqa: PLC0415
    from ops.system import netns  # noqa: PLC0415

    world = _world(args)
    world.need_servers()
    argv = [os.environ.get("SHELL", "/bin/sh")] if args.action == "shell" else _after_dashes(args.command)
    if not argv:
        raise UsageError("which program?", "ops twin exec -- ip route")
    netns.enter(f"{world.name}.{args.at}")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 # becomes the program
    except FileNotFoundError:
        raise ToolMissingError(f"{argv[0]}: program not found") from None


def _action(
    below: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = below.add_parser(name, help=text, description=text)
    parser.add_argument("--name", help="the twin's name (default: the inventory folder's)")
    # accepted on both sides of the action; SUPPRESS keeps what stood before it
    parser.add_argument("-i", "--inventory", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def _name(args: argparse.Namespace) -> str:
    from ops.cli.common import inventory_of  # noqa: PLC0415

    return str(args.name or args.twin or inventory_of(args).resolve().name)


def _world(args: argparse.Namespace) -> World:
    from ops import world as worlds  # noqa: PLC0415

    return worlds.attach(_name(args))


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _after_dashes(words: list[str]) -> list[str]:
    return words[1:] if words[:1] == ["--"] else words
