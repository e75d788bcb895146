"""The telephone exchange does not run any more, and would not after a restart either."""

from __future__ import annotations

import random

from ops.jobs.call_test import call_all
from ops.progress import silent
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text
from ops.world import World

_UNIT = "asterisk.service"


def plant(world: World, rng: random.Random) -> Planted:
    server = world.region.group("pbx")[0].name
    fault = rng.choice(("masked", "disabled"))
    stage = Stage(world, {"server": server, "fault": fault})
    stage.on(server, "systemctl", "disable", "--now", _UNIT).must()
    if fault == "masked":
        stage.on(server, "systemctl", "mask", "--runtime", _UNIT).must()
    return stage.planted


def mend(stage: Stage) -> None:
    server = stage.planted["server"]
    stage.on(server, "systemctl", "unmask", "--runtime", _UNIT)
    stage.on(server, "systemctl", "enable", "--now", _UNIT).must()


def _heard(stage: Stage) -> bool:
    calls = call_all(stage.world, 3.0, silent)
    return bool(calls) and all(call["ok"] for call in calls)


def _enabled(stage: Stage) -> bool:
    return stage.on(stage.planted["server"], "systemctl", "is-enabled", _UNIT).out.strip() == "enabled"


SCENARIO = Scenario(
    "lost-exchange",
    Text("The exchange is silent", "Sentral telepon membisu"),
    Text(
        """Telephones of all offices show "no service". The server of the exchange answers. Bring the exchange back,
        prove that every office is heard, and make sure that it is there after the next restart too.""",
        """Telepon semua OPD menampilkan "tidak ada layanan". Server sentral masih menjawab. Hidupkan kembali sentral,
        buktikan setiap OPD terdengar, dan pastikan sentral tetap hidup setelah server dinyalakan ulang.""",
    ),
    ("dc-pbx",),
    (
        Goal(
            "heard",
            Text("Test calls to every office are heard both ways", "Panggilan uji ke semua OPD terdengar dua arah"),
            70,
            _heard,
        ),
        Goal(
            "enabled",
            Text("It starts by itself after a restart", "Sentral hidup sendiri setelah restart"),
            30,
            _enabled,
        ),
    ),
    plant,
    mend,
)
