"""ops drill: prove that backups restore, and check the evidence."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.cli.backup import add_choice, again, words
from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

HELP = "restore declared sets in isolation, compare all of it, measure RTO and RPO, write signed evidence"
EPILOG = """examples:
  ops drill run --opd dinkes
  ops drill run --set simpus,dokumen-dinkes --twin batubara
  ops drill verify evidence/20260711T020000-dinkes.simpus-3f9a.json
exit code 7: a drill did not prove its set"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_ = below.add_parser("run", help="drill every declared set, or some")
    add_choice(run_)
    add_running(run_)
    verify = below.add_parser("verify", help="check an evidence file, its signature and its chain, offline")
    verify.add_argument("record", type=Path, metavar="EVIDENCE.json")
    verify.add_argument(
        "--key", type=Path, metavar="PEM", help="public key to trust (default: the one beside the record)"
    )
    for one in (run_, verify):
        again(one)


def run(args: argparse.Namespace, screen: Screen) -> int:
    return _run(args, screen) if args.action == "run" else _verify(args, screen)


def _run(args: argparse.Namespace, screen: Screen) -> int:
    done, found = perform(args, screen, "drill", {"opd": words(args.opd), "set": words(args.set)})
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
    from backup import evidence  # noqa: PLC0415
    from ops.errors import DrillFailedError, UsageError  # noqa: PLC0415

    for file in filter(None, (args.record, args.key)):
        if not file.is_file():
            raise UsageError(f"{file}: no such file")
    trusted = args.key.read_text(encoding="utf-8") if args.key else ""
    wrong = evidence.problems(args.record, trusted)
    screen.data({"record": str(args.record), "problems": wrong})
    if wrong:
        raise DrillFailedError("; ".join(wrong), "this evidence must not be relied on; keep it as it is")
    screen.say(f"{args.record.name}: unchanged, signed, and in its chain")
    if not args.key:
        screen.say(f"signed by the key beside it, sha256 {evidence.key_of(args.record)}: is it the station's? (--key)")
    return 0
