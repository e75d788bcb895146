"""Remove what the retention policy no longer keeps: only at the DRC, only on the disk, only as a plan that was shown.

A plan names the snapshots by id; exactly those go. Before it is made and before it is carried out the guard looks
(`prune_guard.py`); each refusal is a line in `<state>/ledger/prune.jsonl`, a hash-chained record of all that went.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backup import prune_facts, prune_guard, readable, retention
from backup.chain import Chain, canonical
from backup.layout import Item
from backup.places import Places
from backup.prune_guard import Reason, Refusal
from backup.restic import LONG, Restic, Snapshot
from ops.errors import OpsError, RefusedError, UsageError
from ops.inventory.model import RetentionPolicy
from ops.runs.model import Keep, at_once
from ops.system.process import Ask

DAY = 86400.0
SHOWN = 7 * DAY  # seconds for which a plan is shown before it may be carried out


@dataclass(frozen=True)
class Plan:
    """What would go from one set's repository. Times are epoch seconds of the station, sizes bytes.

    `remove`: data snapshots with their manifests, by id · `share`: of the stored bytes, 0 to 1.
    """

    of: str
    made: float
    newest: str
    keep: tuple[str, ...]
    remove: tuple[str, ...]
    share: float
    stored: int
    dates: Mapping[str, str] = field(default_factory=dict)  # id → when it was taken, as the source host said
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return hashlib.sha256(canonical(json.loads(json.dumps(asdict(self)))).encode()).hexdigest()[:12]

    @property
    def needs_two(self) -> bool:
        return self.share > prune_guard.SHARE

    def told(self) -> dict[str, Any]:
        return {**asdict(self), "id": self.id, "needs_two": self.needs_two}


def chain(spots: Places) -> Chain:
    """What was pruned or refused, when and by whom."""
    return Chain(spots.state / "ledger" / "prune.jsonl")


def plan(spots: Places, item: Item, restic: Restic, policy: RetentionPolicy) -> Plan:
    """Look and say what would go; nothing is changed. The plan is kept, with the reasons against it.

    Where junk lies in the repository nothing would go, and the junk is named.
    """
    lines = prune_facts.lines(spots, item)
    if not (counted := [line for line in lines if line["event"] == "backup"]):
        raise OpsError(f"{item.key} was never backed up", "ops backup run")
    snapshots, junk = readable.snapshots(restic, f"{spots.drill_folder}/look-{item.key}")
    remove = [] if junk else _unwanted(spots, snapshots, policy, counted)
    whole = _with_manifests(remove, counted, snapshots)
    stays = [one.id for one in snapshots if one.id not in whole]
    stored, left = 0 if junk else _stored(restic, []), _stored(restic, stays) if whole else 0
    against = [Refusal(Reason.FOREIGN, what) for what in junk]
    against += prune_facts.against(spots, item, snapshots, remove, _planned(spots, item))
    made = Plan(
        item.key,
        time.time(),
        str(counted[-1]["snapshot"]),
        tuple(sorted(stays)),
        tuple(sorted(whole)),
        round(1 - left / stored, 6) if whole and stored else 0.0,
        stored,
        {one.id: one.time for one in snapshots},
        tuple((str(one.reason), one.text) for one in against),
    )
    _note_refusals(spots, made.of, made.refused)
    folder = _folder(spots)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / f"{made.id}.json").write_text(json.dumps(asdict(made), indent=2) + "\n", encoding="utf-8")
    return made


def _planned(spots: Places, item: Item) -> float:
    """When a plan for this set was shown last; before all times when never."""
    found = [load(spots, path.stem) for path in _folder(spots).glob("*.json")]
    return max((one.made for one in found if one.of == item.key), default=-1.0)


def load(spots: Places, plan_id: str) -> Plan:
    """A plan that was shown. UsageError when there is none of that id, RefusedError when it was changed since."""
    path = _folder(spots) / f"{plan_id}.json"
    if not plan_id.isalnum() or not path.is_file():
        raise UsageError(f"there is no plan {plan_id} to prune", "ops backup prune --plan")
    told = json.loads(path.read_text(encoding="utf-8"))
    pairs = tuple((reason, text) for reason, text in told.pop("refused"))
    told |= {name: tuple(told[name]) for name in ("keep", "remove")}
    found = Plan(**told, refused=pairs)
    if found.id != plan_id:
        raise RefusedError(f"plan {plan_id} is not the one that was shown", "ops backup prune --plan")
    return found


@dataclass(frozen=True)
class Order:
    """A plan that is to be carried out. `shown`: seconds that it must have been shown for · `keep`: checkpoints."""

    plan: Plan
    policy: RetentionPolicy
    shown: float = SHOWN
    by: str = ""
    keep: Keep = at_once


def apply(spots: Places, item: Item, restic: Restic, order: Order) -> dict[str, Any]:
    """Remove exactly what the plan names; what went. RefusedError when anything speaks against it now."""
    made, keep = order.plan, order.keep
    _may(spots, item, restic, order)
    began = keep(f"begin {item.key}", lambda: {"before": sorted(one.id for one in restic.snapshots())})
    keep(f"forget {item.key}", lambda: _forget(restic, made, began["before"]))
    keep(f"prune {item.key}", lambda: _prune(restic))
    stored = _stored(restic, [])
    told = {"event": "pruned", "of": made.of, "plan": made.id, "removed": list(made.remove), "by": order.by}
    line = {**told, "at": time.time(), "stored_before": made.stored, "stored": stored}

    if all(one.get("plan") != made.id for one in chain(spots).read()):  # killed before it could note that it is done
        chain(spots).append(line)
    return line


def refused(spots: Places) -> dict[str, int]:
    """How often pruning was refused, by reason."""
    lines = [line for line in chain(spots).read() if line["event"] == "refused"]
    return {reason: sum(line["reason"] == reason for line in lines) for reason in {line["reason"] for line in lines}}


def owned_again(restic: Restic, repository: str) -> None:
    """Give what restic, as root, has written to the repository's owner: the rest-server must read it."""
    done = restic.where.run(["chown", "-R", "--reference", f"{repository}/keys", repository], Ask(timeout=600))
    done.must(f"{restic.where.name}: {repository}")


