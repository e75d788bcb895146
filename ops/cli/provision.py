"""ops provision: build the servers."""

from __future__ import annotations

import argparse

from ops.cli.common import world_of
from ops.cli.screen import Screen

HELP = "build the servers: packages, users, SSH, firewall and the services of their groups"
EPILOG = "example: ops provision --twin batubara --limit dc-web,database --check"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="HOSTS", default="", help="only these servers or groups, with commas")
    parser.add_argument("--tags", default="", help="only these roles, with commas: common,web,…")
    parser.add_argument("--check", action="store_true", help="show what would change, change nothing")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.errors import PartlyAppliedError  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.jobs.provision import provision  # noqa: PLC0415

    summary = provision(world_of(args), _words(args.limit), args.check, _words(args.tags), screen.progress)
    rows = [
        (name, host.ok, host.changed, host.failed, f"{host.seconds:.0f} s", " ".join(host.error.split())[:100])
        for name, host in summary.hosts.items()
    ]
    screen.table(("server", "ok", "changed", "failed", "busy", "error"), rows)
    would = "would change" if args.check else "changed"
    screen.say(f"{len(summary.hosts)} servers in {summary.seconds:.0f} s, {summary.changed} {would}")
    screen.say(f"record: {summary.record}")
    if not summary.complete:
        screen.note("the record is incomplete: it holds fewer or more results than Ansible counted")
    screen.data(
        {
            "run": summary.run,
            "seconds": round(summary.seconds, 1),
            "record": str(summary.record),
            "complete": summary.complete,
            "hosts": {
                name: {"ok": host.ok, "changed": host.changed, "error": host.error}
                for name, host in summary.hosts.items()
            },
        }
    )
    if summary.failed:
        raise PartlyAppliedError(
            f"failed on {', '.join(summary.failed)}", "mend them and run `ops provision` again; the others are done"
        )
    return 0


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
