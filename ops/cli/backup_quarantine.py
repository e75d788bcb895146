"""ops backup quarantine: move a snapshot that nobody of ours took out of a repository, after looking at it."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen
from ops.errors import UsageError

HELP = "move a foreign snapshot out of a repository to an attic at the vault (never deleted)"
EPILOG = """examples:
  ops backup quarantine simpus --snapshot 3f9a1c20         look: whose it is, and a plan; nothing is moved
  ops backup quarantine simpus --file index/77ab01c2       the same of junk in index/, keys/ or locks/
  ops backup quarantine --apply 5b0c9d11e2aa               move exactly what this plan names
refused (exit 5): a backup that the ledger counts, an index or a key that is whole. At the regency a second person
agrees where policies.second_person has `prune`."""


def add(below: Any) -> argparse.ArgumentParser:
    """The action's parser."""
    parser: argparse.ArgumentParser = below.add_parser(
        "quarantine", help=HELP, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", nargs="?", default="", metavar="SET", help="the set whose repository holds it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--snapshot", metavar="ID", default="", help="the snapshot (at least 8 digits)")
    what.add_argument("--file", metavar="KIND/NAME", default="", help="another small file: index/…, keys/…, locks/…")
    what.add_argument("--apply", metavar="PLAN", default="", help="carry this plan out")
    add_running(parser)
    return parser


def run(args: argparse.Namespace, screen: Screen) -> int:
    if args.apply:
        done, found = perform(args, screen, "quarantine", {"plan": args.apply}, args.apply)
        if found:
            screen.say(f"{found['moved']['of']}: {found['moved']['file']} is now {found['moved']['to']}")
            screen.data(found)
        return conclude(done)
    if not args.set:
        raise UsageError("which set's repository?", "ops backup quarantine SET --snapshot ID")
    file = args.file or f"snapshots/{args.snapshot}"
    done, found = perform(args, screen, "quarantine", {"set": args.set, "file": file})
    if found:
        plan = found["plan"]
        screen.say(f"{plan['of']}: {plan['file']}, {plan['bytes']} bytes: {plan['why']}")
        screen.say(f"would go to {plan['to']}: ops backup quarantine --apply {plan['id']}")
        screen.data(found)
    return conclude(done)
