"""An excavator cuts a segment: find which, say who is dark, have it mended."""

from __future__ import annotations

import random
from typing import Any

from ops.progress import silent
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said_near, said_right
from ops.twin import faults, records
from ops.world import World


def plant(world: World, rng: random.Random) -> Planted:
    ridden = {name for port in _wan(world) for name in port["rides"]}
    segment = one_of(rng, sorted(ridden), "segment that a link rides on")
    faults.apply(world, "cut-segment", segment, 0.0, silent)
    changed = [port for port in _wan(world) if port["dark"] or port["path"] != port["rides"]]
    return {"segment": segment, "links": len(changed)}


def mend(stage: Stage) -> None:
    if not _mended(stage):
        faults.apply(stage.world, "mend-segment", stage.planted["segment"], 0.0, silent)


def _wan(world: World) -> list[dict[str, Any]]:
    routers = records.read_network(world.state)["routers"].values()
    return [port for router in routers for port in router["ports"] if port["kind"] == "wan"]


def _mended(stage: Stage) -> bool:
    return stage.planted["segment"] not in records.read_faults(stage.world.state).cut


SCENARIO = Scenario(
    "fibre-cut",
    Text("A fibre is cut", "Kabel serat optik putus"),
    Text(
        """It is 09:10. Offices call the service desk: some have no network, others say it has become slow. An
        excavator works along one of the roads. Find the segment before the crew drives out: a wrong guess costs them
        two hours. The crew mends what you name: `ops twin fault mend-segment NAME`.""",
        """Pukul 09.10. Beberapa OPD menelepon meja layanan: ada yang jaringannya mati, ada yang menjadi lambat. Sebuah
        ekskavator bekerja di salah satu jalan. Temukan segmennya sebelum regu berangkat: tebakan salah membuang waktu
        dua jam. Regu memperbaiki segmen yang Anda sebut: `ops twin fault mend-segment NAMA`.""",
    ),
    (),
    (
        Goal("segment", Text("Name the segment that is cut", "Sebutkan segmen yang putus"), 40,
             said_right("segment", "segment"), answer=True),
        Goal("links", Text("How many links are dark or on a detour?", "Berapa tautan yang mati atau memutar?"), 20,
             said_near("links", "links", 0), answer=True),
        Goal("mended", Text("The segment carries light again", "Segmen kembali membawa cahaya"), 40, _mended),
    ),
    plant,
    mend,
    minutes=20,
)  # fmt: skip
