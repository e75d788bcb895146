"""ops drift: what differs on servers from what the last runs left, why it should be otherwise, and put it right."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "what differs from what the last runs left, and from what is declared; put it right"
EPILOG = "example: ops drift --host dc-web && ops drift repair --host dc-web --yes"
REPAIR, ACCEPT = "repair", "accept"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        default="look",
        choices=("look", REPAIR, ACCEPT),
        help="repair: converge what differs · accept: take what nothing declares as known (default: only look)",
    )
    parser.add_argument("--opd", action="append", default=[], metavar="CODE", help="only this office (repeatable)")
    parser.add_argument("--host", action="append", default=[], metavar="HOST", help="this server or group (repeatable)")
    parser.add_argument("--yes", action="store_true", help="repair without asking; else it is only shown")
    add_running(parser, changes=True)


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.errors import UsageError  # noqa: PLC0415 # what --help need not load

    if args.what != "look" and args.opd:
        raise UsageError(f"{args.what} is of servers, not of offices", "name them: --host HOST")
    if args.what == REPAIR and args.yes:
        return _repair(args, screen)
    if args.what == ACCEPT and not args.reason.strip():
        raise UsageError("accept needs a --reason", "it is recorded why this is as it should be")
    accept = {"accept": True} if args.what == ACCEPT else {}
    done, found = perform(args, screen, "drift", {"opd": args.opd, "host": args.host, **accept})
    if found:
        _show(found, screen)
        if args.what == REPAIR:
            _show_repair(found, screen)
        screen.data(found)
    return conclude(done)


def _show(found: dict[str, Any], screen: Screen) -> None:
    rows = [
        (host, item["kind"], item["name"], item["what"], item["because"])
        for host, one in found["hosts"].items()
        for item in one["items"]
    ]
    rows += [
        (one["host"], one["kind"], one["key"], one["action"], one["because"]) for one in found.get("differences", ())
    ]
    rows += [
        (one["router"], "configuration", one["router"], f"{len(one['lines'])} lines differ", one["because"])
        for one in found["routers"]
    ]
    if rows:
        screen.table(("host", "kind", "what", "differs", "because"), rows)
    for one in found["routers"]:
        screen.say("\n".join([f"{one['router']}:", *(f"    {line}" for line in one["lines"])]))
    states = [one["state"] for one in found["hosts"].values()]
    for host, one in found["hosts"].items():
        if one["why"]:
            screen.say(f"{host}: unknown: {one['why']}")
    for host, why in found.get("unread", {}).items():
        screen.say(f"{host}: unknown: {why}")
    screen.say(
        f"{len(states)} servers: {states.count('clean')} as they were left, {states.count('drifted')} differ, "
        f"{states.count('unknown')} unknown; {found['changes']} artefacts are not as declared"
    )


def _show_repair(found: dict[str, Any], screen: Screen) -> None:
    """What `ops drift repair --yes` would do."""
    for host, one in found["hosts"].items():
        todo = one["repair"]
        if todo["tags"]:
            screen.say(f"{host}: would converge {', '.join(todo['tags'])}")
        for path in todo["again"]:
            screen.say(f"{host}: would take {path} into service again")
        for path in todo["artefacts"]:
            screen.say(f"{host}: would place {path} again")
        for line in todo["by_hand"]:
            screen.say(f"{host}: by hand, or ops drift accept: {line}")
    if any(one["items"] for one in found["hosts"].values()):
        screen.say("nothing was changed; do it: the same command with --yes")


def _repair(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "drift-repair", {"host": args.host})
    if found:
        rows = [
            (host, item["kind"], item["name"], item["what"], item["because"])
            for host, one in found["left"].items()
            for item in one["items"]
        ]
        if rows:
            screen.table(("host", "kind", "what", "still differs", "because"), rows)
        for host, why in {**found["unknown"], **found["errors"]}.items():
            screen.say(f"{host}: {why}")
        screen.say(f"{sum(found['repaired'].values())} items on {len(found['repaired'])} servers, {len(rows)} left")
        screen.data(found)
    return conclude(done)
