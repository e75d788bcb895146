"""ops drill: prove that backups restore, and check the evidence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.cli import drill_services as services
from ops.cli import evidence
from ops.cli.backup import add_choice, words
from ops.cli.common import add_common_again, world_of
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from backup.verify.run import Request
    from ops.runs.foreground import Desk
    from ops.runs.model import Run

HELP = "restore declared sets in isolation, compare all of it, measure RTO and RPO, write signed evidence"
EPILOG = """examples:
  ops drill run --opd dinkes
  ops drill run --set simpus,dokumen-dinkes --twin batubara
  ops drill run --set simpus --from copy   out of the second copy: is it whole, though the vault is not?
  ops drill run --service layanan      start an office's service from its backups and ask it, isolated
  ops drill run --failover layanan     on a standby, switched to and back in a test view of the names
  ops drill resume                     go on with the newest drill that was cut off, at its first unfinished step
  ops drill verify --repo /srv/restic/x --password-file key --host web1 --root /srv/app --target /srv/try --json
exit code 7: a drill did not prove its set (`ops evidence verify` checks the record that it leaves)"""
DRILL_FAILED = 7
_NEEDED = ("repo", "password_file", "host", "root", "target")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
VERIFY = """Restores the newest snapshot of HOST that can be what is looked for, compares every file, names one class:
 none, corruption, repo, key, lock, network, space, rpo, rto, clock, tamper, incomplete, silent, ransomware.
Nothing is ever written into the repository, which may be anybody's; production is not asked.

example:
  ops drill verify --repo rest:https://drc:8000/web1/app --password-file key --host web1 --root /srv/app \\
      --target /srv/try/app --expect MANIFEST --canaries CANARIES --rpo 26h --rto 1h --json
