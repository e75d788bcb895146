"""`ops voip`: is what the exchange runs, or would run, as planned."""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.cli.common import world_of
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen
from ops.errors import OpsError, PartlyAppliedError, UsageError

HELP = "judge the exchange's configuration, compare it with a fresh boot, change passwords"
EPILOG = """examples:
  ops voip validate                          what follows from the declarations, booted on a throw-away Asterisk
  ops voip validate --release ./release      a folder of files instead, also compared with the declarations
  ops voip check --twin latihan              does the exchange run what it would run after a power cut
  ops voip status --twin latihan             the release in force on each exchange
  ops voip restart --twin latihan            start anew what a changed transport waits for, once no call is up
  ops voip rotate --opd dinkes               new passwords; telephones fetch them, the old ones go on being taken
  ops voip rotate --opd dinkes --finish      the old ones are taken no more
  ops voip phones                            telephone models: who checks certificates, how many are declared
  ops voip pnp --opd dinkes --seconds 600    in that office's network: tell its telephones their addresses (SIP PnP)
  ops voip softphone 20150 --qr piket.png    a QR code that sets Linphone up once, without a password in it"""
SHOWN = 20  # faults; --json has all


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=sorted(_WHAT), help="what to do (see below)")
    parser.add_argument("number", nargs="?", help="with softphone, rotate: the extension")
    parser.add_argument(
        "--qr", type=Path, metavar="FILE", help="with softphone: a picture (.png, .svg) instead of text"
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="with softphone: how long to wait for it (10)")
    parser.add_argument("--release", type=Path, metavar="DIR", help="with validate: the files of this folder")
    parser.add_argument(
        "--opd", action="append", default=[], metavar="CODE", help="with rotate: only these; with pnp: this one"
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="with pnp: how long to answer (600)")
    parser.add_argument("--address", help="with pnp: this machine's own address in the telephones' network")
    parser.add_argument("--dry-run", action="store_true", help="with pnp: say who asks, and answer nobody")
    parser.add_argument("--finish", action="store_true", help="with rotate: the passwords before hold no longer")
    parser.add_argument("--no-boot", action="store_true", help="with validate: good when judged, booted or not")
    parser.add_argument(
        "--force",
        action="store_true",
        help="with --finish: also who has not fetched the new one; with restart: calls end",
    )
    add_running(parser, changes=True)


def run(args: argparse.Namespace, screen: Screen) -> int:
    return _WHAT[args.what](args, screen)


