"""October 2026 of five offices and one upstream, invented by a seed; a real Prometheus over it; and what it says,
recomputed from the very samples second by second: without PromQL, and without anything of ops.reports.
"""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

from image_programs import program

from ops.inventory.model import Link, Opd, Region
from ops.system import http

WIB = timezone(timedelta(hours=7))
BEGIN = int(datetime(2026, 10, 1, tzinfo=WIB).timestamp())
END = int(datetime(2026, 11, 1, tzinfo=WIB).timestamp())
NOW = END + 86_400.0
LENGTH = END - BEGIN
STEP, HOLD, HOUR = 300, 600, 3600
OFFICES = ("dinkes", "disdik", "rsud", "bapenda", "setda")
WINDOW = "sun 01:00-05:00"  # of setda
Stretch = tuple[int, int]
Series = tuple[str, tuple[tuple[str, str], ...]]  # metric, labels


@dataclass
class Month:
    """`samples`: what Prometheus is given, integer seconds. `planted`: outages by office, as they were meant."""

    samples: dict[Series, list[tuple[int, float]]] = field(default_factory=dict)
    planted: dict[str, list[Stretch]] = field(default_factory=dict)

    def add(self, name: str, at: int, value: float, **labels: str) -> None:
        self.samples.setdefault((name, tuple(sorted(labels.items()))), []).append((at, value))

    def of(self, name: str, **labels: str) -> list[tuple[int, float]]:
        return self.samples.get((name, tuple(sorted(labels.items()))), [])

    def text(self) -> str:
        """OpenMetrics."""
        lines, seen = [], ""
        for (name, labels), points in sorted(self.samples.items()):
            if name != seen:
                lines.append(f"# TYPE {name} unknown")
                seen = name
            shown = ",".join(f'{key}="{value}"' for key, value in labels)
            lines += [f"{name}{{{shown}}} {value!r} {at}" for at, value in points]
        return "\n".join([*lines, "# EOF", ""])


def invented(region: Region, seed: int = 8) -> Month:
    """Outages of every kind: a cut, a restart, a port, one over the month's edge, one in a maintenance window."""
    dice, month = random.Random(seed), Month()
    for code in OFFICES:
        opd = region.opd(code)
        month.planted[code] = _planted(code, dice)
        _reachable(month, opd, dice)
        _used(month, opd, dice)
        _lit(month, opd, dice)
    _upstream(month, dice)
    return month


def _planted(code: str, dice: random.Random) -> list[Stretch]:
    day, at = 86_400, dice.randrange(0, 12 * HOUR, STEP)
    return {
        "dinkes": [
            (BEGIN + 3 * day + at, BEGIN + 3 * day + at + 7 * HOUR),
            (BEGIN + 20 * day, BEGIN + 20 * day + 1500),
        ],
        "disdik": [(BEGIN + 9 * day + at, BEGIN + 9 * day + at + 4000)],
        "rsud": [(BEGIN + 12 * day + at, BEGIN + 12 * day + at + 3000)],
        "bapenda": [],
        # the month begins on a Thursday: over its edge, and on Sunday the fourth from 02:00 to 06:00
        "setda": [(BEGIN - 1800, BEGIN + 5400), (BEGIN + 3 * day + 2 * HOUR, BEGIN + 3 * day + 6 * HOUR)],
    }[code]


def _ports(opd: Opd) -> tuple[dict[str, str], dict[str, str]]:
    link: Link = opd.links[0]
    device = {"opd": opd.code, "site": opd.sites[0].name, "device": link.router}
    return device, {**device, "ifname": link.ifname}


