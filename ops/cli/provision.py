"""ops provision: build the servers; look first, then apply exactly what was seen."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "build the servers: packages, users, SSH, firewall and the services of their groups"
EPILOG = """examples:
  ops provision --twin batubara --limit dc-web,database --check
  ops provision --twin batubara --plan 3f9a0c21be77"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="HOSTS", default="", help="only these servers or groups, with commas")
    parser.add_argument("--tags", default="", help="only these roles, with commas: common,web,…")
    parser.add_argument(
        "--check", action="store_true", help="change nothing, show what would change, and keep the plan"
    )
    parser.add_argument("--plan", metavar="ID", default="", help="exactly the plan that --check showed (or its file)")
    parser.add_argument(
        "--fast", action="store_true", help="by mitogen (extra [fast]): no change in two thirds of the time"
    )
    parser.add_argument("--verbose", action="store_true", help="with --check: show how files would change")
    add_running(parser, changes=True)


def run(args: argparse.Namespace, screen: Screen) -> int:
    wanted: dict[str, Any] = {"limit": _words(args.limit), "check": args.check, "tags": _words(args.tags)}
    wanted |= {"fast": True} if args.fast else {}
    plan = _checksum(args) if args.plan else ""
    done, found = perform(args, screen, "provision", {"plan": plan} if plan else wanted, plan=plan)
    if found:
        _show(found, args, screen)
    return conclude(done)


def _checksum(args: argparse.Namespace) -> str:
    """The plan meant, known to the world from here on."""
    from ops.cli.common import world_of  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.errors import UsageError  # noqa: PLC0415
    from ops.jobs import provision_plan  # noqa: PLC0415

    if args.check or args.limit or args.tags or args.fast:
        raise UsageError("--plan says by itself what is done where", "without --check, --limit, --tags and --fast")
    return provision_plan.take(world_of(args), args.plan).checksum


def _show(found: dict[str, Any], args: argparse.Namespace, screen: Screen) -> None:
    hosts = found["hosts"]
    rows = [
        (name, host["ok"], host["changed"], host["failed"], f"{host['seconds']:.0f} s", _short(host["error"]))
        for name, host in hosts.items()
    ]
    screen.table(("server", "ok", "changed", "failed", "busy", "error"), rows)
    changed = sum(host["changed"] for host in hosts.values())
    words = "would change" if args.check else "changed"
    screen.say(f"{len(hosts)} servers in {found['seconds']:.0f} s, {changed} {words}")
    screen.say(f"record: {found['record']}" if found["record"] else "nothing to do")
    if not found["complete"]:
        screen.note("incomplete record: it holds fewer or more results than Ansible counted")
    if "plan" in found:
        _show_plan(found, args, screen)
    screen.data(found)


def _show_plan(found: dict[str, Any], args: argparse.Namespace, screen: Screen) -> None:
    from ops.plan import machine  # noqa: PLC0415

    plan = machine.load(found["plan"])
    for line in machine.lines(plan, args.verbose):
        screen.say(line)
    for objection in found["objections"]:
        screen.say(f"the gate will ask for a reason: {objection}")
    if plan.changing:
        same = [*(["--twin", args.twin] if args.twin else []), *(["-i", str(args.inventory)] if args.inventory else [])]
        words = shlex.join(["ops", "provision", "--plan", plan.checksum[:16], *same])
        screen.say(f"apply exactly this:  {words}" + ("  --reason '…'" if found["objections"] else ""))


def _short(error: str) -> str:
    return " ".join(error.split())[:100]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
