"""`ops call test`: do calls between offices work, and how well do they sound."""

from __future__ import annotations

import argparse
from typing import Any

from ops.cli.running import add_running, conclude, perform
from ops.cli.screen import Screen
from ops.errors import UsageError

HELP = "place a test call between two offices, or reach all of them, and measure both directions"
EPILOG = """examples:
  ops call test --from dinkes --to disdik --twin latihan     two telephones of the twin, each in its office
  ops call test --from dinkes --to disdik                    the station calls disdik's test extension
  ops call test --all                                        every office is reached once"""
MOST_SECONDS = 120.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["test"], help="test: register, call, send a tone each way, measure, hang up")
    parser.add_argument("--from", dest="from_opd", metavar="OPD", help="the office that calls")
    parser.add_argument("--to", dest="to_opd", metavar="OPD", help="the office that is called")
    parser.add_argument("--all", action="store_true", help="calls side by side that reach every office once")
    parser.add_argument("--seconds", type=_seconds, default=4.0, help="how long both talk (default 4)")
    add_running(parser)


def run(args: argparse.Namespace, screen: Screen) -> int:
    if args.all == bool(args.from_opd or args.to_opd) or bool(args.from_opd) != bool(args.to_opd):
        raise UsageError("say --from and --to, or --all", "ops call test --all reaches every office once")
    two = {} if args.all else {"from_opd": args.from_opd, "to_opd": args.to_opd}
    wanted = {**two, "seconds": args.seconds}
    done, found = perform(args, screen, "call-test", wanted)
    if found:
        screen.data(found)
        _show_all(found["calls"], screen) if args.all else _show(found, screen)
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
    title = f"answered in {found['setup_ms']:g} ms, {found['seconds']:g} s of talk, MOS {found['mos']:g}"
    title += f", by {found['exchange']}"
    screen.table(("direction", "sent", "received", "lost", "jitter ms", "tone Hz", "level dB", "other dB"), rows, title)
    screen.say("verdict: good both ways" if found["ok"] else "verdict: BAD")
    for fault in found["faults"]:
        screen.say(f"  {fault}")


def _show_all(calls: list[dict[str, Any]], screen: Screen) -> None:
    rows = [
        (
            f"{one['from_opd']} → {one['to_opd']}",
            "good" if one["ok"] else "BAD",
            one.get("setup_ms", ""),
            one["back"]["lost"] + (one["there"] or {"lost": 0})["lost"] if "back" in one else "",
            one.get("mos", ""),
            one.get("exchange", ""),
            "; ".join(one["faults"]),
        )
        for one in sorted(calls, key=lambda one: one["ok"])
    ]
    good = sum(one["ok"] for one in calls)
    screen.table(
        ("call", "verdict", "set-up ms", "lost", "MOS", "exchange", "why"), rows, f"{good} of {len(calls)} calls good"
    )


def _row(direction: str, way: dict[str, Any]) -> list[object]:
    names = ("sent", "received", "lost", "jitter_ms", "tone_hz", "level_db", "other_db")
    return [direction, *(way[name] for name in names)]
