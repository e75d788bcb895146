"""Somebody got into the exchange and left a door to numbers abroad, paid by the regency."""

from __future__ import annotations

import random

from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said_near, said_right
from ops.world import World

_CONTEXT = "layanan-malam"
_FILE = "/etc/asterisk/extensions.conf"
_RECORDS = "/var/log/asterisk/cdr-csv/Master.csv"


def plant(world: World, rng: random.Random) -> Planted:
    server = world.region.group("pbx")[0].name
    numbers = [p.number for opd in world.region.opds if opd.phones for p in opd.phones.extensions if p.model]
    thief, count = one_of(rng, numbers, "telephone"), rng.randint(40, 90)
    planted = {"server": server, "extension": thief, "calls": count}
    stage = Stage(world, planted)
    door = f"\n[{_CONTEXT}]\nexten => _00X.,1,Dial(Local/s@{_CONTEXT})\n"
    stage.on(server, "tee", "-a", _FILE, given=door).must()
    stage.on(server, "asterisk", "-rx", "dialplan reload").must()
    stage.on(server, "mkdir", "-p", _RECORDS.rpartition("/")[0]).must()
    stage.on(server, "tee", "-a", _RECORDS, given=_calls(rng, numbers, thief, count)).must()
    return planted


def _calls(rng: random.Random, numbers: list[str], thief: str, count: int) -> str:
    """Lines as Asterisk's cdr_csv writes them: ordinary calls by day, the thief's by night."""
    lines = [_line(rng, rng.choice(numbers), rng.choice(numbers), rng.randint(8, 15)) for _ in range(120)]
    lines += [_line(rng, thief, f"00881{rng.randint(10**7, 10**8 - 1)}", rng.randint(1, 3)) for _ in range(count)]
    return "".join(sorted(lines, key=lambda line: line.split('"')[11]))


def _line(rng: random.Random, caller: str, called: str, hour: int) -> str:
    begin = f"2026-11-{rng.randint(1, 20):02d} {hour:02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    seconds = rng.randint(20, 900)
    return (
        f'"","{caller}","{called}","{_CONTEXT}","""{caller}"" <{caller}>","PJSIP/{caller}-0","","Dial",'
        f'"","{begin}","{begin}","{begin}",{seconds},{seconds},"ANSWERED","DOCUMENTATION","",""\n'
    )


def mend(stage: Stage) -> None:
    server = stage.planted["server"]
    stage.on(server, "sed", "-i", f"/^\\[{_CONTEXT}\\]$/,$d", _FILE).must()
    stage.on(server, "asterisk", "-rx", "dialplan reload").must()
    stage.on(server, "sed", "-i", f"/{_CONTEXT}/d", _RECORDS)


def _shut(stage: Stage) -> bool:
    """Neither the running dialplan nor the file knows the door."""
    server = stage.planted["server"]
    running = stage.on(server, "asterisk", "-rx", f"dialplan show {_CONTEXT}").must().out
    return "_00X." not in running and not stage.on(server, "grep", "-q", _CONTEXT, _FILE).ok


SCENARIO = Scenario(
    "toll-fraud",
    Text("Calls at night", "Panggilan di malam hari"),
    Text(
        """The provider warns: many calls abroad between one and three at night. Read the exchange's call records
        (/var/log/asterisk/cdr-csv/Master.csv): which extension was used, how many calls abroad (00…) did it make? Then
        find the door that was left in the dialplan and shut it: an exchange that forgets it at the next reload is not
        enough.""",
        """Penyedia memperingatkan: banyak panggilan ke luar negeri antara pukul satu dan tiga dini hari. Baca rekaman
        panggilan sentral (/var/log/asterisk/cdr-csv/Master.csv): nomor ekstensi mana yang dipakai dan berapa panggilan
        ke luar negeri (00…)? Lalu temukan pintu yang ditinggalkan di dialplan dan tutup: bukan hanya sampai reload
        berikutnya.""",
    ),
    ("dc-pbx",),
    (
        Goal("extension", Text("The extension that was used", "Nomor ekstensi yang dipakai"), 30,
             said_right("extension", "extension"), answer=True),
        Goal("calls", Text("Number of calls abroad", "Jumlah panggilan ke luar negeri"), 20,
             said_near("calls", "calls", 0), answer=True),
        Goal("shut", Text("The door is gone, running and on disk", "Pintu hilang, di memori dan di berkas"), 50, _shut),
    ),
    plant,
    mend,
)  # fmt: skip
