"""`ops call test`: does a call between two offices work, and how well does it sound."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ops.cli.common import world_of
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.jobs.call_test import CallReport, Way

HELP = "place a test call between two offices and measure both directions"
EPILOG = """examples:
  ops call test --from dinkes --to disdik --twin latihan     two telephones of the twin, each in its office
  ops call test --from dinkes --to disdik                    the station calls disdik's test extension"""
MOST_SECONDS = 120.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["test"], help="test: register, call, send a tone each way, measure, hang up")
    parser.add_argument("--from", dest="from_opd", metavar="OPD", required=True, help="the office that calls")
    parser.add_argument("--to", dest="to_opd", metavar="OPD", required=True, help="the office that is called")
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="how long both talk (default 4)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs.call_test import call_test  # noqa: PLC0415

    report = call_test(world_of(args), args.from_opd, args.to_opd, args.seconds, screen.progress)
    screen.data(report.as_dict())
    _show(report, screen)
    return 0 if report.ok else 1


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds") from None
    if not 1 <= seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text}: from 1 to {MOST_SECONDS:g} seconds")
    return seconds


def _show(report: CallReport, screen: Screen) -> None:
    a, b = f"{report.caller} {report.from_opd}", f"{report.callee} {report.to_opd}"
    rows = [_row(f"{a} → {b}", report.there)] if report.there else []
    rows.append(_row(f"{b} → {a}" if report.there else f"{a} → {b} → back", report.back))
    title = f"answered in {report.setup_ms:g} ms, {report.seconds:g} s of talk"
    screen.table(("direction", "sent", "received", "lost", "jitter ms", "tone Hz", "level dB", "other dB"), rows, title)
    screen.say("verdict: good both ways" if report.ok else "verdict: BAD")
    for fault in report.faults:
        screen.say(f"  {fault}")


def _row(direction: str, way: Way) -> tuple[object, ...]:
    return (
        direction, way.sent, way.received, way.lost, way.jitter_ms, way.tone_hz, way.level_db, way.other_db,
    )  # fmt: skip
