"""Earlier snapshots asked about a restored tree: what changed, what it was before, and whether that can be right."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backup import trouble
from backup.restic import LONG, Restic
from backup.verify import choose, compare, history
from backup.verify.choose import Snapshot
from backup.verify.tree import Seen
from backup.verify.verdict import Fault, Finding

_GLOB = re.compile(r"([*?\[\]\\])")
_FRACTION = re.compile(r"\.(\d{1,9})")


@dataclass(frozen=True)
class Since:
    """`target`: the restored tree · `private`: a folder of this verification alone · `root`: in the snapshots."""

    restic: Restic
    target: str
    private: Path
    root: str
    chosen: Snapshot
    before: Sequence[Snapshot]  # oldest first

    def judge(self, seen: Mapping[str, Seen], *, listed: bool) -> list[Finding]:
        """`listed`: a list said what every file must be, so that only an attack is looked for."""
        near, far = self.before[-1], self.before[-choose.EARLIER :][0]
        findings: list[Finding] = []
        for before in dict.fromkeys((near, far)):
            done = self.restic.ask(["diff", "--no-lock", self._at(before), self._at(self.chosen)], LONG)
            if done["code"] != 0:
                continue
            changed = history.changes(done["out"])
            if before is near and not listed:
                findings += history.judge(changed, seen, self.chosen, near) + self._quiet(changed, seen)
            if attacked := self._attacked(changed, seen, before):
                return findings + attacked
        return findings

    def earlier(self, paths: Sequence[str], before: Snapshot) -> str:
        """A private folder with some of these files as they were in a snapshot; "" where there is nothing to see."""
        if not paths:
            return ""
        folder = self.private / f"earlier-{before.id[:8]}-{len(list(self.private.iterdir()))}"
        words = ["restore", "--no-lock", "--target", str(folder), self._at(before)]
        for path in paths[: history.SAMPLE]:
            words += ["--include", literal(path)]
        self.restic.ask(words, LONG)
        return str(folder)

    def newest(self, paths: Sequence[str]) -> str:
        """The same, as they were in the newest one before."""
        return self.earlier(paths, self.before[-1]) if self.before else ""

    def _attacked(self, changed: history.Changes, seen: Mapping[str, Seen], before: Snapshot) -> list[Finding]:
        hits = history.suspicious(changed, seen, self.target)
        if not hits:
            return []
        earlier = self.earlier([path for path in hits if path in changed.modified], before)
        total = history.before_count(changed, len(seen))
        return history.encryption(changed, total, hits, history.looked(hits, earlier))

    def _quiet(self, changed: history.Changes, seen: Mapping[str, Seen]) -> list[Finding]:
        """Files that changed and say that they did not, by their times; and files that lost their end."""
        modified = [path for path in changed.modified if path in seen]
        were = self._stamps(self.before[-1]) if modified else {}
        silent = [path for path in modified if path in were and were[path][1] == self._mtime(path)]
        short = [path for path in modified if path in were and 0 < seen[path].size < were[path][0]]
        folder = self.earlier(short, self.before[-1])
        cut = [path for path in short if compare.begins(f"{folder}/{path}", seen[path])]
        rest = sorted(set(silent) - set(cut))
        return compare.named(Fault.INCOMPLETE, "cut off", cut) + compare.named(
            Fault.SILENT, "changed under the same time", rest
        )

    def _stamps(self, before: Snapshot) -> dict[str, tuple[int, int]]:
        """{path: (bytes, mtime in ns)} of a snapshot's files below the root."""
        done = self.restic.ask(["ls", "--no-lock", "--recursive", before.id, self.root], LONG)
        above = self.root.rstrip("/") + "/"
        return {
            str(one["path"]).removeprefix(above): (int(one.get("size", 0)), nanoseconds(str(one["mtime"])))
            for one in trouble.objects(done["out"])
            if one.get("type") == "file" and "mtime" in one
        }

    def _mtime(self, path: str) -> int:
        return os.lstat(f"{self.target}/{path}").st_mtime_ns

    def _at(self, one: Snapshot) -> str:
        return f"{one.id}:{self.root}"


def literal(path: str) -> str:
    """A pattern of restic's that fits this path below the root and no other."""
    return "/" + _GLOB.sub(r"\\\1", path)


def nanoseconds(text: str) -> int:
    """A time as restic writes it, to the nanosecond since the epoch."""
    fraction = _FRACTION.search(text)
    whole = datetime.fromisoformat(_FRACTION.sub("", text, count=1)).timestamp()
    return int(whole) * 1_000_000_000 + int((fraction[1] if fraction else "").ljust(9, "0"))
