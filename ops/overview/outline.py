"""A region's border from any GeoJSON: normalised to rings of (latitude, longitude), simplified, checked. Pure.

Polygons of many sources are in latitude, longitude order although GeoJSON wants it the other way round; which it is, is
seen by the declared sites: they lie inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ops.errors import UsageError
from ops.overview.model import Place

Ring = tuple[Place, ...]
TOLERANCE = 0.001  # degrees, some 110 m: finer than a wall shows
MOST_POINTS = 4_000
_LEAST = 4  # positions of a closed ring
_HELP = "a Polygon, MultiPolygon, Feature, FeatureCollection or GeometryCollection of positions in degrees"


def rings(document: Any) -> list[Ring]:
    """The outer rings of all polygons, positions as they are written. UsageError when there is none."""
    found = [ring for ring in _rings(document, 0) if len(ring) >= _LEAST]
    if not found:
        raise UsageError("there is no polygon in it", _HELP)
    return found


def _rings(thing: Any, depth: int) -> Iterator[Ring]:
    if not isinstance(thing, dict) or depth > 8:  # noqa: PLR2004 # collections in collections
        raise UsageError("this is no GeoJSON", _HELP)
    kind = thing.get("type")
    if kind in {"FeatureCollection", "GeometryCollection"}:
        parts = thing.get("features" if kind == "FeatureCollection" else "geometries")
        for part in parts if isinstance(parts, list) else ():
            yield from _rings(part, depth + 1)
    elif kind == "Feature":
        if thing.get("geometry"):
            yield from _rings(thing["geometry"], depth + 1)
    elif kind in {"Polygon", "MultiPolygon"}:
        yield from _outer(thing.get("coordinates"))


def _outer(coordinates: Any) -> Iterator[Ring]:
    """Of a Polygon's or MultiPolygon's coordinates, however deep they are nested: the first ring of each polygon."""
    if not isinstance(coordinates, list) or not coordinates:
        return
    first = coordinates[0]
    if _is_ring(first):
        yield _ring(first)
    elif _is_ring(coordinates):
        yield _ring(coordinates)
    else:
        for part in coordinates:
            yield from _outer(part)


def _is_ring(thing: Any) -> bool:
    return isinstance(thing, list) and bool(thing) and all(_is_position(one) for one in thing)


def _is_position(thing: Any) -> bool:
    two = 2
    return (
        isinstance(thing, list)
        and len(thing) >= two
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in thing[:two])
    )


def _ring(positions: Sequence[Any]) -> Ring:
    return tuple((float(one[0]), float(one[1])) for one in positions)


def oriented(found: Sequence[Ring], sites: Sequence[Place]) -> tuple[list[Ring], bool]:
    """The rings as (latitude, longitude), and whether the file had them in that order, against the standard.

    Decided by which order holds more of the sites, else by what cannot be a latitude. UsageError beyond the globe.
    """
    turned = [tuple((lat, lon) for lon, lat in ring) for ring in found]  # as the standard says
    as_written = list(found)
    right, wrong = inside(turned, sites), inside(as_written, sites)
    if not right and not wrong:
        wrong, right = int(_possible(as_written)), int(_possible(turned))
        if wrong and right:
            wrong = 0
    if not right and not wrong:
        raise UsageError("its positions are no degrees", "export it as EPSG:4326 (WGS 84), longitude and latitude")
    return (as_written, True) if wrong > right else (turned, False)


def _possible(found: Iterable[Ring]) -> bool:
    return all(abs(lat) <= 90 and abs(lon) <= 180 for ring in found for lat, lon in ring)  # noqa: PLR2004 # the globe


def inside(found: Iterable[Ring], sites: Iterable[Place]) -> int:
    """How many sites lie in one of the rings."""
    borders = list(found)
    return sum(any(holds(ring, site) for ring in borders) for site in sites)


def holds(ring: Ring, place: Place) -> bool:
    """Whether a place lies in a ring (even-odd rule)."""
    lat, lon = place
    odd = False
    before = ring[-1]
    for here in ring:
        if (here[1] > lon) != (before[1] > lon):
            crossing = (before[0] - here[0]) * (lon - here[1]) / (before[1] - here[1]) + here[0]
            odd ^= lat < crossing
        before = here
    return odd


def simplified(ring: Ring, tolerance: float = TOLERANCE) -> Ring:
    """Without positions that lie closer than `tolerance` degrees to the line of the rest (Douglas–Peucker)."""
    if len(ring) <= _LEAST:
        return ring
    # a closed ring begins where it ends: it is cut at the position farthest from its beginning
    far = max(range(len(ring)), key=lambda at: _distance(ring[at], ring[0]))
    keep = {0, far, len(ring) - 1}
    ahead = [(0, far), (far, len(ring) - 1)]
    while ahead:
        start, end = ahead.pop()
        if end - start < 2:  # noqa: PLR2004 # nothing between
            continue
        at = max(range(start + 1, end), key=lambda one: _off_line(ring[one], ring[start], ring[end]))
        if _off_line(ring[at], ring[start], ring[end]) > tolerance:
            keep.add(at)
            ahead += [(start, at), (at, end)]
    return tuple(ring[at] for at in sorted(keep))


def _distance(one: Place, other: Place) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _off_line(place: Place, start: Place, end: Place) -> float:
    """Degrees from a place to the stretch between two."""
    length = _distance(start, end)
    if not length:
        return float(_distance(place, start) ** 0.5)
    along = ((place[0] - start[0]) * (end[0] - start[0]) + (place[1] - start[1]) * (end[1] - start[1])) / length
    along = min(1.0, max(0.0, along))
    foot = (start[0] + along * (end[0] - start[0]), start[1] + along * (end[1] - start[1]))
    return float(_distance(place, foot) ** 0.5)


def coarse(found: Iterable[Ring]) -> list[Ring]:
    """Simplified rings, together of at most MOST_POINTS positions; what is left of no area is dropped."""
    borders, tolerance = [simplified(ring) for ring in found], TOLERANCE
    while sum(map(len, borders)) > MOST_POINTS:
        tolerance *= 2
        borders = [simplified(ring, tolerance) for ring in borders]
    return [ring for ring in borders if len(ring) >= _LEAST]


def document(found: Iterable[Ring], note: str) -> dict[str, Any]:
    """GeoJSON as the standard wants it: longitude first, rings closed, five digits (1 m)."""
    polygons = [[[[round(lon, 5), round(lat, 5)] for lat, lon in _closed(ring)]] for ring in found]
    return {
        "type": "Feature",
        "properties": {"note": note},
        "geometry": {"type": "MultiPolygon", "coordinates": polygons},
    }


def _closed(ring: Ring) -> Ring:
    return ring if ring[0] == ring[-1] else (*ring, ring[0])
