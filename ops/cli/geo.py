"""ops geo: the region's outline for maps."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ops.cli.common import add_common_again, inventory_of
from ops.cli.screen import Screen
from ops.errors import OpsError, UsageError

HELP = "import the region's outline for the map of the command centre"
EPILOG = """examples:
  ops geo import batas.geojson                 any GeoJSON polygon; written to inventories/<region>/outline.geojson
  ops geo import batas.geojson -i inventories/batubara --json
latitude and longitude the wrong way round are seen and turned; a border that leaves declared sites outside is told."""
FILE = "outline.geojson"
_MOST_BYTES = 64 * 1024 * 1024


def arguments(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = below.add_parser("import", help="take the outline from a GeoJSON file")
    importing.add_argument("file", type=Path, metavar="FILE")
    add_common_again(importing)


def run(args: argparse.Namespace, screen: Screen) -> int:
    from ops.inventory.load import load  # noqa: PLC0415 # the inventory's types cost 0.2 s
    from ops.overview import outline  # noqa: PLC0415

    screen.as_json, screen.quiet = args.json, args.quiet
    folder = inventory_of(args)
    region = load(folder)
    sites = [(opd.code, site.location) for opd in region.opds for site in opd.sites]
    places = [place for _, place in sites] + [node.location for node in region.plant.nodes]
    found, swapped = outline.oriented(outline.rings(_read(args.file)), places)
    coarse = outline.coarse(found)
    outside = sorted({code for code, place in sites if not outline.inside(coarse, [place])})
    made = outline.document(coarse, f"from {args.file.name}; drawn on maps only, not a legal boundary")
    _write(folder / FILE, made)
    points = sum(map(len, coarse))
    before = sum(map(len, found))
    screen.data({"file": str(folder / FILE), "rings": len(coarse), "points": points, "of_points": before,
                 "swapped": swapped, "outside": outside})  # fmt: skip
    screen.say(f"{folder / FILE}: {len(coarse)} ring(s), {points} of {before} positions kept")
    if swapped:
        screen.say("latitude stood before longitude in the file: turned round")
    if outside:
        screen.note(
            f"WARNING: {len(outside)} of {len(region.opds)} offices lie outside this outline: {', '.join(outside[:8])}"
            f"{' …' if len(outside) > 8 else ''}. Is it this region's border, and are their `location`s right?"  # noqa: PLR2004
        )
    return 0


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path}: larger than 64 MB", "cut this region's polygon out of it first")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path}: this is no JSON", "a GeoJSON file is wanted") from None


def _write(path: Path, made: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(made, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise OpsError(f"{path}: {error.strerror}", "the inventory's folder must be writable") from None
