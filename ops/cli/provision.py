"""ops provision: build the servers."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "build the servers: packages, users, SSH, firewall and the services of their groups"
EPILOG = "example: ops provision --twin batubara --limit dc-web,database --check"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="HOSTS", default="", help="only these servers or groups, with commas")
    parser.add_argument("--tags", default="", help="only these roles, with commas: common,web,…")
    parser.add_argument("--check", action="store_true", help="show what would change, change nothing")
    add_running(parser, changes=True)


def run(args: argparse.Namespace, screen: Screen) -> int:
    wanted = {"limit": _words(args.limit), "check": args.check, "tags": _words(args.tags)}
    done, found = perform(args, screen, "provision", wanted)
    if found:
        _show(found, args.check, screen)
    return conclude(done)


def _show(found: dict[str, Any], check: bool, screen: Screen) -> None:
    hosts = found["hosts"]
    rows = [
        (name, host["ok"], host["changed"], host["failed"], f"{host['seconds']:.0f} s", _short(host["error"]))
        for name, host in hosts.items()
    ]
    screen.table(("server", "ok", "changed", "failed", "busy", "error"), rows)
    changed = sum(host["changed"] for host in hosts.values())
    screen.say(f"{len(hosts)} servers in {found['seconds']:.0f} s, {changed} {'would change' if check else 'changed'}")
    screen.say(f"record: {found['record']}")
    if not found["complete"]:
        screen.note("the record is incomplete: it holds fewer or more results than Ansible counted")
    screen.data(found)


def _short(error: str) -> str:
    return " ".join(error.split())[:100]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
