"""What is known of one office in one month, as plain data. What is not known is named as missing, never left out.

States: `ok`, `bad`, `none` where there is no data, `absent` where the office has no such thing. Times are epoch
seconds, spans seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backup import layout
from ops.inventory.model import Opd, Region
from ops.jobs import config_backup
from ops.jobs.backup import Age
from ops.jobs.report_records import Month, Records
from ops.plan.change import REGION_SCOPE
from ops.world import World

Facts = dict[str, Any]
UNKEPT = ("availability", "bandwidth", "optics")  # nobody keeps them by the month yet


def facts(world: World, opd: Opd, month: Month, kept: Records) -> Facts:
    """Everything of one office. `missing` names the figures that there are not."""
    parts = {
        "backups": _backups(opd, month, kept),
        "drills": _drills(opd, month, kept),
        "calls": _calls(opd, month, kept),
        "drift": _drift(world.region, opd, month, kept),
        "configurations": _configurations(world, opd, month),
    }
    missing = [*(name for name, part in parts.items() if part["state"] == "none"), *UNKEPT]
    bad = any(part["state"] == "bad" for part in parts.values())
    return {
        "format": "kominfo-ops monthly report 1",
        "region": world.region.name,
        "opd": opd.code,
        "name": opd.name,
        "month": month.name,
        "begin": month.begin,
        "end": month.end,
        "made": month.now,
        "over": month.over,
        "state": "bad" if bad else "none" if missing else "ok",
        "missing": missing,
        **parts,
    }


def _backups(opd: Opd, month: Month, kept: Records) -> Facts:
    sets = [_set(layout.Item(opd, one), month, kept.ledger) for one in opd.backup]
    broken, signed = kept.broken.get("ledger", ""), opd.no_backup
    decision = {"by": signed.signed_by, "until": signed.until, "reason": signed.reason} if signed else None
    state = _worst(sets)
    if signed and not sets:
        state = "absent" if signed.until >= month.last_day else "bad"
    return {"state": "bad" if broken else state, "broken": broken, "decision": decision, "sets": sets}


def _set(item: layout.Item, month: Month, ledger: Sequence[Mapping[str, Any]]) -> Facts:
    """How old the newest backup was at the month's end, or is now."""
    times = [float(line["taken"]) for line in ledger if line["of"] == item.key and line["taken"] < month.seen_until]
    last = max(times, default=None)
    age = None if last is None else month.seen_until - last
    late = Age(item.key, item.set.kind, item.set.server, item.set.rpo, age, 0, len(times)).late
    return {
        "name": item.set.name,
        "kind": item.set.kind,
        "server": item.set.server,
        "taken": sum(month.holds(at) for at in times),
        "last": last,
        "age": age,
        "rpo": item.set.rpo,
        "state": "bad" if late else "ok",
    }


def _drills(opd: Opd, month: Month, kept: Records) -> Facts:
    broken = kept.broken.get("drills", "")
    sets = [_drilled(one.name, month, [made for made in kept.drills if made["opd"] == opd.code]) for one in opd.backup]
    state = _worst(sets) if sets else "absent"
    return {"state": "bad" if broken else state, "broken": broken, "sets": sets}


def _drilled(name: str, month: Month, drills: Sequence[Mapping[str, Any]]) -> Facts:
    """The last drill of a set in this month; `before` is when there was one earlier, if there was none."""
    of_set = [
        (datetime.fromisoformat(made["declared"]).timestamp(), made) for made in drills if made["service"] == name
    ]
    here = [(at, made) for at, made in of_set if month.holds(at)]
    earlier = max((at for at, _ in of_set if at < month.begin), default=None)
    if not here:
        return {"name": name, "drills": 0, "proven": 0, "before": earlier, "last": None, "state": "none"}
    at, made = max(here, key=lambda one: one[0])
    proven = made["verdict"] == "proven"
    spans = {
        f"{what}_{which}": made["objectives"][what][which] for what in ("rto", "rpo") for which in ("reached", "target")
    }
    return {
        "name": name,
        "drills": len(here),
        "proven": sum(one["verdict"] == "proven" for _, one in here),
        "before": earlier,
        "last": at,
        "verdict": made["verdict"],
        "failure": made["failure"],
        **spans,
        "state": "ok" if proven and all(_within(made, what) for what in ("rto", "rpo")) else "bad",
    }


def _within(made: Mapping[str, Any], what: str) -> bool:
    spans = made["objectives"][what]
    return spans["reached"] is not None and spans["reached"] <= spans["target"]


def _calls(opd: Opd, month: Month, kept: Records) -> Facts:
    """The last test call with each other office: only the last one is kept."""
    tests = [
        {
            "from": one["from_opd"],
            "to": one["to_opd"],
            "at": one["at"],
            "setup_ms": one.get("setup_ms"),
            "faults": list(one["faults"]),
            "state": "ok" if one["ok"] else "bad",
        }
        for one in kept.calls
        if opd.code in (one["from_opd"], one["to_opd"]) and month.holds(one["at"])
    ]
    state = _worst(tests) if opd.phones and opd.phones.extensions else "absent"
    return {"state": state, "tests": sorted(tests, key=lambda one: (one["from"], one["to"]))}


def _drift(region: Region, opd: Opd, month: Month, kept: Records) -> Facts:
    """The last check of the month that looked at this office. `unread` hosts are unknown, which is not good."""
    checks = [one for one in kept.drifts if month.holds(one["at"]) and (not one["opds"] or opd.code in one["opds"])]
    if not checks:
        return {"state": "none", "checks": 0, "drifted": 0, "last": None, "changes": None}
    last = checks[-1]
    others = {router.name for one in region.opds if one is not opd for router in one.routers}
    unread = sorted(set(last["unread"]) - others)
    hosts = last["offices"].get(opd.code, {})
    return {
        "state": "bad" if hosts else "none" if unread else "ok",
        "checks": len(checks),
        "drifted": sum(opd.code in one["offices"] for one in checks),
        "last": last["at"],
        "changes": sum(hosts.values()),
        "shared": sum(last["offices"].get(REGION_SCOPE, {}).values()),
        "hosts": hosts,
        "unread": unread,
    }


def _configurations(world: World, opd: Opd, month: Month) -> Facts:
    found = [_configuration(world, router.name, month) for router in opd.routers]
    return {"state": _worst(found) if found else "absent", "routers": found}


def _configuration(world: World, router: str, month: Month) -> Facts:
    """How often it changed, and whether it was read in this month at all."""
    seen = config_backup.seen(world, router)
    times = [commit.at for commit in config_backup.changed_since(world, router) if month.holds(commit.at)]
    read = max([*times, *([seen] if seen and month.holds(seen) else [])], default=None)
    return {"router": router, "changes": len(times), "read": read, "state": "ok" if read else "none"}


def _worst(parts: Iterable[Facts]) -> str:
    states = {part["state"] for part in parts}
    return next((state for state in ("bad", "none", "ok") if state in states), "none")
