"""Was what came back encrypted before it was backed up? Then every sum is right, and nothing of it is of use.

The restored tree is looked at on the drill server, and where much of it looks encrypted, at what those files were in
earlier counted backups: the one before, the oldest of the last few, and the newest that a green drill proved. Files
that are not what their names say need no earlier backup. Nobody has to believe the source host: its own figures speak
only where no earlier backup is left to be asked.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup.hostside import programs
from backup.restic import LONG, Restic
from backup.verify import attack, attack_there, choose, encrypted, history
from backup.verify.since import literal
from ops.system import hostpython

MOST = 2000  # files that are looked at first, drawn by lot: enough to tell a share
DOUBT = (5, 0.05)  # files, share of those: so many that look encrypted are worth the question what they were
_THERE = (programs, encrypted, attack_there)


@dataclass(frozen=True)
class Tree:
    """`data`: where it was restored to · `private`: a folder of this drill alone · `path`: of it in the snapshots."""

    restic: Restic
    data: str
    private: str
    path: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Before:
    """Ledger lines of the set. `there`: ids that the repository holds · `proven`: when a drill was last green, or 0."""

    entry: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]  # oldest first
    there: frozenset[str]
    proven: float

    def earlier(self) -> list[str]:
        """Snapshots of the same place that are worth being compared with, the newest first."""
        known = [line for line in self.history if self._fits(line)]
        green = [line for line in known if float(line["taken"]) <= self.proven]
        chosen = [*known[-1:], *known[-choose.EARLIER :][:1], *green[-1:]]
        return list(dict.fromkeys(str(line["snapshot"]) for line in chosen))

    def _fits(self, line: Mapping[str, Any]) -> bool:
        is_other = line["snapshot"] in self.there and line["snapshot"] != self.entry["snapshot"]
        return is_other and line.get("path") == self.entry.get("path")


def look(tree: Tree, before: Before) -> list[str]:
    """What speaks for an attack, in words; nothing on a tree of which little looks encrypted."""
    files = sorted(path for path, entry in tree.content.items() if entry["kind"] == "file")
    drawn = random.Random(before.entry["snapshot"]).sample(files, min(MOST, len(files)))  # noqa: S311 # a sample
    told = _looks(tree, tree.data, drawn)
    hits, saying = told["hits"], [path for path in drawn if encrypted.named_otherwise(path)]
    if attack.many(len(told["disguised"]), len(saying), attack.ENCRYPTED):
        return [f"{len(told['disguised'])} of {len(saying)} files look encrypted, and are not what their names say"]
    share = float(before.entry.get("figures", {}).get("encrypted_ratio", 0.0))
    if not attack.many(len(hits), len(drawn), DOUBT) and share < attack.ENCRYPTED[1]:
        return []
    asked = False
    for snapshot in before.earlier():
        done = tree.restic.ask(["diff", "--no-lock", f"{snapshot}:{tree.path}", _at(tree, before)], LONG)
        if done["code"] == 0:
            asked = True
            if found := _since(tree, history.changes(done["out"]), len(files), snapshot):
                return found
    if not asked and share >= attack.ENCRYPTED[1]:
        return [f"{share:.0%} of the files began to look encrypted, as the source host's own figures say"]
    return []


def _since(tree: Tree, changed: history.Changes, files: int, snapshot: str) -> list[str]:
    hits = history.enough(changed, _looks(tree, tree.data, [*changed.modified, *changed.added])["hits"], files)
    if not hits:
        return []
    were = _were(tree, [path for path in hits if path in changed.modified], snapshot)
    found = history.encryption(changed, history.before_count(changed, files), hits, were)
    return [f"{one.what}, since backup {snapshot[:12]}" for one in found]


def _were(tree: Tree, paths: Sequence[str], snapshot: str) -> dict[str, bool]:
    """Of some of these files: whether they looked encrypted in an earlier snapshot."""
    some = list(paths)[: history.SAMPLE]
    folder = f"{tree.private}/before-{snapshot[:12]}"
    words = ["restore", "--no-lock", "--target", folder, f"{snapshot}:{tree.path}"]
    tree.restic.ask([*words, *(word for path in some for word in ("--include", literal(path)))], LONG)
    told = _looks(tree, folder, some)
    return {path: path in told["hits"] for path in told["there"]}


def _looks(tree: Tree, root: str, paths: Sequence[str]) -> dict[str, Any]:
    if not paths:
        return {"there": [], "hits": [], "disguised": []}
    about = {"root": root, "paths": list(paths)}
    return dict(hostpython.call(tree.restic.where, hostpython.Call(_THERE, "look", about, LONG)))


def _at(tree: Tree, before: Before) -> str:
    return f"{before.entry['snapshot']}:{tree.path}"
