"""What it costs to make the telephony of a large region: PJSIP and dialplan, telephone files, books, the web server's
addresses; and what one changed display name touches.

    .venv/bin/python benchmarks/voip_render.py 10000

CPU seconds of this process, the least of ROUNDS; beside them a fixed piece of Python as a measure of the machine.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from limits import over

from ops.catalogue import phone
from ops.derive import pbx, phone_books, phones
from ops.inventory.load import load
from ops.inventory.model import Opd, Phone, Region
from ops.plan.change import Artifact

ROUNDS = 3
INVENTORY = Path(__file__).parents[1] / "inventories/batubara"
OF_AN_OFFICE = 100
MODELS = [name for name in phone.names() if phone.model(name).book]


def region_of(count: int) -> Region:
    """`count` telephones in offices of OF_AN_OFFICE, all models in turn."""
    base = load(INVENTORY)
    first = base.opd("dinkes")
    assert first.phones
    start = 10 ** (len(str(count)) + 1)
    opds = [office(first, at, start + at * OF_AN_OFFICE) for at in range(count // OF_AN_OFFICE)]
    return base.model_copy(update={"opds": tuple(opds)})


def office(base: Opd, at: int, start: int) -> Opd:
    assert base.phones
    made = tuple(telephone(base.phones.extensions[2], start + place) for place in range(OF_AN_OFFICE))
    known = base.phones.model_copy(update={"range": f"{start}-{start + OF_AN_OFFICE - 1}", "extensions": made})
    return base.model_copy(update={"code": f"opd{at:04}", "name": f"Kantor & Dinas ke-{at}", "phones": known})


def telephone(base: Phone, number: int) -> Phone:
    mac = f"{0x001565000000 + number:012x}"
    said = ":".join(mac[place : place + 2] for place in range(0, 12, 2))
    place = "reception" if number % OF_AN_OFFICE == 0 else "desk"
    name = MODELS[number % len(MODELS)]
    return base.model_copy(
        update={"number": str(number), "mac": said, "model": name, "name": f"Subbag <{number}> & Umum", "place": place}
    )


def everything(region: Region) -> list[Artifact]:
    return [*pbx.artifacts(region), *phones.artifacts(region), *phone_books.artifacts(region)]


def least(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of ROUNDS."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def renamed(region: Region) -> Region:
    """One desk of one office has another display name."""
    opd = region.opds[3]
    assert opd.phones
    other = [
        one.model_copy(update={"name": "Nama Baru"}) if at == 7 else one for at, one in enumerate(opd.phones.extensions)
    ]
    changed = opd.model_copy(update={"phones": opd.phones.model_copy(update={"extensions": tuple(other)})})
    return region.model_copy(update={"opds": tuple(changed if one is opd else one for one in region.opds)})


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    region = region_of(count)
    measure = least(lambda: sum(one * one for one in range(5_000_000)))
    parts = {
        "PJSIP and dialplan": lambda: list(pbx.artifacts(region)),
        "telephone files and addresses": lambda: list(phones.artifacts(region)),
        "books": lambda: list(phone_books.artifacts(region)),
        "all": lambda: everything(region),
    }
    took = 0.0
    for name, work in parts.items():
        took = least(work)
        print(f"{count} telephones, {name}: {took:.2f} s CPU ({took / measure:.1f} x the measure of {measure:.2f} s)")
    before, after = set(everything(region)), set(everything(renamed(region)))
    print(
        "one display name:", dict(Counter(one.kind for one in after - before)), [one.key for one in after - before][:9]
    )
    assert set(everything(region)) == before
    files = Counter((one.kind, one.key.partition("/")[0]) for one in after - before if one.kind != "phone-book")
    return over(
        ("CPU-s for all", took, 5),
        *((f"{kind} of {host} for one name", count, 1) for (kind, host), count in files.items()),
    )


if __name__ == "__main__":
    sys.exit(main())
