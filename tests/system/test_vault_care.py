"""What looks after the vault, on real servers: the second copy, the scan without keys, the removal of what is old."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
SET = "dokumen-perkim"  # no other test's: its repository is damaged in the end


@pytest.fixture
def cared(applied: Any) -> Any:
    """The twin, three backups of one set, and a drill that proved the newest."""
    applied.on_twin("backup", "seed", "--set", SET)
    for _ in range(3):
        applied.on_twin("backup", "run", "--set", SET)
    applied.on_twin("drill", "run", "--set", SET)
    return applied


def scanned(cared: Any, code: int = 0) -> dict[str, Any]:
    told = cared.on_twin("jobs", "start", "rot-scan", f"set={SET}", "--json", code=code)
    scans = json.JSONDecoder().raw_decode(told[told.index("{") :])[0]["scans"]
    return {key.partition("@")[2]: scan for key, scan in scans.items()}


def stored(cared: Any, server: str, folder: str) -> set[str]:
    paths = cared.on(server, f"find {folder} -type f").splitlines()
    return {path.partition(f".{SET}/")[2] for path in paths if f".{SET}/" in path}


def test_what_is_copied_is_whole_what_is_old_goes_and_what_rots_is_named(cared: Any) -> None:
    cared.on_twin("jobs", "start", "copy", f"set={SET}")
    assert stored(cared, "drc-restore", "/srv/kominfo-copy") >= stored(cared, "drc-vault", "/srv/restic")
    assert {place: (one["rotten"], one["vanished"]) for place, one in scanned(cared).items()} == {
        "vault": (0, 0),
        "copy": (0, 0),
    }
    (second,) = cared.json("drill", "run", "--from", "copy", "--set", SET)
    assert (second["proven"], second["place"], second["fault"]) == (True, "copy", "none")

    (plan,) = cared.json("backup", "prune", "--plan", "--set", SET)["plans"]
    assert len(plan["remove"]) == 2, "the middle one of three of a day, and its manifest"
    before = stored(cared, "drc-vault", "/srv/restic")
    cared.on_twin("backup", "prune", "--apply", plan["id"])
    gone = before - stored(cared, "drc-vault", "/srv/restic")
    assert {f"snapshots/{one}" for one in plan["remove"]} <= gone
    assert cared.on("drc-vault", "find /srv/restic -mindepth 1 -user root") == "", "the door is open again"
    assert "kominfo-door" not in cared.on("drc-vault", "systemctl list-timers --all"), "and needs nobody to open it"
    cared.on_twin("backup", "run", "--set", SET)
    assert scanned(cared)["vault"]["vanished"] == 0, "a prune of ours is no loss"
    (record, *_) = cared.state.rglob(f"evidence/*{SET}*.json")
    cared.on_twin("evidence", "verify", str(record), "--head", "vault")

    pack = min(name for name in stored(cared, "drc-vault", "/srv/restic") if name.startswith("data/"))
    where = next(one for one in cared.on("drc-vault", "find /srv/restic -type f").splitlines() if one.endswith(pack))
    cared.on("drc-vault", f"truncate -s -1 {where}")
    found = scanned(cared, code=6)
    assert found["vault"]["rotten"] == 1
    assert found["vault"]["named"] == [f"data/{Path(pack).name}"]
    assert found["copy"]["rotten"] == 0
