"""Which snapshot is to be restored: by host, path, size and date. Never blindly `latest`. Pure.

`latest` is whatever an attacker, a wrong clock or an empty dump put last. A snapshot dated in the future and one that
is suddenly small are passed over, and said; so is a set that stayed small for a week: that is its new size.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup.verify.locks import AHEAD, when
from backup.verify.verdict import Fault, Finding

SMALL = 0.5  # share of what was expected
EARLIER = 5  # snapshots whose median is what is expected
SETTLED = 7 * 86400.0  # seconds after which small is the new size
NEAR_EMPTY, FLOOD, FLOOD_TIME = 0.25, 4, 86400.0  # share of bytes, snapshots, seconds: a flood
SWARM, SWARM_TIME = 10, 6 * 3600.0  # near-empty snapshots of other paths, seconds: a flood as well


@dataclass(frozen=True)
class Snapshot:
    """One snapshot as the repository tells it. `at`: epoch seconds by the source host's clock; sizes -1 if untold."""

    id: str
    at: float
    host: str
    tags: tuple[str, ...]
    paths: tuple[str, ...]
    files: int
    bytes: int
    new_share: float  # of files that were new or changed when it was taken
    excludes: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """What is looked for. Sizes are 0 where no manifest says them; `now` is epoch seconds, `rpo` seconds."""

    host: str
    root: str
    now: float
    rpo: float
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Choice:
    snapshot: Snapshot | None
    before: tuple[Snapshot, ...]  # earlier ones that may be compared with it, oldest first
    findings: tuple[Finding, ...]


def snapshot(told: Mapping[str, Any]) -> Snapshot:
    """One entry of `restic snapshots --json`."""
    summary = told.get("summary") or {}
    files = int(summary.get("total_files_processed", -1))
    fresh = int(summary.get("files_new", 0)) + int(summary.get("files_changed", 0))
    return Snapshot(
        told["id"],
        when(told["time"]),
        told.get("hostname", ""),
        tuple(told.get("tags") or ()),
        tuple(told.get("paths") or ()),
        files,
        int(summary.get("total_bytes_processed", -1)),
        fresh / files if files > 0 else 1.0,
        tuple(told.get("excludes") or ()),
    )


def choose(every: Sequence[Snapshot], wish: Wish) -> Choice:
    """The newest snapshot that can be what is looked for, and what is wrong with newer ones."""
    ours = sorted((one for one in every if one.host == wish.host), key=lambda one: one.at)
    findings = [
        Finding(Fault.CLOCK, f"snapshot {one.id[:8]} is dated {one.at - wish.now:.0f} s ahead")
        for one in ours
        if one.at > wish.now + AHEAD
    ]
    fits = covering(ours, wish.root)
    past = [one for one in fits if one.at <= wish.now + AHEAD]
    sane, small = _sizes(past, wish)
    expected = _expected(sane, wish)
    ahead = [one for one in fits if one.at > wish.now + AHEAD and 0 <= one.bytes < SMALL * expected]
    findings += _judged(small, ahead, wish, expected) + _swarms(every, fits, expected, wish)
    chosen = next(reversed(sane or small or fits), None)
    if chosen is None:
        has = f"{len(ours)} of other paths" if ours else f"none; there are {len(every)} of other hosts"
        findings.append(Finding(Fault.RPO, f"no snapshot of {wish.host}:{wish.root} ({has})"))
        return Choice(None, (), tuple(findings))
    if wish.now - chosen.at > wish.rpo:
        age = f"{wish.now - chosen.at:.0f} s old, {wish.rpo:.0f} s agreed"
        findings.append(Finding(Fault.RPO, f"the newest usable snapshot {chosen.id[:8]} is {age}"))
    return Choice(chosen, tuple(one for one in sane if one.at < chosen.at), tuple(findings))


def covering(every: Sequence[Snapshot], root: str) -> list[Snapshot]:
    """Snapshots whose sources hold the root; else those of relative sources that may; else those of parts of it."""
    wanted = _parts(root)
    for holds in (_above, _relative, _within):
        if found := [one for one in every if any(holds(_parts(path), wanted) for path in one.paths)]:
            return found
    return []


def _above(path: tuple[str, ...], root: tuple[str, ...]) -> bool:
    return root[: len(path)] == path


def _within(path: tuple[str, ...], root: tuple[str, ...]) -> bool:
    return path[: len(root)] == root


def _relative(path: tuple[str, ...], root: tuple[str, ...]) -> bool:
    """`restic backup data` in /srv says the path /srv/data, while its tree begins at /data."""
    tails = (path[at:] for at in range(1, len(path)))
    return any(root[: len(tail)] == tail or (root and tail[: len(root)] == root) for tail in tails)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _sizes(past: Sequence[Snapshot], wish: Wish) -> tuple[list[Snapshot], list[Snapshot]]:
    """Snapshots of the expected size; and the small ones that came after the last of them."""
    sane: list[Snapshot] = []
    small: list[Snapshot] = []
    for one in past:
        least = SMALL * _expected(sane, wish)
        if not 0 <= one.bytes < least and not (wish.files and 0 <= one.files < SMALL * wish.files):
            sane.append(one)
            small.clear()
        else:
            small.append(one)
            if not wish.bytes and one.at - small[0].at >= SETTLED:
                sane, small = small[:], []
    return sane, small


def _expected(sane: Sequence[Snapshot], wish: Wish) -> float:
    """Bytes that a snapshot should hold: as the manifest says, else the median of those before."""
    if wish.bytes:
        return float(wish.bytes)
    told = [one.bytes for one in sane[-EARLIER:] if one.bytes >= 0]
    return float(statistics.median(told)) if told else 0.0


def _judged(small: Sequence[Snapshot], ahead: Sequence[Snapshot], wish: Wish, expected: float) -> list[Finding]:
    """`small`: after the last whole one · `ahead`: small and dated in the future."""
    if flood([one.at for one in (*small, *ahead) if one.bytes < NEAR_EMPTY * expected], FLOOD, FLOOD_TIME):
        what = f"{len(small) + len(ahead)} near-empty snapshots after the last whole one: a flood"
        return [Finding(Fault.RANSOMWARE, what)]
    if not small:
        return []
    last = small[-1]
    told = f"{last.bytes} bytes in {last.files} files, {expected:.0f} bytes expected"
    return [Finding(Fault.INCOMPLETE, f"the newest snapshot {last.id[:8]} of {wish.root} holds {told}")]


def _swarms(every: Sequence[Snapshot], fits: Sequence[Snapshot], expected: float, wish: Wish) -> list[Finding]:
    """Near-empty snapshots in masses that are no backup of this path, by any host."""
    groups: dict[tuple[str, tuple[str, ...]], list[Snapshot]] = {}
    ours = {one.id for one in fits}
    for one in every:
        if one.id not in ours and 0 <= one.bytes < NEAR_EMPTY * expected:
            groups.setdefault((one.host, one.paths), []).append(one)
    return [
        Finding(Fault.RANSOMWARE, f"{len(group)} near-empty snapshots of {host}:{' '.join(paths)} within hours")
        for (host, paths), group in groups.items()
        if host == wish.host and flood([one.at for one in group], SWARM, SWARM_TIME)
    ]


def flood(times: Sequence[float], many: int, seconds: float) -> bool:
    """Whether so many were taken within so many seconds."""
    times = sorted(times)
    return any(last - first <= seconds for first, last in zip(times, times[many - 1 :], strict=False))