MANIFEST has lines `sha256  size  mode  path`, CANARIES `sha256  path`, paths below the root.
exit code 0: restored and proven; 7: red, or wait (somebody's live exclusive lock is left alone)"""

INJECT = """The drill of the drill. A copy is proven green, one fault is planted in it, and the judgement must say red.
FAULT: clock, corruption, incomplete, key, lock, ransomware, repo, rpo, silent, tamper. Only a copy that this verb made
itself is touched, and each copy bears one fault.

example:
  ops drill inject tamper --of /srv/restic/web1/app --repo /srv/kominfo-drill/copy --password-file key \\
      --host web1 --root /srv/app --json
  ops drill inject random --twin batubara      a random fault in a copy of a random set; --seed repeats one
exit code 0: the fault was seen under its name; 7: it was not"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_ = below.add_parser("run", help="drill every declared set, or some")
    add_choice(run_)
    services.add(run_)
    run_.add_argument(
        "--from", dest="place", choices=("vault", "copy"), default="vault", help="copy: of the second copy, where it is"
    )
    add_running(run_)
    resume = below.add_parser("resume", help="go on with a drill that was cut off, at its first unfinished step")
    resume.add_argument("run_id", metavar="RUN", nargs="?", default="", help="default: the newest that was cut off")
    verify = below.add_parser(
        "verify",
        help="prove any restic repository, also one that is not ours",
        description=VERIFY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _verify_options(verify)
    inject = below.add_parser(
        "inject",
        help="plant a fault in a copy of a repository and see that it is found",
        description=INJECT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inject.add_argument("fault", metavar="FAULT")
    inject.add_argument("--repo", metavar="COPY", help="a copy that this verb made, or makes with --of")
    inject.add_argument("--seed", default="", help="random: repeat what followed from this number")
    add_choice(inject)
    add_running(inject)
    inject.add_argument("--of", type=Path, metavar="REPO", help="make the copy from this repository first")
    _common_options(inject)
    for one in (run_, resume, verify, inject):
        add_common_again(one)


def _verify_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("record", type=Path, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--key", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--repo", metavar="URL", help="as restic names it: a folder, rest:, sftp:, s3:, …")
    parser.add_argument("--target", type=Path, metavar="DIR", help="where to restore: an empty folder, or a new one")
    _common_options(parser)


def _common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-file", type=Path, metavar="F", help="the repository's password")
    parser.add_argument("--host", metavar="H", help="the source host, as its snapshots name it")
    parser.add_argument("--root", metavar="PATH", help="the folder inside the snapshot")
    parser.add_argument("--expect", type=Path, metavar="MANIFEST", help="what every file must be")
    parser.add_argument("--canaries", type=Path, metavar="FILE", help="files that nobody has a reason to change")
    parser.add_argument("--rpo", type=_span, default=26 * 3600.0, help="age that the data may have (default: 26h)")
    parser.add_argument("--rto", type=_span, default=3600.0, help="time that this may take (default: 1h)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    return {"run": _run, "resume": _resume, "verify": _verify, "inject": _inject}[args.action](args, screen)


def _run(args: argparse.Namespace, screen: Screen) -> int:
    if kind := services.wanted(args):
        return services.run(args, screen, kind)
    place = {"from": args.place} if args.place != "vault" else {}
    done, found = perform(args, screen, "drill", {"opd": words(args.opd), "set": words(args.set), **place})
    return _show(done, found, screen)


def _resume(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs.registry import find  # noqa: PLC0415
    from ops.runs import foreground, queue  # noqa: PLC0415
    from ops.runs.inside import TRACEBACK  # noqa: PLC0415
    from ops.system.person import who  # noqa: PLC0415

    desk = foreground.Desk.of(world_of(args))
    old = queue.get(desk.database, args.run_id) if args.run_id else _cut_off(desk)
    done = foreground.resume(desk, find(old.kind), old, who(), screen.progress)
    left = desk.result(done)
    if where := left.pop(TRACEBACK, ""):
        screen.note(where)
    return (_show if old.kind == "drill" else services.show)(done, left, screen)


def _cut_off(desk: Desk) -> Run:
    """The newest drill that left no result. UsageError when there is none."""
    from ops.errors import UsageError  # noqa: PLC0415
    from ops.runs.model import Run, RunState  # noqa: PLC0415

    with desk.database.read() as tx:
        kinds = "('drill', 'drill-service', 'drill-failover')"
        rows = tx.all(f"SELECT * FROM run WHERE kind IN {kinds} ORDER BY created DESC LIMIT 1")  # noqa: S608 # our own
    newest = Run.of(rows[0]) if rows else None
    if newest is None or newest.state is RunState.DONE or newest.result:
        raise UsageError("the newest drill was not cut off", "ops jobs list --kind drill names others")
    return newest


def _show(done: Run, found: dict[str, Any], screen: Screen) -> int:
    if found:
        from backup.evidence import span  # noqa: PLC0415 # the inventory's types cost 0.2 s

        rows = [
            (
                one["opd"],
                one["set"],
                "proven" if one["proven"] else "NOT PROVEN",
                f"{span(one['rto'])} of {span(one['rto_target'])}",
                f"{span(one['rpo'])} of {span(one['rpo_target'])}",
                ", ".join(f"{value} {name}" for name, value in one["counts"].items()),
                one["why"][:90],
            )
            for one in found["sets"]
        ]
        screen.table(("office", "set", "verdict", "RTO", "RPO", "restored", "why"), rows)
        for one in found["sets"]:
            screen.say(f"evidence: {one['page']}")
        screen.data(found["sets"])
    return conclude(done)


def _verify(args: argparse.Namespace, screen: Screen) -> int:
    from backup.verify import run as verification  # noqa: PLC0415

    if args.record:  # where it was until evidence had a verb of its own
        return evidence.verify(args, screen)
    found = verification.verify(_request(args), screen.progress)
    screen.data(found.told())
    screen.say(f"{found.colour}: {found.fault}")
    for one in found.proof:
        screen.say(f"  {one.fault if one.fault != 'none' else ' ':10}  {one.what}")
    return 0 if found.proven else DRILL_FAILED


def _inject(args: argparse.Namespace, screen: Screen) -> int:
    from backup.verify import inject  # noqa: PLC0415

    if args.fault == "random":
        return _inject_random(args, screen)
    args.target = Path("unused")  # what is restored here goes away again
    found = inject.inject(args.fault, _request(args), args.of, screen.progress)
    screen.data(found)
    told = found["after"]
    screen.say(f"{args.fault}: {'seen' if found['seen'] else 'NOT SEEN'} ({told['verdict']}, {told['class']})")
    return 0 if found["seen"] else DRILL_FAILED


def _inject_random(args: argparse.Namespace, screen: Screen) -> int:
    """What the calendar does every month."""
    wanted = {"opd": words(args.opd), "set": words(args.set), **({"seed": args.seed} if args.seed else {})}
    done, found = perform(args, screen, "drill-inject", wanted)
    if found.get("after"):
        told = found["after"]
        said = "seen" if found["seen"] else "NOT SEEN"
        screen.say(f"{found['service']}: {found['fault']}: {said} ({told['class']}), seed {found['seed']}")
        screen.data(found)
    return conclude(done)


def _request(args: argparse.Namespace) -> Request:
    """UsageError names the options that lack."""
    from backup.verify.run import Request  # noqa: PLC0415
    from ops.errors import UsageError  # noqa: PLC0415

    if missing := [f"--{name.replace('_', '-')}" for name in _NEEDED if not getattr(args, name)]:
        raise UsageError(
            f"ops drill {args.action} needs {' '.join(missing)}", f"`ops drill {args.action} --help` has an example"
        )
    return Request(
        args.repo,
        args.password_file,
        args.host,
        args.root,
        args.target,
        args.expect,
        args.canaries,
        args.rpo,
        args.rto,
    )


def _span(text: str) -> float:
    """Seconds of 90s, 30m, 26h or 2d; a bare number is seconds."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time span: 90s, 30m, 26h, 2d")
    return seconds
