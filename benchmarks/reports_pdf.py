"""How long the PDF of many offices' monthly reports take: `python benchmarks/reports_pdf.py [60]`. Goal: 60 in 60 s.

Every office has a month of readings each minute, with outages, calls and backups: as many pages as a real report.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from ops.inventory.load import load
from ops.inventory.model import Opd
from ops.reports.availability import ANSWERED, CUT, LOST, PORT
from ops.reports.measured import Measured, Readings
from ops.reports.office import office
from ops.reports.period import Period, month_of
from ops.reports.records import Records
from ops.reports.render import render

ROOT = Path(__file__).parents[1]
NOTHING = Records((), (), (), (), {}, {})


class Invented(Measured):
    """Readings out of a seed instead of Prometheus: what is measured here is the making of documents."""

    def __init__(self, opds: dict[str, Opd]) -> None:
        super().__init__(None)
        self._opds = opds

    def readings(self, selector: str, period: Period) -> Readings:
        opd = next(one for code, one in self._opds.items() if f'opd="{code}"' in selector)
        link, dice = opd.links[0], random.Random(opd.code)
        gone = [dice.uniform(period.begin, period.end) for _ in range(12)]
        times = [period.begin + 60.0 * minute for minute in range(int(period.end - period.begin) // 60)]
        down = [any(at <= one < at + 1800 for at in gone) for one in times]
        port = (link.router, link.ifname)
        samples = {
            (ANSWERED, link.router, "", ""): [(at, float(not off)) for at, off in zip(times, down, strict=True)],
            (PORT, *port, ""): [(at, 1.0) for at, off in zip(times, down, strict=True) if not off],
            (LOST, *port, ""): [(at, float(off)) for at, off in zip(times, down, strict=True)],
            (CUT, *port, "r1-01"): [(at, 1.0) for at, off in zip(times, down, strict=True) if off],
        }
        return Readings(selector, samples)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    region = load(ROOT / "inventories/batubara")
    some = [opd for opd in region.opds if opd.links]
    opds = [
        one.model_copy(update={"code": f"{one.code}-{at}"}) for at in range(count) for one in [some[at % len(some)]]
    ]
    region = region.model_copy(update={"opds": tuple(opds)})
    period = month_of("2026-10", region.timezone, time.time())
    measured = Invented({opd.code: opd for opd in opds})
    begun, cpu = time.perf_counter(), time.process_time()
    facts = [office(opd, region, period, measured, NOTHING) for opd in opds]
    thought, thought_cpu = time.perf_counter() - begun, time.process_time() - cpu
    begun, cpu = time.perf_counter(), time.process_time()
    sizes = [len(render(one, "pdf", "id")) for one in facts]
    took, took_cpu = time.perf_counter() - begun, time.process_time() - cpu
    outages = sum(len(one["availability"]["outages"]) for one in facts)
    print(json.dumps({
        "offices": count, "outages": outages, "facts_seconds": round(thought, 1), "facts_cpu": round(thought_cpu, 1),
        "pdf_seconds": round(took, 1), "pdf_cpu": round(took_cpu, 1), "pdf_bytes": sum(sizes),
        "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
