"""Outlines of any source become rings of latitude and longitude; what is wrong is told."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.main import main
from ops.errors import UsageError
from ops.overview import outline

ROOT = Path(__file__).parents[2]

INVENTORY = ROOT / "inventories/batubara"
SQUARE = [[99.2, 3.0], [99.8, 3.0], [99.8, 3.6], [99.2, 3.6], [99.2, 3.0]]
SITES = [(3.17, 99.42), (3.43, 99.40)]


def turned(ring: list[list[float]]) -> list[list[float]]:
    return [[two, one] for one, two in ring]


def feature(kind: str, coordinates: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": geometry}]}


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon", "flat"])
def test_any_nesting_and_either_order(kind: str, swap: bool) -> None:
    ring = turned(SQUARE) if swap else SQUARE
    nested: Any = {"Polygon": [ring], "MultiPolygon": [[ring]], "flat": ring}[kind]
    document = feature("Polygon" if kind == "flat" else kind, nested)
    found, was_swapped = outline.oriented(outline.rings(document), SITES)
    assert was_swapped is swap
    assert found[0][0] == (3.0, 99.2)
    assert outline.inside(found, SITES) == 2


def test_order_is_seen_without_sites_by_what_is_no_latitude() -> None:
    found, swapped = outline.oriented(outline.rings(feature("Polygon", [turned(SQUARE)])), [])
    assert swapped
    assert found[0][0] == (3.0, 99.2)


@pytest.mark.parametrize(
    "document",
    [[], {"type": "Point", "coordinates": [1, 2]}, {"type": "Polygon", "coordinates": []}, feature("Polygon", "x"), 7],
)
def test_what_is_no_polygon_is_told(document: Any) -> None:
    with pytest.raises(UsageError):
        outline.rings(document)


def test_metres_are_refused() -> None:
    ring = [[500_000.0, 350_000.0], [520_000.0, 350_000.0], [520_000.0, 380_000.0], [500_000.0, 350_000.0]]
    with pytest.raises(UsageError, match="no degrees"):
        outline.oriented(outline.rings(feature("Polygon", [ring])), SITES)


@given(st.lists(st.tuples(st.floats(3, 4), st.floats(99, 100)), min_size=5, max_size=60))
def test_simplified_stays_close_and_keeps_its_ends(points: list[tuple[float, float]]) -> None:
    ring = (*points, points[0])
    kept = outline.simplified(ring, 0.01)
    assert kept[0] == kept[-1] == ring[0]
    assert set(kept) <= set(ring)
    for place in ring:
        near = min(outline._off_line(place, one, other) for one, other in pairwise(kept))
        assert near <= 0.01 + 1e-9


def test_a_line_of_many_positions_becomes_two() -> None:
    side = [(3.0, 99.0 + step / 1000) for step in range(1000)]
    ring = (*side, (3.5, 99.5), side[0])
    assert len(outline.simplified(ring)) == 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(INVENTORY, tmp_path / "batubara", ignore=shutil.ignore_patterns("outline.geojson"))
    return tmp_path / "batubara"


def test_import_writes_what_the_map_reads(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "batas.geojson"
    file.write_text(json.dumps(feature("Polygon", [turned(SQUARE)])), encoding="utf-8")
    assert main(["geo", "import", str(file), "-i", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["swapped"] is True
    assert told["outside"] == []
    written = json.loads((folder / "outline.geojson").read_text(encoding="utf-8"))
    assert written["geometry"]["coordinates"][0][0][0] == [99.2, 3.0]  # longitude first, as the standard says


def test_a_border_of_somewhere_else_is_warned_of(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = [[one + 5, two + 2] for one, two in SQUARE]
    file = tmp_path / "lain.geojson"
    file.write_text(json.dumps(feature("Polygon", [away])), encoding="utf-8")
    assert main(["geo", "import", str(file), "-i", str(folder)]) == 0
    assert "45 of 45 offices lie outside" in capsys.readouterr().err


def test_a_file_that_is_no_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.geojson"
    file.write_text("{", encoding="utf-8")
    assert main(["geo", "import", str(file), "-i", str(folder)]) == 2
    assert "no JSON" in capsys.readouterr().err


def test_the_demonstration_region_lies_inside_its_own_outline() -> None:
    from ops.inventory.load import load  # noqa: PLC0415

    region = load(INVENTORY)
    document = json.loads((INVENTORY / "outline.geojson").read_text(encoding="utf-8"))
    places = [site.location for opd in region.opds for site in opd.sites]
    places += [node.location for node in region.plant.nodes]
    found, swapped = outline.oriented(outline.rings(document), places)
    assert not swapped
    assert outline.inside(found, places) == len(places)
