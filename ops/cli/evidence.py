"""ops evidence: check the records that drills leave, offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from ops.cli.common import add_common_again
from ops.cli.screen import Screen

HELP = "check a drill's signed record and the chain it stands in, offline; its page as PDF"
EPILOG = """examples:
  ops evidence verify evidence/20260711T020000-dinkes.simpus-3f9a.json
  ops evidence verify RECORD.json --key station.pub.pem     the key that you trust, from elsewhere
  ops evidence pdf RECORD.json --to bukti.pdf
exit code 7: this evidence must not be relied on"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify_ = below.add_parser("verify", help="a record's bytes, its signature and its chain")
    verify_.add_argument("record", type=Path, metavar="RECORD.json")
    verify_.add_argument(
        "--key", type=Path, metavar="PEM", help="public key to trust (default: the one beside the record)"
    )
    pdf = below.add_parser("pdf", help="the page as PDF, of evidence that holds")
    pdf.add_argument("record", type=Path, metavar="RECORD.json")
    pdf.add_argument("--to", type=Path, metavar="FILE", help="default: beside the record")
    pdf.add_argument("--key", type=Path, metavar="PEM", help="public key to trust")
    for one in (verify_, pdf):
        add_common_again(one)


def run(args: argparse.Namespace, screen: Screen) -> int:
    return {"verify": verify, "pdf": _pdf}[args.action](args, screen)


def _pdf(args: argparse.Namespace, screen: Screen) -> int:
    from backup import evidence_pdf  # noqa: PLC0415

    trusted = args.key.read_text(encoding="utf-8") if args.key else ""
    made = evidence_pdf.write(args.record, args.to or args.record.with_suffix(".pdf"), trusted)
    screen.say(str(made))
    screen.data({"pdf": str(made)})
    return 0


def verify(args: argparse.Namespace, screen: Screen) -> int:
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
