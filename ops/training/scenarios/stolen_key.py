"""A stolen backup login: junk in one repository of the vault, put in where nothing can be deleted."""

from __future__ import annotations

import hashlib
import random

from backup import layout
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said_right
from ops.world import World

_JUNK = 200  # bytes: more than a damaged header, less than anything of restic's


def plant(world: World, rng: random.Random) -> Planted:
    vault = world.region.recovery.vault.server
    there = Stage(world, {}).on(vault, "find", layout.VAULT_FOLDER, "-mindepth", "3", "-name", "index").must().out
    place = one_of(rng, there.split(), "repository at the vault (take a backup first: ops backup run)")
    repository = place.rpartition("/")[0]
    stage = Stage(world, {"server": vault, "repository": repository, "set": repository.rpartition("/")[2]})
    before = _names(stage)
    junk = rng.randbytes(_JUNK)
    name = hashlib.sha256(junk).hexdigest()
    path = f"{place}/{name}"
    script = 'base64 -d >"$1" && chown --reference="$2" "$1"'
    stage.on(vault, "sh", "-c", script, "sh", path, place, given=_base64(junk)).must()
    return {**stage.planted, "junk": path, "name": name[:8], "before": before}


def _base64(content: bytes) -> str:
    import base64  # noqa: PLC0415

    return base64.b64encode(content).decode()


def _names(stage: Stage) -> str:
    """Digest over the names of all files that restic needs; locks come and go."""
    script = 'cd "$1" && find . -type f ! -path "./locks/*" | sort | sha256sum'
    return (
        stage.on(stage.planted["server"], "sh", "-c", script, "sh", stage.planted["repository"]).must().out.split()[0]
    )


def mend(stage: Stage) -> None:
    stage.on(stage.planted["server"], "rm", "-f", stage.planted["junk"]).must()


SCENARIO = Scenario(
    "stolen-key",
    Text("A stolen backup key", "Kunci backup dicuri"),
    Text(
        """A laptop with the login of one server's backups was stolen. The vault lets nobody delete, but the thief can
        add: since this morning one repository cannot be read any more. Find out which set it is and which file does not
        belong there (ops drill verify, ops drill run), and take out that file alone, at the vault. Whoever
        deletes more loses a backup.""",
        """Sebuah laptop berisi kredensial backup satu server dicuri. Vault tidak mengizinkan penghapusan, tetapi
        pencuri dapat menambah: sejak pagi ini satu repositori tidak dapat dibaca. Temukan set mana dan berkas mana yang
        bukan bagiannya (ops drill verify, ops drill run), lalu keluarkan berkas itu saja, di vault. Siapa yang
        menghapus lebih dari itu kehilangan backup.""",
    ),
    ("drc-vault",),
    (
        Goal("set", Text("The set, as OFFICE.SET", "Set, sebagai OPD.SET"), 30, said_right("set", "set"), answer=True),
        Goal(
            "file",
            Text("First eight signs of the file's name", "Delapan karakter pertama nama berkas"),
            30,
            said_right("file", "name"),
            answer=True,
        ),
        Goal(
            "clean",
            Text("That file is gone, and nothing else", "Berkas itu hilang, yang lain utuh"),
            40,
            lambda stage: _names(stage) == stage.planted["before"],
        ),
    ),
    plant,
    mend,
    minutes=45,
)
