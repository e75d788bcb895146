"""A splice goes bad: an office's light fades, its link still stands. Who is it, and how much is lost?"""

from __future__ import annotations

import random

from ops.progress import silent
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said_near, said_right
from ops.twin import faults, records
from ops.world import World


def plant(world: World, rng: random.Random) -> Planted:
    booted = records.read_network(world.state)["routers"]
    router = one_of(rng, list(booted), "office's router")
    decibels = rng.choice((4.0, 5.0, 6.0, 7.0))
    faults.apply(world, "dim-fibre", router, decibels, silent)
    return {"router": router, "opd": booted[router]["opd"], "db": decibels}


def mend(stage: Stage) -> None:
    faults.apply(stage.world, "dim-fibre", stage.planted["router"], 0.0, silent)


def _mended(stage: Stage) -> bool:
    return stage.planted["router"] not in records.read_faults(stage.world.state).dimmed


SCENARIO = Scenario(
    "dying-optics",
    Text("Optics that fade", "Cahaya yang meredup"),
    Text(
        """Nobody complains yet. On the wall one office's optical margin has shrunk since yesterday. Find out which one
        and how many decibels were lost against the plan, before rain finishes the splice. Then have it mended:
        `ops twin fault dim-fibre ROUTER --db 0`.""",
        """Belum ada yang mengeluh. Di dinding pusat kendali, margin optik satu OPD mengecil sejak kemarin. Temukan OPD
        mana dan berapa desibel yang hilang dibanding rencana, sebelum hujan merusak sambungan itu sepenuhnya. Setelah
        itu perbaiki: `ops twin fault dim-fibre ROUTER --db 0`.""",
    ),
    (),
    (
        Goal("opd", Text("Code of the office that loses light", "Kode OPD yang kehilangan cahaya"), 40,
             said_right("opd", "opd"), answer=True),
        Goal("db", Text("Decibels lost (within 1.5)", "Desibel yang hilang (selisih 1,5)"), 40,
             said_near("db", "db", 1.5), answer=True),
        Goal("mended", Text("The light is as planned again", "Cahaya kembali sesuai rencana"), 20, _mended),
    ),
    plant,
    mend,
    minutes=20,
)  # fmt: skip
