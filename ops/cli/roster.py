"""ops roster: who is on call."""

from __future__ import annotations

import argparse

from ops.cli.common import inventory_of
from ops.cli.screen import Screen

HELP = "who is on call for the regency and for each office, now or at another time"
EPILOG = """examples:
  ops roster
  ops roster --at 2026-12-25T08:00
  ops roster --json
exit code 1: a duty that nobody has"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", metavar="TIME", default="", help="by the region's clock, as 2026-12-25T08:00")


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.errors import OpsError  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.inventory.load import load  # noqa: PLC0415
    from ops.inventory.on_call import on_call  # noqa: PLC0415

    region = load(inventory_of(args))
    found = on_call(region, _moment(args.at, region.timezone))
    rows = [
        (
            one.duty, ", ".join(one.opds) or "the regency", one.person.title if one.person else "NOBODY",
            one.person.phone if one.person else "", f"{one.ends:%Y-%m-%d %H:%M}" if one.ends else "",
        )
        for one in found
    ]  # fmt: skip
    screen.table(("duty", "for", "on call", "phone", "until"), rows)
    screen.data(
        [
            {
                "duty": one.duty, "opds": list(one.opds),
                "person": one.person.model_dump(exclude={"at"}) if one.person else None,
                "begins": one.begins and one.begins.isoformat(), "ends": one.ends and one.ends.isoformat(),
            }
            for one in found
        ]
    )  # fmt: skip
    if nobody := [one.duty for one in found if one.person is None]:
        raise OpsError(f"nobody is on call for {', '.join(nobody)}", "extend roster.duties in region.yml")
    if not found:
        screen.note("no duty is declared: roster in region.yml")
    return 0


def _moment(text: str, timezone: str) -> float:
    import time  # noqa: PLC0415
    from datetime import datetime  # noqa: PLC0415
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from ops.errors import UsageError  # noqa: PLC0415

    if not text:
        return time.time()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).timestamp()
    except ValueError:
        raise UsageError(f"{text} is not a time", "write it as 2026-12-25T08:00") from None
