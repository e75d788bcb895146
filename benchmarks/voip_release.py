"""How fast is the exchange's configuration made, judged, tried, swapped and rolled back? On a real Asterisk.

`sudo .venv/bin/python benchmarks/voip_release.py [--endpoints 1000] [--many 10000]`; needs root and the image with
Asterisk. CPU seconds are the robust figures on a shared machine; the calibration line says how fast this one is now.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from exchange_faults import release  # noqa: E402
from limits import over  # noqa: E402
from throwaway_asterisk import Exchange, exchange  # noqa: E402

from ops.catalogue import exchange_check, exchange_rules  # noqa: E402
from ops.derive import pbx, phones  # noqa: E402
from ops.errors import HostFailedError  # noqa: E402
from ops.inventory.load import load  # noqa: E402
from ops.inventory.model import Opd, Phone, Phones, Region  # noqa: E402
from ops.jobs.voip_rotate import forget_old, numbers_of, renew  # noqa: E402
from ops.jobs.voip_validate import validate  # noqa: E402
from ops.plan.change import Artifact  # noqa: E402
from ops.system.sip.agent import Agent  # noqa: E402
from ops.system.sip.place import Account, Place  # noqa: E402

BLOCK = 100  # extensions of an office


def grown(extensions: int, changed: str = "") -> Region:
    """The demonstration region with that many extensions, 100 an office; `changed`: whose name is another one."""
    base = load(ROOT / "inventories/batubara")
    model = base.opd("dinkes")
    offices = tuple(_office(model, number, changed) for number in range(extensions // BLOCK))
    return base.model_copy(update={"opds": offices})


def _office(model: Opd, at: int, changed: str) -> Opd:
    first = 20000 + at * BLOCK
    places = {0: "reception", 98: "test"}
    made = tuple(
        Phone(
            number=str(number),
            name=f"Pegawai {number}" + (" baru" if str(number) == changed else ""),
            place=places.get(number - first, "desk"),
            model="yealink_t33g" if number - first != 98 else None,
            mac=f"00:15:65:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
            if number - first != 98
            else None,
        )
        for number in range(first, first + BLOCK)
    )
    extensions = Phones(range=f"{first}-{first + BLOCK - 1}", extensions=made)
    return model.model_copy(update={"code": f"o{at:03}", "phones": extensions})


def rendered(region: Region) -> list[Artifact]:
    """All that follows from telephones: the exchange's files, the telephones' and their books."""
    found = [*pbx.artifacts(region), *phones.artifacts(region)]
    try:
        from ops.derive import phone_books  # noqa: PLC0415
    except ImportError:
        return found
    return [*found, *phone_books.artifacts(region)]


def measured(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """(result, wall seconds, CPU seconds of this process and its ended children)."""
    before, begun = _cpu(), time.perf_counter()
    result = work()
    return result, round(time.perf_counter() - begun, 3), round(_cpu() - before, 3)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def rendering(many: int) -> Iterator[dict[str, Any]]:
    region, other = grown(many), grown(many, "20042")
    before, wall, cpu = measured(lambda: rendered(region))
    yield {"what": f"render {many} extensions", "files": len(before), "wall_s": wall, "cpu_s": cpu, "limit_cpu_s": 5}
    was = {(one.kind, one.key): one.content for one in before}
    now = {(one.kind, one.key): one.content for one in rendered(other)}
    odd = [f"{kind}:{key}" for (kind, key) in now if was.get((kind, key)) != now[kind, key]]
    yield {"what": "one display name changed", "files that differ": odd}


def judging(count: int) -> Iterator[dict[str, Any]]:
    region = grown(count)
    files = release(pbx.artifacts(region))
    rules = exchange_rules.rules(region.numbering.emergency)
    verdict, wall, cpu = measured(lambda: exchange_check.judge(files, rules))
    yield {"what": f"judge {count} endpoints", "faults": len(verdict.faults), "wall_s": wall, "cpu_s": cpu}

    class World:
        region = grown(count)

    found, wall, cpu = measured(lambda: validate(World()))  # type: ignore[arg-type] # it needs no more of a world
    yield {"what": f"validate {count} endpoints", "faults": len(found["faults"]), "wall_s": wall, "cpu_s": cpu,
           "of it": found["seconds"], "limit_s": 3}  # fmt: skip


def going_live(count: int) -> Iterator[dict[str, Any]]:
    region, other = grown(count), grown(count, "20042")
    address = str(region.server("dc-pbx").address)
    with exchange(list(pbx.artifacts(region)), [address]) as running:
        said, wall, _ = measured(running.take_up)
        yield {"what": f"take up {count} endpoints, nothing changed", "wall_s": wall, "said": said}
        running.put(pbx.artifacts(other))
        said, wall, _ = measured(running.take_up)
        yield {"what": "take up, one name changed", "wall_s": wall, "said": said}
        yield _rolled_back(running, other)
        wall = _reload(running, "dialplan reload")
        yield {"what": f"dialplan reload, {count} extensions", "wall_s": wall}


def rotating(count: int) -> Iterator[dict[str, Any]]:
    """Everybody registers with what they have and with what they get, while both hold."""
    region = grown(count)
    at = Place(str(region.station.address))
    with exchange(list(pbx.artifacts(region)), [str(region.server("dc-pbx").address), at.address]) as running:
        numbers = numbers_of(region, ())
        old = {number: running.secrets.get(f"voip/{number}") for number in numbers}
        renew(running.secrets, numbers, "benchmark")
        running.put(pbx.artifacts(region))
        said, wall, _ = measured(running.take_up)
        new = {number: running.secrets.get(f"voip/{number}") for number in numbers}
        lost = {name: asyncio.run(registered(running, region, all_)) for name, all_ in (("old", old), ("new", new))}
        forget_old(running.secrets, numbers, "")
        running.put(pbx.artifacts(region))
        finished, wall_end, _ = measured(running.take_up)
        lost["new, after the end"] = asyncio.run(registered(running, region, new))
        refused = asyncio.run(registered(running, region, dict(list(old.items())[:50])))
        held = "".join(path.read_text() for path in (running.etc() / "current").iterdir())
        canary = [number for number in numbers if old[number] in held or new[number] in held]
    yield {"what": f"rotate {len(numbers)} passwords", "take_up_s": [wall, wall_end], "said": said + finished,
           "failed registrations": lost, "of 50 with the old one after the end, refused": refused,
           "passwords in clear on the exchange": len(canary)}  # fmt: skip


async def registered(running: Exchange, region: Region, passwords: dict[str, str]) -> int:
    """How many of these can not register, 20 at a time."""
    server, gate = (str(region.server("dc-pbx").address), 5060), asyncio.Semaphore(20)
    at = Place(str(region.station.address), running.namespace)

    async def one(number: str, password: str) -> bool:
        async with gate, Agent(Account(number, password, region.domain, server), at, 1000) as agent:
            try:
                await agent.register()
            except HostFailedError:
                return False
            return True

    return (await asyncio.gather(*(one(*pair) for pair in passwords.items()))).count(False)


def _rolled_back(running: Exchange, region: Region) -> dict[str, Any]:
    mine = next(one for one in pbx.artifacts(region) if one.key.endswith("o003.endpoint.conf"))
    path = running.etc() / "kominfo/o003.endpoint.conf"
    path.write_text(running.secrets.expand(mine.content) + "\n[29999](kominfo-phone)\nno_such=1\n", encoding="utf-8")
    said, wall, _ = measured(running.take_up)
    path.write_text(running.secrets.expand(mine.content), encoding="utf-8")
    back = re.search(r"is back after ([\d.]+) s", said)
    return {"what": "a refused release", "whole_wall_s": wall, "back_s": float(back[1]) if back else said, "limit_s": 2}


def _reload(running: Exchange, command: str) -> float:
    """What Asterisk itself takes: three times, the least; the process that asks is counted once without it."""
    asked = min(measured(lambda: running.cli("core show uptime"))[1] for _ in range(3))
    return round(max(0.0, min(measured(lambda: running.cli(command))[1] for _ in range(3)) - asked), 3)


def calibration() -> dict[str, Any]:
    """A fixed piece of work, to compare machines and moments by."""
    _, wall, cpu = measured(lambda: sum(number * number % 7 for number in range(3_000_000)))
    return {"what": "calibration: 3 million small sums", "wall_s": wall, "cpu_s": cpu}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10000)
    parser.add_argument("--only", choices=["rendering", "judging", "live", "rotating"])
    chosen = parser.parse_args()
    parts = {
        "rendering": lambda: rendering(chosen.many),
        "judging": lambda: judging(chosen.endpoints),
        "live": lambda: going_live(chosen.endpoints),
        "rotating": lambda: rotating(chosen.endpoints),
    }
    print(json.dumps(calibration()), flush=True)
    rows: list[dict[str, Any]] = []
    for name, part in parts.items():
        for row in part() if chosen.only in {None, name} else ():
            print(json.dumps(row), flush=True)
            rows.append(row)
    return over(*(one for row in rows for one in limited(row)))


def limited(row: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """What of a row has a limit; a rotation loses no registration."""
    for key, value in row.items():
        if key.startswith("limit_"):
            unit = key.removeprefix("limit_")
            told = row.get(f"back_{unit}", row.get(unit, row.get(f"wall_{unit}")))
            yield str(row["what"]), float(told) if isinstance(told, int | float) else math.inf, float(value)
    for when, lost in row.get("failed registrations", {}).items():
        yield f"{row['what']}: failed registrations, {when}", lost, 0


if __name__ == "__main__":
    sys.exit(main())
