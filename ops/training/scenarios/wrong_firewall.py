"""Somebody typed a firewall rule by hand: one office gets no names any more."""

from __future__ import annotations

import random

from ops.jobs import drift_sweep
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said_right
from ops.twin import records
from ops.world import World

_CHAIN = "inet zz_by_hand"


def plant(world: World, rng: random.Random) -> Planted:
    lans = records.read_network(world.state)["lans"]
    lan = one_of(rng, list(lans), "office's network")
    server = world.region.group("dns")[0]
    stage = Stage(world, {"lan": lan, "opd": lans[lan]["opd"], "server": server.name, "address": str(server.address)})
    drop = "\n".join(f"ip saddr {lans[lan]['network']} {way} dport 53 drop" for way in ("udp", "tcp"))
    chain = f"chain input {{\ntype filter hook input priority -10; policy accept;\n{drop}\n}}"
    rules = f"table {_CHAIN} {{\n{chain}\n}}\n"
    stage.on(server.name, "nft", "-f", "-", given=rules).must()
    return stage.planted


def mend(stage: Stage) -> None:
    stage.on(stage.planted["server"], "nft", "delete", "table", *_CHAIN.split())


def _answers(stage: Stage) -> bool:
    door = f"exec 3<>/dev/tcp/{stage.planted['address']}/53"
    return stage.at(stage.planted["lan"], "timeout", "4", "bash", "-c", door).ok


def _clean(stage: Stage) -> bool:
    """No rule of somebody's is left, and the server is as the last run left it."""
    (found,) = drift_sweep.sweep(stage.world, [stage.planted["server"]])
    rules = stage.on(stage.planted["server"], "nft", "list", "tables").must().out
    return found.state == drift_sweep.CLEAN and _CHAIN not in rules


SCENARIO = Scenario(
    "wrong-firewall",
    Text("A rule too many", "Satu aturan terlalu banyak"),
    Text(
        """One office says that no web page opens, "the Internet is broken". Its link is up and fast. Yesterday evening
        somebody worked on the firewall of a server and went home. Find the office, let it resolve names again, and
        leave the server exactly as it is declared.""",
        """Satu OPD melapor tidak ada laman yang terbuka, "internet rusak". Tautannya hidup dan cepat. Kemarin malam ada
        yang mengubah firewall sebuah server lalu pulang. Temukan OPD itu, pulihkan layanan namanya, dan kembalikan
        server persis seperti yang dideklarasikan.""",
    ),
    ("dc-dns",),
    (
        Goal("opd", Text("Code of the office", "Kode OPD"), 30, said_right("opd", "opd"), answer=True),
        Goal("names", Text("The office reaches the name server", "OPD menjangkau server nama"), 40, _answers),
        Goal("clean", Text("The server is as declared", "Server sesuai deklarasi"), 30, _clean),
    ),
    plant,
    mend,
)  # fmt: skip
