"""ops backup: take backups, and see who has none."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli import backup_prune, backup_quarantine
from ops.cli.common import add_common_again, world_of
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from backup.coverage import Coverage
    from ops.world import World

HELP = "back declared sets up to the DRC vault; list who has a backup and who has none"
EPILOG = """examples:
  ops backup run --opd dinkes
  ops backup run --set simpus --twin batubara
  ops backup list
  ops backup coverage --json
  ops backup keys check
  ops backup prune --plan
  ops backup quarantine simpus --snapshot 3f9a1c20
  ops backup escrow make --to /media/usb/shares
  ops backup escrow open-test --set simpus --share a.txt --share b.txt --share c.txt
  ops backup manifest --set dokumen-dinkes --to /srv/lists"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_ = below.add_parser("run", help="take a backup of every declared set, or of some")
    add_choice(run_)
    add_running(run_)
    below.add_parser("list", aliases=["status"], help="coverage first, then every set's newest backup against its RPO")
    covered = below.add_parser("coverage", help="services with a backup and a green drill; the rest by name")
    seed = below.add_parser("seed", help="put invented data on a twin's source hosts (never on real ones)")
    add_choice(seed)
    keys = below.add_parser("keys", help="the repositories' keys: what is registered, and strangers")
    keys.add_argument("what", choices=("list", "register", "check"))
    add_choice(keys)
    keys.add_argument("--again", action="store_true", help="register: also of a host that signs with a new key")
    collect = below.add_parser("collect", help="count what hosts backed up by themselves (systemd timers)")
    add_choice(collect)
    escrow = below.add_parser("escrow", help="shares for officials; open a repository with shares alone")
    escrow.add_argument("what", choices=("make", "open-test"))
    escrow.add_argument("--to", type=Path, metavar="FOLDER", help="make: where the sheets are written, one per holder")
    escrow.add_argument("--again", action="store_true", help="make: another escrow although there is one")
    escrow.add_argument("--share", type=Path, action="append", default=[], metavar="FILE", help="open-test: a sheet")
    lists = below.add_parser("manifest", help="the newest manifest as lists that `ops drill verify` reads")
    lists.add_argument("--to", type=Path, metavar="FOLDER", required=True)
    pruned = backup_prune.add(below)
    moved = backup_quarantine.add(below)
    for one in (escrow, lists):
        one.add_argument("--set", default="", metavar="NAME", help="the set")
    for one in (run_, seed, covered, keys, collect, escrow, lists, pruned, moved, below.choices["list"]):
        add_common_again(one)


def add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opd", default="", metavar="CODE,…", help="only sets of these offices")
    parser.add_argument("--set", default="", metavar="NAME,…", help="only these sets")


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def run(args: argparse.Namespace, screen: Screen) -> int:
    actions = {"run": _run, "list": _list, "status": _list, "coverage": _coverage, "seed": _seed}
    actions |= {"keys": _keys, "collect": _collect, "escrow": _escrow, "manifest": _manifest, "prune": backup_prune.run}
    actions["quarantine"] = backup_quarantine.run
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


def _keys(args: argparse.Namespace, screen: Screen) -> int:
    from backup import layout  # noqa: PLC0415
    from ops.jobs import keys  # noqa: PLC0415

    world = world_of(args)
    if args.what == "check":
        return _strangers(world, screen)
    if args.what == "register":
        chosen = layout.items(world.region, words(args.opd), words(args.set))
        added = keys.register(world, chosen, screen.progress)
        signers = keys.register_signers(world, chosen, again=args.again)
        screen.say(f"{sum(map(len, added.values()))} keys added; {len(signers)} hosts sign their own backups")
        screen.data({"added": added, "signers": signers})
        return 0
    found = keys.listed(world)
    screen.table(("set", "role", "key", "escrow"), [(one.set, one.role, one.id[:16], one.escrow) for one in found])
    screen.data([_plain(one) for one in found])
    return 0


def _strangers(world: World, screen: Screen) -> int:
    """Exit 1 where a key is there that nobody registered, or a registered one is not."""
    from ops.jobs import keys  # noqa: PLC0415

    unknown, gone = keys.check(world)
    strangers = {of: ids for of, ids in unknown.items() if ids}
    for of, ids in strangers.items():
        screen.say(f"{of}: unknown key {', '.join(ids)}: a stolen credential? change it; the data stays sealed")
    for of, ids in gone.items():
        screen.say(f"{of}: registered key {', '.join(ids)} is gone: restore keys/ from a copy of the vault")
    screen.say(f"{len(unknown)} repositories looked at, {len(strangers)} with unknown keys, {len(gone)} lack one")
    screen.data({"repositories": len(unknown), "unknown": strangers, "gone": gone})
    return 1 if strangers or gone else 0


def _collect(args: argparse.Namespace, screen: Screen) -> int:
    """Exit 1 where a manifest came that may not be counted."""
    from backup import layout  # noqa: PLC0415
    from ops.jobs import keys  # noqa: PLC0415

    world = world_of(args)
    found = keys.collect(world, layout.items(world.region, words(args.opd), words(args.set)), screen.progress)
    screen.say(f"{sum(one.counted for one in found)} backups counted")
    for one in found:
        for why in one.refused:
            screen.say(f"{one.set}: not counted: {why}")
    screen.data([_plain(one) for one in found])
    return 1 if any(one.refused for one in found) else 0


def _escrow(args: argparse.Namespace, screen: Screen) -> int:
    from backup import layout  # noqa: PLC0415
    from ops.jobs import keys  # noqa: PLC0415

    world = world_of(args)
    if args.what == "open-test":
        if not args.set or not args.share:
            raise UsageError("escrow open-test needs --set and --share", "--share once for every sheet")
        (item,) = layout.items(world.region, (), words(args.set))[:1]
        opened = keys.open_test(world, item, args.share)
        screen.say(f"{opened.set}: opened with {len(opened.holders)} shares, {opened.snapshots} snapshots are there")
        screen.say(f"with one less: {opened.fewer}")
        screen.data(_plain(opened))
        return 0
    if not args.to:
        raise UsageError("escrow make needs --to FOLDER", "best on a medium that leaves the house")
    public, sheets = keys.make_escrow(world, args.to, again=args.again)
    screen.say(f"escrow {public[:16]}: hand out {', '.join(map(str, sheets))}, then destroy the files")
    added = keys.register(world, layout.items(world.region), screen.progress)
    screen.data({"public": public, "sheets": [str(path) for path in sheets], "added": added})
    return 0


def _manifest(args: argparse.Namespace, screen: Screen) -> int:
    from backup import layout  # noqa: PLC0415
    from ops.jobs import keys  # noqa: PLC0415

    world = world_of(args)
    written = [keys.lists(world, item, args.to) for item in layout.items(world.region, (), words(args.set))]
    for expect, canaries in written:
        screen.say(f"ops drill verify … --expect {expect} --canaries {canaries}")
    screen.data([{"expect": str(expect), "canaries": str(canaries)} for expect, canaries in written])
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
