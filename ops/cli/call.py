"""`ops call test`: does a call between two offices work, and how well does it sound."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen

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
    add_running(parser)


def run(args: argparse.Namespace, screen: Screen) -> int:
    wanted = {"from_opd": args.from_opd, "to_opd": args.to_opd, "seconds": args.seconds}
    done, found = perform(args, screen, "call-test", wanted)
    if found:
        screen.data(found)
        _show(found, screen)
    return conclude(done)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds") from None
    if not 1 <= seconds <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text}: from 1 to {MOST_SECONDS:g} seconds")
    return seconds


def _show(found: dict[str, Any], screen: Screen) -> None:
    a, b = f"{found['caller']} {found['from_opd']}", f"{found['callee']} {found['to_opd']}"
    rows = [_row(f"{a} → {b}", found["there"])] if found["there"] else []
    rows.append(_row(f"{b} → {a}" if found["there"] else f"{a} → {b} → back", found["back"]))
    title = f"answered in {found['setup_ms']:g} ms, {found['seconds']:g} s of talk"
    screen.table(("direction", "sent", "received", "lost", "jitter ms", "tone Hz", "level dB", "other dB"), rows, title)
    screen.say("verdict: good both ways" if found["ok"] else "verdict: BAD")
    for fault in found["faults"]:
        screen.say(f"  {fault}")


def _row(direction: str, way: dict[str, Any]) -> list[object]:
    names = ("sent", "received", "lost", "jitter_ms", "tone_hz", "level_db", "other_db")
    return [direction, *(way[name] for name in names)]
