"""ops fibre: what of the plant is dark and which segment explains it; what a cut would do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ops.cli.common import world_of
from ops.cli.screen import Screen
from ops.errors import UsageError

if TYPE_CHECKING:
    from exporters.fibre import View
    from ops.fibre.locate import Explanation
    from ops.inventory.model import Region

HELP = "the fibre plant: which segment is cut, what light is left, what a cut would do"
EPILOG = """examples:
  ops fibre status                          the plant drawn, dark links, suspects with why, margins, trends
  ops fibre status --twin latihan --json
  ops fibre what-if --cut r1-03             offices that would go dark or round by another way
  ops fibre what-if --cut r1-03 --cut r1-08"""
LEAST_MARGINS = 8  # rows of the table of margins


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["status", "what-if"], help="status: the plant now; what-if: after a cut")
    parser.add_argument("--cut", metavar="SEGMENT", action="append", default=[], help="what-if: a segment to cut")
    parser.add_argument("--no-trace", action="store_true", help="status: do not look which way packets go (1 second)")


def run(args: argparse.Namespace, screen: Screen) -> int:
    return _what_if(args, screen) if args.what == "what-if" else _status(args, screen)


# ---- what-if


def _what_if(args: argparse.Namespace, screen: Screen) -> int:
    from ops.fibre.cut import Fate, effects  # noqa: PLC0415
    from ops.fibre.drawing import Picture, draw  # noqa: PLC0415
    from ops.fibre.riders import Seen  # noqa: PLC0415
    from ops.inventory.load import load  # noqa: PLC0415

    region = _region(args, load)
    known = [segment.name for segment in region.plant.segments]
    unknown = sorted(set(args.cut) - set(known))
    if unknown or not args.cut:
        what = f"no segment {unknown[0]}" if unknown else "cut what?"
        raise UsageError(what, f"--cut takes one of: {', '.join(known)}")
    found = effects(region, args.cut)
    seen = {Fate.WHOLE: Seen.WHOLE, Fate.DETOUR: Seen.DETOUR, Fate.DARK: Seen.DARK}
    states = {name: ("cut" if name in args.cut else "whole", "") for name in known}
    for line in draw(region, Picture(states, {name: seen[one.fate] for name, one in found.items()})):
        screen.say(line)
    changed = {name: one for name, one in found.items() if one.fate is not Fate.WHOLE}
    rows = [
        (name, one.fate.value, f"{one.path.km:.1f} km over {', '.join(one.path.names)}" if one.path else "no way left")
        for name, one in sorted(changed.items(), key=lambda item: (item[1].fate is not Fate.DARK, item[0]))
    ]
    dark = sum(1 for one in changed.values() if one.fate is Fate.DARK)
    title = f"{dark} dark, {len(changed) - dark} on a detour, {len(found) - len(changed)} as ever"
    screen.table(("link", "would be", "way"), rows, title)
    screen.data({"cut": args.cut, "links": [{"link": name, "fate": fate, "way": way} for name, fate, way in rows]})
    return 0


def _region(args: argparse.Namespace, load: Any) -> Region:
    from ops.cli.common import inventory_of  # noqa: PLC0415
    from ops.world import attach  # noqa: PLC0415

    region: Region = load(attach(args.twin).inventory if args.twin and not args.inventory else inventory_of(args))
    return region


# ---- status


def _status(args: argparse.Namespace, screen: Screen) -> int:
    from exporters.fibre import look  # noqa: PLC0415
    from ops.fibre.drawing import draw, now  # noqa: PLC0415

    world = world_of(args)
    view = look(world, ways=not args.no_trace and not world.loopback)
    screen.data(_document(world.region, view))
    for line in draw(world.region, now(world.region, view.found, view.sights)):
        screen.say(line)
    screen.say(f"measured by {view.source}")
    _troubles(view, screen)
    _margins(view, screen)
    _together(world.region, view, screen)
    return 0


def _troubles(view: View, screen: Screen) -> None:
    for number, incident in enumerate(view.found.incidents, 1):
        links = f"{len(incident.dark)} dark, {len(incident.detour)} on a detour"
        screen.say(
            f"\nincident {number}: {links}{'' if incident.exact else ' (too many possibilities: not all shown)'}"
        )
        screen.say(f"  {', '.join((*incident.dark, *incident.detour))}")
        for one in incident.explanations:
            screen.say(f"  {one.share:6.1%}  {_told(one)}")
    for name in view.found.own:
        screen.say(f"\n{name}: {view.sights[name].why}; no cut explains it: its drop, its power or its port")
    for name in view.found.rerouted:
        screen.say(f"\n{name}: on another way although its own is whole")
    if not view.found.incidents and not view.found.own:
        screen.say("\nnothing is dark and no segment is suspected")


def _told(one: Explanation) -> str:
    parts = [f"cut: {' and '.join(one.segments)}"] if one.segments else []
    if one.own:
        parts.append(f"trouble of its own (drop, power, port): {', '.join(one.own)}")
    return "; ".join(parts)


def _margins(view: View, screen: Screen) -> None:
    rows = sorted(view.margins.items(), key=lambda item: item[1].spare)
    shown = [
        (
            name,
            f"{one.received:.1f}",
            f"{one.expected:.1f}",
            f"{one.excess:+.1f}",
            f"{one.spare:.1f}",
            _trend(view, name),
        )
        for name, one in rows
        if view.dimmings.get(name) or name in dict(rows[:LEAST_MARGINS])
    ]
    if shown:
        headers = ("link", "received dBm", "by the budget", "excess loss dB", "margin dB", "trend")
        screen.table(headers, shown, f"least margins of {len(rows)} links with light")


def _together(region: Region, view: View, screen: Screen) -> None:
    """Where several links dim: in their drops, or on a segment that they share."""
    from exporters.fibre import dimming_together  # noqa: PLC0415

    for incident in dimming_together(region, view.dimmings).incidents:
        screen.say(f"\ndimming together: {', '.join(incident.dark)}")
        for one in incident.explanations:
            told = f"on {' and '.join(one.segments)}" if one.segments else "each by itself"
            screen.say(f"  {one.share:6.1%}  {told}")


def _trend(view: View, name: str) -> str:
    return "; ".join(
        f"{one.cause}: {one.slope * 30:+.2f} dB a month"
        + (f", {one.days:.0f} days left" if one.days is not None else "")
        for one in view.dimmings.get(name, ())
    )


def _document(region: Region, view: View) -> dict[str, Any]:
    from exporters.fibre import dimming_together  # noqa: PLC0415

    found = view.found
    return {
        "source": view.source,
        "suspects": found.suspects,
        "incidents": [
            {
                "dark": one.dark,
                "detour": one.detour,
                "exact": one.exact,
                "explanations": [{"cut": e.segments, "own": e.own, "share": e.share} for e in one.explanations],
            }
            for one in found.incidents
        ],
        "own_trouble": [{"link": name, "why": view.sights[name].why} for name in found.own],
        "rerouted": found.rerouted,
        "segments": {
            one.name: "suspect" if one.name in found.suspects else "whole" if one.name in found.whole else "unknown"
            for one in region.plant.segments
        },
        "links": {name: {"seen": one.seen, "why": one.why} for name, one in view.sights.items()},
        "margins": {
            name: {"received_dbm": one.received, "expected_dbm": one.expected, "margin_db": one.spare}
            for name, one in view.margins.items()
        },
        "dimming_segments": dimming_together(region, view.dimmings).suspects,
        "dimming": {
            name: [{"cause": one.cause, "db_per_day": one.slope, "days": one.days} for one in many]
            for name, many in view.dimmings.items()
            if many
        },
    }
