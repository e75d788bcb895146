"""Other people's tools write the same recording in other ways: what it means stays the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from exporters.discovery import discover
from exporters.light import report
from ops.system.snmprec import read

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*.snmprec"))
Row = tuple[str, str, str]


@cache
def told(path: Path) -> dict[str, Any]:
    return report(asyncio.run(discover(read(path))))


def rows(path: Path) -> list[Row]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(oid, kind, said) for oid, kind, said in (line.split("|", 2) for line in lines if "|" in line)]


def in_any_order(found: list[Row]) -> list[Row]:
    random.Random(7).shuffle(found)
    return found


def with_dots_and_spaces(found: list[Row]) -> list[Row]:
    return [(f" .{oid} ", f" {kind} ", said if kind.startswith("4") else f" {said} ") for oid, kind, said in found]


def texts_in_hexadecimal(found: list[Row]) -> list[Row]:
    return [(oid, "4x", said.encode().hex().upper()) if kind == "4" else (oid, kind, said) for oid, kind, said in found]


def texts_with_a_zero_behind(found: list[Row]) -> list[Row]:
    return [
        (oid, "4x", f"{said.encode().hex()}00") if kind == "4" and said else (oid, kind, said)
        for oid, kind, said in found
    ]


def negative_numbers_as_gauges(found: list[Row]) -> list[Row]:
    negative = [kind == "2" and said.startswith("-") for _, kind, said in found]
    pairs = zip(found, negative, strict=True)
    return [(oid, "66", str(int(said) + 2**32)) if below else (oid, kind, said) for (oid, kind, said), below in pairs]


def counters_in_hexadecimal(found: list[Row]) -> list[Row]:
    return [(oid, "70x", f"{int(said):016x}") if kind == "70" else (oid, kind, said) for oid, kind, said in found]


def twice(found: list[Row]) -> list[Row]:
    """A simulator that was recorded while it changed: the first line counts."""
    return [*found, *((oid, "2", "77") for oid, kind, _ in found if kind == "2")]


WAYS: list[Callable[[list[Row]], list[Row]]] = [
    in_any_order,
    with_dots_and_spaces,
    texts_in_hexadecimal,
    texts_with_a_zero_behind,
    negative_numbers_as_gauges,
    counters_in_hexadecimal,
    twice,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_same_recording_written_otherwise_means_the_same(
    way: Callable[[list[Row]], list[Row]], tmp_path: Path
) -> None:
    for path in RECORDINGS:
        other = tmp_path / path.name
        other.write_text("".join("|".join(row) + "\r\n" for row in way(rows(path))), encoding="utf-8", newline="")
        assert told(other) == told(path), path.stem