def _reachable(month: Month, opd: Opd, dice: random.Random) -> None:
    device, port = _ports(opd)
    for at in range(BEGIN - 3600 + 60, END + 3600, STEP):
        if opd.code == "rsud" and 0 <= at - BEGIN - 5 * 86_400 < 5 * HOUR:
            continue  # nothing was measured
        down = any(begin <= at < end for begin, end in month.planted[opd.code])
        silent = down or (opd.code == "bapenda" and dice.random() < 0.01)  # SNMP alone: no outage
        if opd.code == "rsud":  # its port goes down, the router is reached otherwise
            month.add("opd_poll_up", at, 1, **device)
            month.add("opd_interface_up", at, 0 if down else 1, **port)
            continue
        month.add("opd_poll_up", at, 0 if silent else 1, **device)
        if not silent:
            month.add("opd_interface_up", at, 1, **port)
        month.add("opd_link_packet_loss_ratio", at, 1 if down else dice.choice((0, 0, 0, 0.2)), **port)
        if down and opd.code == "dinkes":
            month.add("opd_fibre_behind_cut", at, 1, segment="r1-01", **port)
    if opd.code == "disdik":  # its counter falls back while it is away
        begin, end = month.planted["disdik"][0]
        for at in (begin - 600, begin - 300, end + 60, end + 360):
            month.add(
                "opd_interface_receive_bytes_total", at, 5e12 + at - begin if at < begin else 1e6 + at - end, **port
            )


def _used(month: Month, opd: Opd, dice: random.Random) -> None:
    contract = {"receive": opd.links[0].contract.download, "transmit": opd.links[0].contract.upload}
    for way in ("receive", "transmit") if opd.code == "dinkes" else ("receive",):
        hour_bytes, hour_full = 0.0, 0
        month.add(f"opd:{way}_bits:rate5m", BEGIN, 1e15, opd=opd.code)  # of September: it may not count
        for at in range(BEGIN + STEP, END + 1, STEP):
            busy = 1.0 if 1 <= (at + 7 * HOUR) // HOUR % 24 - 7 <= 9 else 0.2
            bits = float(int(contract[way] * busy * dice.random() ** 0.5))
            month.add(f"opd:{way}_bits:rate5m", at, bits, opd=opd.code)
            hour_bytes, hour_full = hour_bytes + bits * STEP / 8, hour_full + (bits > 0.9 * contract[way])
            if at % HOUR == 0:
                month.add(f"opd:{way}_bytes:increase1h", at, hour_bytes, opd=opd.code)
                month.add(f"opd:{way}_saturated:minutes1h", at, 5.0 * hour_full, opd=opd.code)
                hour_bytes, hour_full = 0.0, 0


def _lit(month: Month, opd: Opd, dice: random.Random) -> None:
    falls = 0.06 if opd.code == "rsud" else 0.0
    for at in range(BEGIN + 2 * HOUR, END + 1, 2 * HOUR):
        light = round(-12 - falls * (at - BEGIN) / 86_400 + dice.uniform(-0.05, 0.05), 3)
        month.add("opd_optical_receive_power_dbm", at, light, **_ports(opd)[1])


def _upstream(month: Month, dice: random.Random) -> None:
    begin = BEGIN + 86_400 * 15 + dice.randrange(0, 6 * HOUR, STEP)
    month.planted["astinet"] = [(begin, begin + 9 * HOUR), (BEGIN + 86_400 * 22, BEGIN + 86_400 * 22 + 2 * HOUR)]
    for at in range(BEGIN - 1800 + 30, END + 1800, STEP):
        down = any(first <= at < last for first, last in month.planted["astinet"])
        month.add("opd_upstream_up", at, 0 if down else 1, upstream="astinet")


# ---- the same figures, second by second


def mask(points: Sequence[tuple[int, float]], truth: Any) -> int:
    """A number with one byte per second of the month: 1 where the reading that holds then is `truth`."""
    line = bytearray(LENGTH)
    for (at, value), (after, _) in pairwise([*points, (1 << 40, 0.0)]):
        if truth(value):
            begin, end = max(at - BEGIN, 0), min(after - BEGIN, at + HOLD - BEGIN, LENGTH)
            if begin < end:
                line[begin:end] = b"\1" * (end - begin)
    return int.from_bytes(line, "big")


def known_at_all(_value: float) -> bool:
    return True


def planned(windows: Sequence[str]) -> int:
    line = bytearray(LENGTH)
    if windows:
        for second in range(0, LENGTH, 60):
            moment = datetime.fromtimestamp(BEGIN + second, WIB)
            if moment.weekday() == 6 and 1 <= moment.hour < 5:
                line[second : second + 60] = b"\1" * 60
    return int.from_bytes(line, "big")


ALL = int.from_bytes(b"\1" * LENGTH, "big")


