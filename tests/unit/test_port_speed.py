"""A port's speed from what a device tells of it: ifHighSpeed in Mbit/s, ifSpeed in bit/s, or only one of the two."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from exporters.discovery import discover
from ops.system.snmprec import read

HIGH, PLAIN = "1.3.6.1.2.1.31.1.1.1.15.4|66|", "1.3.6.1.2.1.2.2.1.5.4|66|"


@pytest.mark.parametrize(
    ("rows", "bps"),
    [
        ([f"{HIGH}10000", f"{PLAIN}4294967295"], 10_000_000_000),
        ([f"{HIGH}0", f"{PLAIN}64000"], 64_000),
        ([f"{HIGH}0", f"{PLAIN}0"], 0),
        ([f"{HIGH}0"], 0),  # a cage without a module
        ([f"{PLAIN}100000000"], 100_000_000),
        ([], None),
    ],
)
def test_the_speed_is_what_the_device_says(tmp_path: Path, rows: list[str], bps: int | None) -> None:
    file = tmp_path / "one.snmprec"
    file.write_text("\n".join(["1.3.6.1.2.1.2.2.1.2.4|4|sfp-sfpplus3", *rows]), encoding="utf-8")
    assert asyncio.run(discover(read(file))).ports[4].speed_bps == bps