def _may(spots: Places, item: Item, restic: Restic, order: Order) -> None:
    made = order.plan
    if made.of != item.key:
        raise UsageError(f"plan {made.id} is for {made.of}, not for {item.key}")
    if (age := time.time() - made.made) < order.shown:
        told = f"it was made {age / DAY:.1f} days ago, and is shown for {order.shown / DAY:.0f}"
        _refuse(spots, made.of, [("age", told)])
    if made.refused:
        _refuse(spots, made.of, made.refused)
    snapshots, lines = restic.snapshots(), prune_facts.lines(spots, item)
    counted = [line for line in lines if line["event"] == "backup"]
    data = {str(line["snapshot"]) for line in counted} & set(made.remove)
    wanted = set(_unwanted(spots, snapshots, order.policy, counted))
    there = {one.id for one in snapshots}
    if keeps := sorted((data & there) - wanted):
        _refuse(spots, made.of, [("changed", f"{keeps[0][:12]} is kept by the policy now")])
    if against := prune_facts.against(spots, item, snapshots, data & there, made.made):
        _refuse(spots, made.of, [(str(one.reason), one.text) for one in against])


def _refuse(spots: Places, of: str, against: Sequence[tuple[str, str]]) -> None:
    _note_refusals(spots, of, against)
    raise RefusedError(f"{of} is not pruned: {against[0][1]}", "look at it; then ops backup prune --plan again")


def _note_refusals(spots: Places, of: str, against: Sequence[tuple[str, str]]) -> None:
    for reason, text in against:
        chain(spots).append({"event": "refused", "of": of, "reason": reason, "text": text, "at": time.time()})


def _unwanted(
    spots: Places, snapshots: Sequence[Snapshot], policy: RetentionPolicy, counted: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Data snapshots that the policy does not keep, of those that the ledger counts: nobody else's take part."""
    there = {one.id for one in snapshots}
    return retention.unwanted([line for line in counted if line["snapshot"] in there], policy, spots.timezone)


def _with_manifests(
    remove: Sequence[str], counted: Sequence[Mapping[str, Any]], snapshots: Sequence[Snapshot]
) -> set[str]:
    there = {one.id for one in snapshots}
    manifests = {str(line["manifest_snapshot"]) for line in counted if line["snapshot"] in remove}
    return {*remove, *manifests} & there


def _stored(restic: Restic, ids: Sequence[str]) -> int:
    """Bytes that these snapshots (all when none is named) need in the repository."""
    done = restic.must(["stats", "--no-lock", "--mode", "raw-data", *ids], LONG)
    return int(json.loads(done["out"].strip().splitlines()[-1])["total_size"])


def _forget(restic: Restic, made: Plan, before: Sequence[str]) -> dict[str, Any]:
    """Exactly these; restic's exit code says nothing about ids that it does not know."""
    there = {one.id for one in restic.snapshots()}
    if wanted := sorted(set(made.remove) & there):
        restic.must(["forget", *wanted], LONG)
    after = {one.id for one in restic.snapshots()}
    lost, stayed = set(before) - after - set(made.remove), after & set(made.remove)
    if lost or stayed:
        what = f"{len(stayed)} snapshots stayed, {len(lost)} others went"
        raise OpsError(f"{restic.where.name}: {made.of}: {what}", "take no further step; look at the repository")
    return {"removed": len(wanted)}


def _prune(restic: Restic) -> dict[str, Any]:
    done = restic.must(["prune", "--max-unused", "10%"], LONG)
    return {"seconds": done["seconds"]}


def _folder(spots: Places) -> Path:
    return spots.state / "prunes"