def seconds(line: int) -> int:
    return line.to_bytes(LENGTH, "big").count(1)


def stretches(line: int) -> list[Stretch]:
    """Where it is 1."""
    text, found, at = line.to_bytes(LENGTH, "big"), [], 0
    while (begin := text.find(1, at)) >= 0:
        end = text.find(0, begin)
        at = LENGTH if end < 0 else end
        found.append((BEGIN + begin, BEGIN + at))
    return found


def office(month: Month, opd: Opd, windows: Sequence[str] = ()) -> dict[str, Any]:
    """Availability and outages of an office with one link."""
    device, port = _ports(opd)
    answered = month.of("opd_poll_up", **device)
    ports = month.of("opd_interface_up", **port)
    echoes = month.of("opd_link_packet_loss_ratio", **port)
    told_down = mask(ports, lambda value: value == 0)
    up = (mask(answered, lambda value: value == 1) | mask(echoes, lambda value: value < 1)) & (ALL ^ told_down)
    known = mask(answered, known_at_all) | mask(echoes, known_at_all) | told_down
    down, counted = known & (ALL ^ up), known & (ALL ^ planned(windows))
    lost = seconds(down & counted)
    return {
        "percent": 100 * (1 - lost / seconds(counted)),
        "counted": seconds(counted),
        "down": lost,
        "unknown": LENGTH - seconds(planned(windows)) - seconds(counted),
        "outages": stretches(down),
    }


def used(month: Month, code: str, way: str, contract: float) -> dict[str, float]:
    values = sorted(value for at, value in month.of(f"opd:{way}_bits:rate5m", opd=code) if at > BEGIN)
    place = 0.95 * (len(values) - 1)
    low, part = int(place), place - int(place)
    return {
        "mean": sum(values) / len(values),
        "p95": values[low] * (1 - part) + values[min(low + 1, len(values) - 1)] * part,
        "highest": values[-1],
        "volume": sum(values) * STEP / 8,
        "saturated": 5.0 * sum(value > 0.9 * contract for value in values),
    }


def light(month: Month, opd: Opd) -> dict[str, float]:
    values = [value for _, value in month.of("opd_optical_receive_power_dbm", **_ports(opd)[1])]
    return {"mean": sum(values) / len(values), "weakest": min(values)}


def owed(
    month: Month, fee: int, bands: Sequence[tuple[float, float, int]], without: Sequence[Stretch]
) -> dict[str, Any]:
    """Of astinet. `bands`: (from, to, whole percent of the fee), `without`: what the contract does not count."""
    gone = bytearray(LENGTH)
    for begin, end in without:
        gone[begin - BEGIN : end - BEGIN] = b"\1" * (end - begin)
    down = mask(month.of("opd_upstream_up", upstream="astinet"), lambda value: value == 0)
    lost = seconds(down & (ALL ^ int.from_bytes(gone, "big")))
    counted = LENGTH - gone.count(1)
    percent = 100 * (counted - lost) / counted
    share = next((given for low, high, given in bands if low <= percent < high), 0)
    return {"percent": percent, "down": lost, "rupiah": fee * share // 100, "outages": stretches(down)}


# ---- a real Prometheus over it


@contextmanager
def prometheus(month: Month, folder: Path) -> Iterator[str]:
    """The URL of a Prometheus whose only history is that month."""
    (folder / "month.om").write_text(month.text(), encoding="utf-8")
    words = ("tsdb", "create-blocks-from", "--max-block-duration=2000h", "openmetrics", "--quiet")
    argv = [*program("promtool"), *words, str(folder / "month.om"), str(folder / "data")]
    made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
    assert made.returncode == 0, made.stderr
    (folder / "prometheus.yml").write_text("scrape_configs: []\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"127.0.0.1:{free.getsockname()[1]}"
    child = subprocess.Popen(
        [*program("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address={url}", "--storage.tsdb.retention.time=3650d", "--log.level=error"],
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        while not http.answers(f"http://{url}/-/ready"):
            assert time.monotonic() < deadline, "Prometheus does not get ready"
            time.sleep(0.1)
        yield f"http://{url}"
    finally:
        child.terminate()
        child.wait(60)
