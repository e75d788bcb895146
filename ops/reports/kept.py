"""What the station itself kept of one office in one period: backups, drills, calls, drift, configurations.

States: `ok`, `bad`, `none` where there is no data, `absent` where the office has no such thing. Times are epoch
seconds, spans seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backup.layout import Item
from ops.inventory.model import Opd, Region
from ops.plan.change import REGION_SCOPE
from ops.reports.figure import Sources
from ops.reports.period import Period
from ops.reports.records import Records

Facts = dict[str, Any]


def kept(opd: Opd, period: Period, records: Records, region: Region, sources: Sources) -> Facts:
    """Each part with its `state` and the number of its `source`."""
    parts = {
        "backups": _backups(opd, period, records),
        "drills": _drills(opd, period, records),
        "calls": _calls(opd, period, records),
        "drift": _drift(region, opd, period, records),
        "configurations": _configurations(opd, period, records),
    }
    return {
        name: {**part, "source": sources.number("history", _asked(name, opd, period))} for name, part in parts.items()
    }


def _asked(name: str, opd: Opd, period: Period) -> str:
    """What was looked up, so that somebody else can look it up again."""
    since, until = int(period.begin), int(period.seen_until)
    return {
        "backups": f"ledger/backup.jsonl: event=backup, of={opd.code}.*, taken < {until}",
        "drills": f"evidence/index.jsonl: opd={opd.code}, {since} ≤ declared < {int(period.end)}",
        "calls": f"calls/*.json: from_opd or to_opd = {opd.code}, {since} ≤ at < {int(period.end)}",
        "drift": f"ops history --job drift --opd {opd.code}: {since} ≤ at < {int(period.end)}",
        "configurations": f"configs (git): routers of {opd.code}, {since} ≤ committed < {int(period.end)}",
    }[name]


def _backups(opd: Opd, period: Period, records: Records) -> Facts:
    sets = [_set(Item(opd, one), period, records.ledger) for one in opd.backup]
    broken, signed = records.broken.get("ledger", ""), opd.no_backup
    decision = {"by": signed.signed_by, "until": signed.until, "reason": signed.reason} if signed else None
    state = _worst(sets)
    if signed and not sets:
        state = "absent" if signed.until >= period.last_day else "bad"
    return {"state": "bad" if broken else state, "broken": broken, "decision": decision, "sets": sets}


def _set(item: Item, period: Period, ledger: Sequence[Mapping[str, Any]]) -> Facts:
    """How old the newest backup was at the month's end, or is now."""
    times = [float(line["taken"]) for line in ledger if line["of"] == item.key and line["taken"] < period.seen_until]
    last = max(times, default=None)
    age = None if last is None else period.seen_until - last
    late = age is None or age > item.set.rpo
    return {
        "name": item.set.name,
        "kind": item.set.kind,
        "server": item.set.server,
        "taken": sum(period.holds(at) for at in times),
        "last": last,
        "age": age,
        "rpo": item.set.rpo,
        "state": "bad" if late else "ok",
    }


def _drills(opd: Opd, period: Period, records: Records) -> Facts:
    broken = records.broken.get("drills", "")
    sets = [
        _drilled(one.name, period, [made for made in records.drills if made["opd"] == opd.code]) for one in opd.backup
    ]
    state = _worst(sets) if sets else "absent"
    return {"state": "bad" if broken else state, "broken": broken, "sets": sets}


def _drilled(name: str, period: Period, drills: Sequence[Mapping[str, Any]]) -> Facts:
    """The last drill of a set in this month; `before` is when there was one earlier, if there was none."""
    of_set = [
        (datetime.fromisoformat(made["declared"]).timestamp(), made) for made in drills if made["service"] == name
    ]
    here = [(at, made) for at, made in of_set if period.holds(at)]
    earlier = max((at for at, _ in of_set if at < period.begin), default=None)
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


def _calls(opd: Opd, period: Period, records: Records) -> Facts:
    """The last test call with each other office: only the last one is records."""
    tests = [
        {
            "from": one["from_opd"],
            "to": one["to_opd"],
            "at": one["at"],
            "setup_ms": one.get("setup_ms"),
            "faults": list(one["faults"]),
            "state": "ok" if one["ok"] else "bad",
        }
        for one in records.calls
        if opd.code in (one["from_opd"], one["to_opd"]) and period.holds(one["at"])
    ]
    state = _worst(tests) if opd.phones and opd.phones.extensions else "absent"
    return {"state": state, "tests": sorted(tests, key=lambda one: (one["from"], one["to"]))}


def _drift(region: Region, opd: Opd, period: Period, records: Records) -> Facts:
    """The last check of the month that looked at this office. `unread` hosts are unknown, which is not good."""
    checks = [one for one in records.drifts if period.holds(one["at"]) and (not one["opds"] or opd.code in one["opds"])]
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


def _configurations(opd: Opd, period: Period, records: Records) -> Facts:
    found = [_configuration(router.name, period, records) for router in opd.routers]
    return {"state": _worst(found) if found else "absent", "routers": found}


def _configuration(router: str, period: Period, records: Records) -> Facts:
    """How often it changed, and whether it was read in this period at all."""
    seen, changes = records.configurations.get(router, (None, ()))
    times = [at for at in changes if period.holds(at)]
    read = max([*times, *([seen] if seen and period.holds(seen) else [])], default=None)
    return {"router": router, "changes": len(times), "read": read, "state": "ok" if read else "none"}


def _worst(parts: Iterable[Facts]) -> str:
    states = {part["state"] for part in parts}
    return next((state for state in ("bad", "none", "ok") if state in states), "none")
