"""What a drill leaves for people and auditors: a signed JSON record in a chain, and one page to read and print.

`<drill>.json` is the record itself; its exact bytes are hashed (`<drill>.sha256`) and signed (`<drill>.sig`, 64 raw
bytes), so that `sha256sum` and `openssl` verify it without this program. `index.jsonl` chains the records.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from backup import escrow_tests, heads, standards, trend
from backup.chain import GENESIS, Chain
from backup.checks.contract import checks
from backup.drilled import Drill
from backup.places import VAULT, Places, who
from backup.proof import INDEX, PUBLIC_KEY, key_of, problems
from backup.signing import Signer
from backup.sources.contract import source
from backup.verify import of_drill

__all__ = ["Evidence", "key_of", "number", "problems", "record", "render", "size", "span", "write"]

FORMAT = "kominfo-ops drill evidence 1"
NAMED = 1000  # differences that a record names; it always tells how many there are
TEMPLATES = Path(__file__).parent / "templates"


Made = Callable[[Sequence[Mapping[str, Any]], str], dict[str, Any]]


@dataclass(frozen=True)
class Evidence:
    """Files of one drill."""

    record: Path
    page: Path
    sha256: str

    def told(self) -> dict[str, str]:
        """As plain values."""
        return {"record": str(self.record), "page": str(self.page), "sha256": self.sha256}

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Evidence:
        return cls(Path(told["record"]), Path(told["page"]), told["sha256"])


def record(spots: Places, drill: Drill, previous: str) -> dict[str, Any]:
    """The record: plain values only, no secret, times as ISO 8601 in the region's zone, spans in seconds."""
    zone, item, entry = ZoneInfo(spots.timezone), drill.item, drill.entry
    return {
        "format": FORMAT,
        "drill": drill.id,
        "type": "restore" if spots.place == VAULT else spots.place,
        "aim": list(standards.AIM),
        "region": spots.region,
        "opd": item.opd.code,
        "opd_name": item.opd.name,
        "service": spots.told(item.set.name),
        "owner": item.set.owner or item.opd.name,
        "kind": item.set.kind,
        "source": {"server": item.set.server, "what": item.set.source},
        "restored_on": spots.drill_server,
        "by": who(),
        "resumed": drill.resumed,
        "declared": iso(drill.declared, zone),
        "verified": iso(drill.verified, zone),
        "versions": drill.versions,
        "repository": {"place": spots.place, "url": drill.url, "key": drill.key},
        "snapshot": _snapshot(drill, zone),
        "manifest": {
            "snapshot": entry.get("manifest_snapshot", ""),
            "sha256": entry.get("manifest_sha256", ""),
            "ledger_line": entry.get("seq"),
            "ledger_hash": entry.get("hash", ""),
        },
        "escrow": _escrow(spots, zone),
        "objectives": _objectives(drill, zone),
        "isolation": "own folder; database in its own network and process namespace, no network, unix socket only",
        "steps": [step_told(step, zone) for step in drill.steps],
        "restore": trend.restore(drill),
        "trend": {},
        "unreadable_before": [],
        "timings": dict(drill.restored.steps) if drill.restored else {},
        "counts": {
            "at_backup": dict(entry.get("counts", {})),
            "restored": source(item.set.kind).counts(drill.restored.content) if drill.restored else {},
        },
        "unstable_total": len(drill.manifest.unstable) if drill.manifest else 0,
        "unstable": list(drill.manifest.unstable[:NAMED]) if drill.manifest else [],
        "checks": _checks(drill),
        "differences": _differences(drill),
        "differences_total": drill.differences,
        "failure": drill.failure,
        "cleaned_up": drill.cleaned,
        "standards": [list(line) for line in _standards(spots, drill)],
        "verdict": "proven" if drill.proven else "not proven",
        "class": str(of_drill.judge(drill).fault),
        "previous": previous,
    }


def write(spots: Places, drill: Drill) -> Evidence:
    """Record, signature, page; then a line in the chain of records."""

    def made(before: Sequence[Mapping[str, Any]], previous: str) -> dict[str, Any]:
        speeds, lost = trend.before(spots.evidence, before, spots.told(drill.item.key))
        told = {"trend": trend.trend(speeds, drill), "unreadable_before": lost}
        return {**record(spots, drill, previous), **told}

    return seal(spots, drill.id, made, "evidence.html.j2")


