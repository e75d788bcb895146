"""The drill of the drill: a copy is proven, one fault is planted in it, and now the same judgement must say red."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from backup.restic import AT_LEAST
from backup.verify import copies, plant, run, tree
from backup.verify.run import Request
from backup.verify.verdict import Colour, Fault, Verdict
from ops.errors import OpsError, UsageError
from ops.progress import Progress
from ops.system import tools

Judge = Callable[[Path, str], Verdict]  # of a copy, and of what was planted in it (nothing yet when empty)


def inject(
    fault: str, asked: Request, of: Path | None, progress: Progress, ours: Judge | None = None
) -> dict[str, Any]:
    """{fault, seen, before, after}: both verdicts. `asked.repo` is the copy, made from `of` if that is named.

    `ours`: a second judge of the same copy; then {own_before, own_after} too, and `seen` needs both.
    `asked.target` is not used: what is restored goes away again. OpsError when the copy is not green before.
    """
    if fault not in {str(one) for one in plant.PLANTERS}:
        raise UsageError(f"{fault}: no fault that can be planted", f"one of {', '.join(sorted(plant.PLANTERS))}")
    folder = Path(asked.repo).absolute()
    if of:
        copies.make(of, folder)
    copies.check(folder)
    with tempfile.TemporaryDirectory(prefix="kominfo-inject-", dir=folder.parent) as name:
        work = Path(name)
        before = run.verify(replace(asked, repo=str(folder), target=work / "before"), progress)
        _green(folder, before)
        listed = asked.expect or _list(work)
        shutil.rmtree(work / "before")
        own_before = ours(folder, "") if ours else None
        if own_before:
            _green(folder, own_before)
        _plant(fault, folder, asked, work / "tree")
        after = run.verify(replace(asked, repo=str(folder), target=work / "after", expect=listed), progress)
        shutil.rmtree(work / "after", ignore_errors=True)
        own_after = ours(folder, fault) if ours else None
    told = {"fault": fault, "seen": _seen(fault, after), "before": before.told(), "after": after.told()}
    if own_before is None or own_after is None:
        return told
    both = {"own_before": own_before.told(), "own_after": own_after.told()}
    return {**told, **both, "seen": told["seen"] and _seen(fault, own_after)}


def _green(folder: Path, before: Verdict) -> None:
    if before.colour is not Colour.GREEN:
        said = "; ".join(one.what for one in before.proof[:3])
        raise OpsError(f"{folder}: {before.colour} ({before.fault}) before anything was planted: {said}")


def _plant(fault: str, folder: Path, asked: Request, tree: Path) -> None:
    password = asked.password.read_text(encoding="utf-8", errors="surrogateescape").strip()
    copy = copies.Marked(folder, password, tools.find("restic", AT_LEAST))
    copies.planted(folder, fault)
    tree.mkdir()
    plant.PLANTERS[Fault(fault)](plant.Spot(copy, asked.host, asked.root, tree))
    shutil.rmtree(tree)


def _seen(fault: str, after: Verdict) -> bool:
    return after.colour is Colour.RED and after.fault == fault


def _list(work: Path) -> Path:
    """A list of what was just proven, where the person has none."""
    lines = []
    for path, one in tree.look(str(work / "before")).items():
        plain = path.replace("\\", "\\\\").replace("\n", "\\n")
        if not one.link:
            escaped = "\\" if plain != path else ""
            lines.append(f"{escaped}{one.sha256}  {one.size}  {one.mode:o}  {plain}\n")
    made = work / "MANIFEST"
    made.write_bytes("".join(lines).encode("utf-8", "surrogateescape"))
    return made
