"""ops evidence: check the records that drills leave, offline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.common import add_common_again, world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from backup.heads import Head

HELP = "check a drill's signed record and the chain it stands in, offline; its page as PDF"
EPILOG = """examples:
  ops evidence verify evidence/20260711T020000-dinkes.simpus-3f9a.json
  ops evidence verify RECORD.json --key station.pub.pem     the key that you trust, from elsewhere
  ops evidence verify RECORD.json --head vault              were newest records cut off? ask the vault
  ops evidence verify RECORD.json --head evidence.jsonl     the same offline, with what the vault keeps (or a hash)
  ops evidence pdf RECORD.json --to bukti.pdf
exit code 7: this evidence must not be relied on"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify_ = below.add_parser("verify", help="a record's bytes, its signature and its chain")
    verify_.add_argument("record", type=Path, metavar="RECORD.json")
    verify_.add_argument(
        "--key", type=Path, metavar="PEM", help="public key to trust (default: the one beside the record)"
    )
    verify_.add_argument(
        "--head",
        metavar="FILE|HASH|vault",
        help="where the chain ended as told elsewhere: newest records cut off are found",
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
    from ops.errors import DrillFailedError  # noqa: PLC0415

    for file in filter(None, (args.record, args.key)):
        if not file.is_file():
            raise UsageError(f"{file}: no such file")
    trusted = args.key.read_text(encoding="utf-8") if args.key else ""
    said = _said(args)
    wrong = evidence.problems(args.record, trusted, said)
    screen.data({"record": str(args.record), "problems": wrong, "heads": len(said)})
    if wrong:
        raise DrillFailedError("; ".join(wrong), "this evidence must not be relied on; keep it as it is")
    screen.say(f"{args.record.name}: unchanged, signed, and in its chain")
    if not said:
        screen.say("newest records that were cut off are found by what was told elsewhere: --head vault, FILE or HASH")
    if not args.key:
        screen.say(f"signed by the key beside it, sha256 {evidence.key_of(args.record)}: is it the station's? (--key)")
    return 0


def _said(args: argparse.Namespace) -> list[Head]:
    """Where records stood, as it was said elsewhere. UsageError when that says nothing."""
    from backup import heads, places  # noqa: PLC0415

    if not args.head:
        return []
    if args.head == "vault":
        text = places.of(world_of(args)).vault_told()
    else:
        file = Path(args.head)
        text = file.read_text(encoding="utf-8") if file.is_file() else args.head
    if found := heads.given(text):
        return found
    raise UsageError(
        f"--head {args.head}: no record's place is told there", "a file of the vault's, a hash, or `vault`"
    )
