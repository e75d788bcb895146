"""An office's documents are encrypted, and the nightly backup has already taken the encrypted ones."""

from __future__ import annotations

import random

from backup import layout, places
from ops.jobs import seed
from ops.jobs.backup import run_sets
from ops.training.scenario import Goal, Planted, Scenario, Stage, Text, one_of, said
from ops.world import World

_ENDING, _NOTE = "terkunci", "BACA_SAYA.txt"
_KEPT = "/var/lib/kominfo-training"  # what the share held, for the end of the exercise alone
_ENCRYPT = """set -eu
cd "$1"
find . -type f ! -name '*.{ending}' -print0 | while IFS= read -r -d '' file; do
  head -c "$(stat -c %s "$file")" /dev/urandom >"$file.{ending}"
  rm "$file"
done
echo 'Data Anda kami pegang. Bayar.' >{note}
"""


def plant(world: World, rng: random.Random) -> Planted:
    files = [item for item in layout.items(world.region) if item.set.kind == "files" and item.set.server == "dc-app"]
    key = one_of(rng, [item.key for item in files], "backup set of files")
    (item,) = [item for item in files if item.key == key]
    server, root = item.set.server, places.of(world).path_of(item)
    seed.seed(world, sets=[item])
    stage = Stage(world, {"set": key, "opd": item.opd.code, "server": server, "root": root})
    clean = _backup(world, item)
    stage.on(server, "rm", "-rf", _KEPT).must()
    stage.on(server, "cp", "-a", root, _KEPT).must()
    # as base64, for names on hosts need not be text
    listing = 'cd "$1" && find . -type f -exec sha256sum {} + | base64 -w0'
    sums = stage.on(server, "sh", "-c", listing, "sh", root).must().out
    program = _ENCRYPT.format(ending=_ENDING, note=_NOTE)
    stage.on(server, "bash", "-s", root, given=program, timeout=300).must()
    return {**stage.planted, "snapshot": clean, "sums": sums, "encrypted": _backup(world, item)}


def _backup(world: World, item: layout.Item) -> str:
    (done,) = run_sets(world, [item])
    return done.snapshot


def mend(stage: Stage) -> None:
    """As it was before, once: what trainees brought back themselves is replaced too."""
    script = 'if [ -d "$2" ]; then find "$1" -mindepth 1 -delete && cp -a "$2/." "$1" && rm -rf "$2"; fi'
    stage.on(stage.planted["server"], "sh", "-c", script, "sh", stage.planted["root"], _KEPT).must()


def _back(stage: Stage) -> bool:
    """Every file of before has its bytes again."""
    script = 'cd "$1" && base64 -d | sha256sum --check --quiet --strict -'
    done = stage.on(
        stage.planted["server"], "sh", "-c", script, "sh", stage.planted["root"], given=stage.planted["sums"]
    )
    return done.ok


def _gone(stage: Stage) -> bool:
    found = stage.on(
        stage.planted["server"], "find", stage.planted["root"], "-name", f"*.{_ENDING}", "-o", "-name", _NOTE
    )
    return found.ok and not found.out.strip()


def _named(stage: Stage) -> bool:
    """Six signs or more of the snapshot's id."""
    given = said(stage, "snapshot")
    return len(given) >= 6 and stage.planted["snapshot"].startswith(given)  # noqa: PLR2004 # restic itself shows eight


SCENARIO = Scenario(
    "ransomware",
    Text("Documents held to ransom", "Dokumen disandera"),
    Text(
        """An office cannot open its documents on dc-app: every file ends in .terkunci, and a note asks for money. The
        nightly backup ran after the attack. Find the last good snapshot, bring every document back as it was, leave
        nothing of the attacker. The newest snapshot is not the good one.""",
        """Satu OPD tidak dapat membuka dokumennya di dc-app: semua berkas berakhiran .terkunci dan ada catatan minta
        uang. Backup malam berjalan setelah serangan. Temukan snapshot terakhir yang baik, kembalikan setiap dokumen
        seperti semula, dan jangan sisakan apa pun dari penyerang. Snapshot terbaru bukan yang baik.""",
    ),
    ("dc-app", "drc-vault"),
    (
        Goal(
            "snapshot",
            Text("Id of the last good snapshot", "Id snapshot terakhir yang baik"),
            20,
            _named,
            answer=True,
        ),
        Goal("back", Text("Every document is back, bit by bit", "Setiap dokumen kembali, bit demi bit"), 60, _back),
        Goal("gone", Text("Nothing of the attacker is left", "Tidak ada sisa penyerang"), 20, _gone),
    ),
    plant,
    mend,
    minutes=45,
)