def _validate(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs.voip_validate import validate  # noqa: PLC0415 # types of the inventory cost 0.2 s

    found = validate(world_of(args), args.release, screen.progress)
    screen.data(found)
    faults = found["faults"]
    for fault in faults[:SHOWN]:
        screen.say(f"  {fault}")
    made = ", ".join(f"{count} {kind}s" for kind, count in sorted(found["objects"].items()))
    screen.say(f"{len(faults)} faults in {made}; {found['booted']}; {sum(found['seconds'].values()):.1f} s")
    if faults:
        raise OpsError(f"this release must not go live: {faults[0]}", "mend the declaration or the generator it names")
    if not found["proven"] and not args.no_boot:
        raise PartlyAppliedError(
            f"judged only, {found['booted']}", "as root with the twin's image; or --no-boot accepts it"
        )
    return 0


def _check(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "voip-check", {})
    if found:
        screen.data(found)
        for host, one in found["exchanges"].items():
            said = "; ".join(one["faults"][:3]) or f"a fresh start would give the same, {one['objects']} objects"
            screen.say(f"{host}: {said}{_pending(one)}")
    return conclude(done)


def _status(args: argparse.Namespace, screen: Screen) -> int:
    from ops.derive.pbx import exchanges  # noqa: PLC0415
    from ops.jobs.voip_validate import told  # noqa: PLC0415

    world = world_of(args)
    found = {server.name: told(world, server.name, ("status",)) for server in exchanges(world.region)}
    screen.data(found)
    for host, one in found.items():
        state = "in force" if one["release"] == one["staged"] else f"in force, but {one['staged']} is staged"
        screen.say(f"{host}: release {one['release'] or 'none'} {state}, {one['files']} files{_pending(one)}")
    return 0


def _pending(one: Mapping[str, Any]) -> str:
    """What waits for a restart of an exchange, as the end of its line."""
    return f"; restart needed (ops voip restart): {'; '.join(one['restart'][:3])}" if one.get("restart") else ""


def _restart(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "voip-restart", {"now": True} if args.force else {})
    if found:
        screen.data(found)
        for host, one in found["exchanges"].items():
            screen.say(f"{host}: {'started anew' if one['restarted'] else 'nothing waits for a restart'}")
    return conclude(done)


def _rotate(args: argparse.Namespace, screen: Screen) -> int:
    given = {
        "finish": args.finish,
        "force": args.force,
        "opd": args.opd,
        "number": [args.number] if args.number else [],
    }
    done, found = perform(args, screen, "voip-rotate", {name: value for name, value in given.items() if value})
    if found:
        screen.data(found)
        how = "the old passwords hold no longer" if args.finish else "the old passwords hold until `--finish`"
        screen.say(f"{found['extensions']} extensions: {how}")
        if args.finish and found["waiting"]:
            names = ", ".join(found["waiting"][:SHOWN])
            screen.say(f"{len(found['waiting'])} go on with both, for they have not fetched their files: {names}")
        if found["softphones"] and not args.finish:
            names = ", ".join(found["softphones"][:SHOWN])
            screen.say(f"softphones keep theirs: {names}; `ops voip rotate NUMBER`, then a new QR code for its owner")
    return conclude(done)


def _phones(args: argparse.Namespace, screen: Screen) -> int:
    from ops.catalogue.phone import census  # noqa: PLC0415
    from ops.catalogue.provisioning import devices  # noqa: PLC0415

    declared = [model for opd in world_of(args).region.opds for _, model, _ in devices(opd)]
    found = census(declared)
    screen.data({"models": found})
    for name, one in found.items():
        tried = "" if one["verified"] else ", never tried on a real one"
        screen.say(f"{name}: {one['declared']} declared, {one['keys']} keys, certificates {one['certificates']}{tried}")
    return 0


def _pnp(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs.voip_pnp import answer  # noqa: PLC0415
    from ops.system.sip.place import Place  # noqa: PLC0415

    if len(args.opd) != 1:
        raise UsageError("which office?", "ops voip pnp --opd dinkes")
    place = Place(args.address) if args.address else None
    found = answer(world_of(args), args.opd[0], args.seconds, place, dry=args.dry_run, progress=screen.progress)
    screen.data(found)
    if args.dry_run:
        for mac, url in found["declared"].items():
            screen.say(f"{mac}: {url}")
    counts = ", ".join(f"{len(found[what])} {what}" for what in ("told", "would", "deaf", "stranger") if found[what])
    screen.say(f"{args.opd[0]}: {counts or 'nobody asked'}; {len(found['declared'])} telephones are declared")
    return 0


def _softphone(args: argparse.Namespace, screen: Screen) -> int:
    import segno  # noqa: PLC0415

    from ops.jobs.softphone import offered  # noqa: PLC0415

    if not args.number:
        raise UsageError("which extension?", "ops voip softphone 20150")
    one = offered(world_of(args), args.number, args.minutes * 60)
    code = segno.make(one.url, error="m", micro=False)
    if args.qr:
        code.save(str(args.qr), scale=8)
    else:
        drawn = io.StringIO()
        code.terminal(drawn, compact=True)
        screen.note(drawn.getvalue())
    screen.note(
        f"scan it with Linphone (remote provisioning) within {args.minutes:g} minutes; it works once: {one.url}"
    )
    fetched = one.wait()
    screen.data({"number": one.number, "fetched": fetched})
    screen.say(f"{one.number}: {'fetched; the address is gone' if fetched else 'nobody came; the address is gone'}")
    return 0 if fetched else 1


_WHAT = {
    "validate": _validate,
    "check": _check,
    "status": _status,
    "restart": _restart,
    "rotate": _rotate,
    "phones": _phones,
    "pnp": _pnp,
    "softphone": _softphone,
}
