"""How long does a reload of the dialplan take the exchange? On a real Asterisk, with all telephones loaded.

`sudo .venv/bin/python benchmarks/voip_dialplan.py [--extensions 10000] [--reloads 20]`; needs root and the image with
Asterisk. One office's dialplan is another one before each reload, as after an apply. CPU seconds are those of Asterisk
alone, the mean of all; wall seconds are asked over its control socket, the least and the median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from limits import over  # noqa: E402
from throwaway_asterisk import Exchange, exchange  # noqa: E402
from voip_release import calibration, grown  # noqa: E402

from ops.derive import pbx  # noqa: E402
from ops.inventory.model import Phones, Region  # noqa: E402
from ops.system.asterisk_console import Console  # noqa: E402

LIMIT = 0.05  # seconds
OFFICE, HEAD = "o003", "[kominfo-numbers]\n"


def cpu(running: Exchange) -> float:
    """CPU seconds that Asterisk has used, of all its threads."""
    fields = Path(f"/proc/{running.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(running: Exchange, seconds: float) -> float:
    """CPU seconds that it uses in a second without being asked for anything."""
    before = cpu(running)
    time.sleep(seconds)
    return (cpu(running) - before) / seconds


def measured(running: Exchange, reloads: int) -> dict[str, object]:
    ask = Console(f"/proc/{running.pid}/root/run/asterisk/asterisk.ctl")
    path = running.etc() / f"current/{OFFICE}.dialplan.conf"
    resting, text, walls, used = idle(running, 3), path.read_text(encoding="utf-8"), [], 0.0
    for at in range(reloads):
        path.write_text(text.replace(HEAD, f"{HEAD}exten => 9{at:04},1,NoOp(another one)\n"), encoding="utf-8")
        before, begun = cpu(running), time.perf_counter()
        said = ask.one("dialplan reload")
        walls.append(time.perf_counter() - begun)
        used += cpu(running) - before
    seen = ask.one(f"dialplan show 9{reloads - 1:04}@kominfo-numbers")
    mean = used / reloads - resting * statistics.fmean(walls)
    return {"reloads": reloads, "said": said.strip(), "the last change is in force": "another one" in seen,
            "cpu_s": round(mean, 4), "wall_least_s": round(min(walls), 4),
            "wall_median_s": round(statistics.median(walls), 4), "limit_s": LIMIT}  # fmt: skip


def with_mailboxes(region: Region, percent: int) -> Region:
    """Who has a mailbox shares no pattern; Asterisk walks over all of a context for each such extension."""

    def of(phones: Phones) -> Phones:
        made = tuple(
            one.model_copy(update={"voicemail": one.place == "desk" and int(one.number) % 100 < percent})
            for one in phones.extensions
        )
        return phones.model_copy(update={"extensions": made})

    offices = tuple(opd.model_copy(update={"phones": of(opd.phones)}) for opd in region.opds if opd.phones)
    return region.model_copy(update={"opds": offices})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extensions", type=int, default=10000)
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--voicemail", type=int, default=0, help="of 100 desks so many have a mailbox: own extensions")
    chosen = parser.parse_args()
    region = grown(chosen.extensions)
    region = with_mailboxes(region, chosen.voicemail)
    print(json.dumps(calibration()), flush=True)
    with exchange(list(pbx.artifacts(region)), [str(region.server("dc-pbx").address)]) as running:
        shown = running.cli("dialplan show").strip().splitlines()[-1]
        found = {
            "extensions": chosen.extensions,
            "mailboxes of 100": chosen.voicemail,
            "dialplan": shown,
            **measured(running, chosen.reloads),
        }
    print(json.dumps(found), flush=True)
    return over(("CPU-s of a reload", float(str(found["cpu_s"])), LIMIT))


if __name__ == "__main__":
    sys.exit(main())
