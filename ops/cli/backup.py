"""ops backup: take backups, and see who has none."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.common import world_of
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from backup.coverage import Coverage

HELP = "back declared sets up to the DRC vault; list who has a backup and who has none"
EPILOG = """examples:
  ops backup run --opd dinkes
  ops backup run --set simpus --twin batubara
  ops backup list
  ops backup coverage --json"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_ = below.add_parser("run", help="take a backup of every declared set, or of some")
    add_choice(run_)
    add_running(run_)
    below.add_parser("list", aliases=["status"], help="coverage first, then every set's newest backup against its RPO")
    covered = below.add_parser("coverage", help="services with a backup and a green drill; the rest by name")
    seed = below.add_parser("seed", help="put invented data on a twin's source hosts (never on real ones)")
    add_choice(seed)
    for one in (run_, seed, covered, below.choices["list"]):
        again(one)


def again(parser: argparse.ArgumentParser) -> None:
    """The common options behind the action as well; SUPPRESS keeps what stood before it."""
    parser.add_argument("-i", "--inventory", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.add_argument("--twin", metavar="NAME", default=argparse.SUPPRESS, help="act on the twin NAME")
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="result as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opd", default="", metavar="CODE,…", help="only sets of these offices")
    parser.add_argument("--set", default="", metavar="NAME,…", help="only these sets")


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def run(args: argparse.Namespace, screen: Screen) -> int:
    actions = {"run": _run, "list": _list, "status": _list, "coverage": _coverage, "seed": _seed}
    return actions[args.action](args, screen)


def _run(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "backup", {"opd": words(args.opd), "set": words(args.set)})
    if found:
        sets = found["sets"]
        names = ("opd", "set", "server", "snapshot", "bytes", "added", "seconds", "error")
        rows = [[str(one[name])[:12] if name == "snapshot" else str(one[name])[:90] for name in names] for one in sets]
        screen.table(("office", "set", "server", "snapshot", "bytes", "new", "s", "error"), rows)
        screen.data(sets)
    return conclude(done)


def _list(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs import backup  # noqa: PLC0415

    world = world_of(args)
    found, whole = backup.coverage(world), backup.services(world)
    screen.say(whole.line)
    screen.say(f"{len(found.with_backup)} of {found.offices} offices have a backup within their RPO")
    screen.table(("without", "why"), found.without.items())
    rows = [
        (
            one.key,
            one.kind,
            one.server,
            "never" if one.age is None else f"{one.age / 3600:.1f} h",
            f"{one.rpo / 3600:.0f} h",
            "LATE" if one.late else "ok",
            one.bytes,
            one.counted,
        )
        for one in found.sets
    ]
    screen.table(("set", "kind", "server", "age", "RPO", "", "bytes", "backups"), rows)
    sets = [{**_plain(one), "late": one.late} for one in found.sets]
    screen.data({"services": _services(whole), **_plain(found), "sets": sets})
    return 0


def _coverage(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs import backup  # noqa: PLC0415

    found = backup.services(world_of(args))
    screen.say(found.line)
    rest = [one for one in found.services if not one.counts]
    screen.table(("service", "state", "why", "declared at"), [(one.name, one.state, one.why, one.at) for one in rest])
    screen.data({**_services(found), "services": [_plain(one) for one in found.services]})
    return 0


def _services(found: Coverage) -> dict[str, object]:
    return {
        "declared": found.declared,
        "proven": found.proven,
        "share": found.share,
        "rest": found.rest,
        "expired": [f"{one.at} {one.name}: {one.why}" for one in found.expired],
    }


def _seed(args: argparse.Namespace, screen: Screen) -> int:
    from backup import layout  # noqa: PLC0415
    from ops.jobs import seed  # noqa: PLC0415

    world = world_of(args)
    added = seed.seed(world, screen.progress, layout.items(world.region, words(args.opd), words(args.set)))
    screen.say(f"{added} rows and files added")
    screen.data({"added": added})
    return 0


def _plain(value: object) -> dict[str, object]:
    import dataclasses  # noqa: PLC0415

    return dataclasses.asdict(value)  # type: ignore[call-overload,no-any-return]