def seal(spots: Places, name: str, record_of: Made, template: str) -> Evidence:
    """Write what a drill called `name` left. `record_of` gets the chain's lines before, and the sum of the last one."""
    folder, signer = spots.evidence, spots.signer
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name}.json"
    page = path.with_suffix(".html")
    chain = Chain(folder / INDEX)
    for line in reversed(chain.read()):  # a station that was killed before it could note that this was done
        if line["file"] == path.name:
            heads.leave(spots, chain.read())
            return Evidence(path, page, line["sha256"])

    def files(before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        made = record_of(before, str(before[-1]["sha256"]) if before else GENESIS)
        content = (json.dumps(made, indent=2, sort_keys=True) + "\n").encode()
        digest, signature = hashlib.sha256(content).hexdigest(), signer.sign(content)
        _put(folder / PUBLIC_KEY, signer.public_pem().encode())
        _put(path, content)
        _put(path.with_suffix(".sig"), base64.b64decode(signature))
        _put(path.with_suffix(".sha256"), f"{digest}  {path.name}\n".encode())
        shown = render(made, digest, signature, signer, template).encode()
        _put(page, shown)
        told = {"file": path.name, "sha256": digest, "verdict": made["verdict"], "signature": signature}
        return {**told, "page_sha256": hashlib.sha256(shown).hexdigest()}

    line = chain.append_after(files)
    heads.leave(spots, chain.read())
    return Evidence(path, page, line["sha256"])


def render(
    made: Mapping[str, Any], digest: str, signature: str, signer: Signer, template: str = "evidence.html.j2"
) -> str:
    """The page: self-contained, in Indonesian and English, printable."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 # 0.1 s

    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    env.filters |= {"span": span_id, "bytes": size, "count": number}
    pem = signer.public_pem()
    key = {"pem": pem, "sha256": hashlib.sha256(pem.encode()).hexdigest()}
    page = env.get_template(template)
    return page.render(r=made, digest=digest, signature=signature, key=key, public_key=PUBLIC_KEY)


def span(seconds: float | None) -> str:
    """Seconds as people say them: 4.2 s · 3 m 05 s · 5 h 12 m."""
    if seconds is None:
        return "–"
    if seconds < 60:  # noqa: PLR2004 # seconds in a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m" if hours else f"{minutes} m {rest:02d} s"


def span_id(seconds: float | None) -> str:
    """The same in Indonesian: 4,2 s · 3 m 05 s · 5 j 12 m (jam, hours)."""
    return span(seconds).replace(".", ",").replace(" h ", " j ")


def size(count: float) -> str:
    """Bytes with a decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 # decimal units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}".replace(".", ",")
        count /= 1000
    return f"{count:.1f} TB".replace(".", ",")


def number(count: int | None) -> str:
    """12015 → 12.015, as it is written in Indonesia."""
    return "–" if count is None else f"{count:,}".replace(",", ".")


def _standards(spots: Places, drill: Drill) -> Sequence[tuple[str, str, str]]:
    """What this drill is evidence for: nothing when it did not prove."""
    return standards.standards(one_machine=bool(spots.root)) if drill.proven else ()


def _snapshot(drill: Drill, zone: ZoneInfo) -> dict[str, Any]:
    entry = drill.entry
    return {
        "id": entry.get("snapshot", ""),
        "taken": iso(entry["taken"], zone) if entry else "",
        "source_clock": drill.snapshot.time if drill.snapshot else "",
        "bytes": entry.get("bytes", 0),
    }


def _escrow(spots: Places, zone: ZoneInfo) -> dict[str, Any]:
    """When shares alone opened a repository last: of which set, with how many; and whether the newest test did."""
    done = escrow_tests.of(spots.ledger.read())
    made, green = iso(done.made or 0.0, zone), iso(done.green or 0.0, zone)
    return {"made": made, "opened": green, "of": done.of, "shares": done.shares, "failure": done.failure}


def _objectives(drill: Drill, zone: ZoneInfo) -> dict[str, Any]:
    item, point = drill.item.set, drill.found.point if drill.found else None
    return {
        "rto": {"target": item.rto, "reached": round(drill.verified - drill.declared, 3) if drill.verified else None},
        "rpo": {
            "target": item.rpo,
            "reached": round(drill.declared - point.epoch, 3) if point else None,
            "point": iso(point.epoch, zone) if point else "",
            "basis": point.basis if point else "",
            "since_backup": round(drill.declared - drill.entry["taken"], 3) if drill.entry else None,
        },
    }


def step_told(step: Any, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "name": step.name,
        "begun": iso(step.begun, zone),
        "ended": iso(step.ended, zone),
        "seconds": step.seconds,
        "exit": step.exit,
        "did": step.did,
        "did_sha256": hashlib.sha256(step.did.encode()).hexdigest(),
        "proves": standards.proves(step.name) if step.exit == 0 else {},
    }


def _checks(drill: Drill) -> list[dict[str, Any]]:
    known = checks(drill.item.set.kind)
    return [
        {
            "name": name,
            "title": list(check.TITLE),
            "held": not drill.checked[name] if name in drill.checked else None,
            "differences": len(drill.checked.get(name, [])),
        }
        for name, check in known.items()
    ]


def _differences(drill: Drill) -> list[dict[str, str]]:
    named = [
        {
            "check": name,
            "what": one.what,
            "name": one.name.encode(errors="backslashreplace").decode(),
            "detail": one.detail,
        }
        for name, found in drill.checked.items()
        for one in found
    ]
    return named[:NAMED]


def iso(epoch: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(epoch, zone).isoformat(timespec="milliseconds") if epoch else ""


def _put(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
