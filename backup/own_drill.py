"""Our own drill of a copy that a fault may have been planted in: the weekly drills' own steps and checks must see it.

All that it reads of the station is what a drill reads: the ledger's lines of the set, keys, earlier evidence. All that
it writes lies in a private folder. As every night, the copy is scanned before it is drilled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backup import drill, manifest, places, rot
from backup.chain import Chain
from backup.layout import Item
from backup.places import Places
from backup.restic import AT_LEAST, Repository, Restic
from backup.signing import Signer
from backup.verify import of_drill
from backup.verify.here import Here
from backup.verify.verdict import Fault, Verdict
from ops.errors import OpsError
from ops.progress import Progress
from ops.system import tools
from ops.system.process import Local

# Planted as one more snapshot of the set's host. For the drill it takes the place of the ledger's newest one: else the
# drill would only see a stranger, and never compare the tree.
REPLACED = frozenset({Fault.INCOMPLETE, Fault.SILENT, Fault.RANSOMWARE})


@dataclass(frozen=True)
class OwnDrill:
    """`folder`: private and empty. The set's own RPO and RTO are judged elsewhere: `rpo`, `rto` (seconds) hold here."""

    spots: Places
    item: Item
    folder: Path
    progress: Progress
    rpo: float
    rto: float

    def __call__(self, copy: Path, planted: str) -> Verdict:
        """Drill the copy. `planted`: the fault, empty before. OpsError when what was planted is not there."""
        state, lines = self._state(planted or "before"), self._lines()
        if planted in REPLACED:
            lines = self._replaced(copy, Signer(state / "keys"), lines)
        else:
            (state / "keys").symlink_to((self.spots.state / "keys").absolute())
        self._keep(state, lines)
        self._scan(copy, state)
        spots, wanted = self._places(copy, state), {"rpo": self.rpo, "rto": self.rto}
        item = replace(self.item, set=self.item.set.model_copy(update=wanted))
        return of_drill.judge(drill.run(spots, item, self.progress))

    def _lines(self) -> list[dict[str, Any]]:
        """The ledger's lines of this set, and of those who sign."""
        return [dict(line) for line in self.spots.ledger.read() if line.get("of", self.item.key) == self.item.key]

    def _replaced(self, copy: Path, signer: Signer, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As if the host had stored the planted tree and signed what its source held: with a key of this folder."""
        newest = [line for line in lines if line["event"] == "backup"][-1]
        planted = _stranger(copy, lines)
        restic = Here(Repository(str(copy), self._known.password), tools.find("restic", AT_LEAST))
        made, _ = manifest.opened(
            restic.dump(newest["manifest_snapshot"], manifest.FILE), self.spots.public_pem(newest)
        )
        text = manifest.sealed(replace(made, snapshot=planted), signer)
        words = restic.backup_words(newest["server"], [newest["of"], manifest.TAG])
        saved = restic.backup([*words, "--stdin", "--stdin-filename", manifest.FILE], text)
        for key in ("snapshot", "manifest_snapshot"):
            (copy / "snapshots" / str(newest[key])).unlink()
        newest |= {"snapshot": planted, "manifest_snapshot": saved.snapshot, "manifest_sha256": manifest.digest(text)}
        newest.pop("signed_by", None)
        return lines

    def _state(self, name: str) -> Path:
        """A station's state of its own; evidence is only read there."""
        state = self.folder / name
        state.mkdir(mode=0o700)
        (state / "evidence").symlink_to((self.spots.state / "evidence").absolute())
        return state

    def _keep(self, state: Path, lines: Sequence[Mapping[str, Any]]) -> None:
        ledger = Chain(state / "ledger" / "backup.jsonl")
        for line in lines:
            ledger.append({key: value for key, value in line.items() if key not in {"seq", "previous", "hash"}})

    def _scan(self, copy: Path, state: Path) -> None:
        """As job `rot-scan` leaves it."""
        told = rot.scan(Local(), str(copy), {}, ())[0].told()
        (state / "rot").mkdir(mode=0o700)
        (state / "rot" / f"{self.item.key}@vault.json").write_text(json.dumps(told), encoding="utf-8")

    @property
    def _known(self) -> Repository:
        return self.spots.view(self.item, places.key_of(self.spots, self.item)).repository

    def _places(self, copy: Path, state: Path) -> Places:
        known, program = self._known, tools.find("restic", AT_LEAST)

        def view(_item: Item, _key: str) -> Restic:
            return Restic(Local(), Repository(str(copy), known.password, key_hint=known.key_hint), program)

        made = replace(self.spots, state=state, source=view, view=view, drill_folder=str(self.folder / "d"))
        return replace(made, drill_server=Local.name, host=None, memory="")


def _stranger(copy: Path, lines: Sequence[Mapping[str, Any]]) -> str:
    """The one snapshot of the copy that the ledger does not know."""
    known = {line.get(key) for line in lines for key in ("snapshot", "manifest_snapshot")}
    found = [path.name for path in (copy / "snapshots").iterdir() if path.name not in known]
    if len(found) != 1:
        raise OpsError(f"{copy}: {len(found)} snapshots that the ledger does not know, not the planted one alone")
    return found[0]
