"""ops report: documents for officials and auditors, each figure with the query that it came from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ops.cli.common import add_common_again, world_of
from ops.cli.screen import Screen

if TYPE_CHECKING:
    from ops.jobs.report import Asked
    from ops.reports.annex import Done
    from ops.world import World

HELP = "monthly reports per office, for the regency's head and of the upstreams; yearly annexes for auditors"
EPILOG = """examples:
  ops report opd dinkes --month 2026-10 --format pdf
  ops report region --month 2026-10 --language en
  ops report upstream --month 2026-10                        restitution, with its evidence
  ops report annex iso27001 --year 2026 --format html -o annex.html
  ops report all --month 2026-10                             everything, as the monthly job does"""


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    opd = below.add_parser("opd", help="one office's month")
    opd.add_argument("code", metavar="CODE")
    region = below.add_parser(
        "region", help="the month for the regency's head: one page, then all offices, worst first"
    )
    upstream = below.add_parser("upstream", help="the upstreams' month: outages, and what their contracts give back")
    whole = below.add_parser(
        "all", help="the reports of every office, the region and the upstreams, into the state folder"
    )
    annex = below.add_parser("annex", help="what the suite can prove in a year")
    annex.add_argument("standard", choices=("spbe", "iso27001"))
    annex.add_argument("--year", metavar="2026", required=True)
    for one in (opd, region, upstream, whole):
        one.add_argument("--month", metavar="2026-10", default="", help="default: the month before this one")
        one.add_argument("--prometheus", metavar="URL", default="", help="default: the region's own")
    for one in (opd, region, upstream, annex):
        one.add_argument("--format", choices=("html", "pdf", "json", "md"), default="html")
        one.add_argument("--language", choices=("id", "en"), default="id")
        one.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: below the state folder")
    for one in (opd, region, upstream, whole, annex):
        add_common_again(one)


def run(args: argparse.Namespace, screen: Screen) -> int:
    world = world_of(args)
    if args.what == "all":
        return _all(world, args, screen)
    name, facts = _annex(world, args) if args.what == "annex" else _month(world, args)
    if screen.as_json:
        screen.data(facts)
        return 0
    from ops.reports import files  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.reports.render import render  # noqa: PLC0415

    default = files.folder_of(world.state, facts["period"]) / files.name_of(name, args.format, args.language)
    path = files.put(args.output or default, render(facts, args.format, args.language))
    screen.say(str(path))
    for one in facts["missing"]:
        screen.note(f"no figure: {one['figure']}: {one['reason']}")
    return 0


def _all(world: World, args: argparse.Namespace, screen: Screen) -> int:
    from ops.jobs.report import report  # noqa: PLC0415

    made = report(_asked(world, args), screen.progress)
    screen.data([str(path) for path in made])
    screen.say(f"{len(made)} files in {made[0].parent}")
    return 0


def _month(world: World, args: argparse.Namespace) -> tuple[str, Mapping[str, Any]]:
    from ops.errors import UsageError  # noqa: PLC0415
    from ops.jobs.report import facts  # noqa: PLC0415
    from ops.reports.measured import Measured  # noqa: PLC0415
    from ops.reports.region import region_page  # noqa: PLC0415
    from ops.reports.upstream import upstream_page  # noqa: PLC0415

    asked = _asked(world, args)
    measured = Measured(asked.prometheus)
    if args.what == "upstream":
        return "_upstream", upstream_page(world.region, asked.period, measured)
    if args.what == "region":
        return "_region", region_page(world.region, asked.period, facts(asked, measured))
    if args.code not in {opd.code for opd in world.region.opds}:
        raise UsageError(f"no office has the code {args.code!r}", "`ops check` names them")
    (found,) = facts(asked, measured, [args.code])
    return args.code, found


def _asked(world: World, args: argparse.Namespace) -> Asked:
    import time  # noqa: PLC0415

    from exporters.fibre_read import prometheus_of  # noqa: PLC0415
    from ops.jobs.report import Asked  # noqa: PLC0415
    from ops.reports.period import month_before, month_of  # noqa: PLC0415
    from ops.runs.foreground import Desk  # noqa: PLC0415

    now, zone = time.time(), world.region.timezone
    period = month_of(args.month or month_before(zone, now), zone, now)
    drifts = [one for one in _results(Desk.of(world), "drift", period.begin) if "at" in one]
    return Asked(world, period, args.prometheus or prometheus_of(world), drifts)


def _results(desk: Any, kind: str, since: float) -> Sequence[Mapping[str, Any]]:
    from ops.runs import history  # noqa: PLC0415
    from ops.runs.history import Filter  # noqa: PLC0415

    found = history.search(desk.database, Filter(kind=kind, since=since))
    return [desk.result(run) for run in found if run.state.ended]


def _annex(world: World, args: argparse.Namespace) -> tuple[str, Mapping[str, Any]]:
    import time  # noqa: PLC0415

    from ops.reports.annex import annex  # noqa: PLC0415
    from ops.reports.period import year_of  # noqa: PLC0415
    from ops.reports.records import records  # noqa: PLC0415

    period = year_of(args.year, world.region.timezone, time.time())
    done = _done(world, period.begin)
    return f"_{args.standard}", annex(args.standard, world.region, period, records(world), done)


def _done(world: World, since: float) -> dict[str, list[Done]]:
    """What the job history holds, by kind of job; and approvals."""
    from ops.reports.annex import Done  # noqa: PLC0415
    from ops.runs import history  # noqa: PLC0415
    from ops.runs.foreground import Desk  # noqa: PLC0415
    from ops.runs.history import Filter  # noqa: PLC0415
    from ops.runs.model import RunState  # noqa: PLC0415

    desk = Desk.of(world)
    found: dict[str, list[Done]] = {}
    for run in history.search(desk.database, Filter(since=since)):
        if run.state.ended:
            found.setdefault(run.kind, []).append(Done(run.created, run.state is RunState.DONE))
    with desk.database.read() as tx:
        rows = tx.all("SELECT at FROM approval WHERE verdict = 'approved' AND at >= ?", since)
    found["approvals"] = [Done(float(row["at"]), good=True) for row in rows]
    return found
