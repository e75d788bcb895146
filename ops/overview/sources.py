"""The doors that readings come through: the exporter, Alertmanager, and what this station keeps on disk.

Each function reads one source once and gives its value; it raises OpsError with the reason when it cannot.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from backup import places
from backup.chain import Chain
from exporters.fibre_read import prometheus_of
from ops.errors import OpsError
from ops.overview import readings as r
from ops.overview.facts import Alert, Drifted
from ops.overview.model import CallView, DrillView, RunView
from ops.overview.protection import drill_view
from ops.overview.readings import Readings, parse
from ops.runs import history
from ops.runs.history import Filter
from ops.runs.model import Run, RunState
from ops.runs.tables import is_there, open_database
from ops.system import http
from ops.system.database import Database
from ops.world import World

SECONDS = 5.0  # of patience with a service: who looks waits for none
ALERTMANAGER_PORT = 9093
WAITING = 50  # runs that are told at most, of each state


def exporter_of(world: World) -> str:
    station = world.region.station
    address, port = world.reach(str(station.address), station.exporter_port)
    return f"http://{address}:{port}"


def ports(exporter: str) -> Readings:
    """What every router tells now. HostFailedError when the exporter does not answer."""
    return _read(f"{exporter}/probe-all", r.OF_PORTS)


def own(exporter: str) -> Readings:
    """What the exporter has judged and counted itself."""
    return _read(f"{exporter}/metrics", r.OF_REGION)


def _read(url: str, wanted: frozenset[str]) -> Readings:
    text = http.get(url, seconds=SECONDS).decode(errors="replace")
    return Readings.of(parse(text, wanted, time.time()))


# ---- alerts


def alerts(world: World) -> tuple[Alert, ...]:
    """What Alertmanager holds that is neither silenced nor explained by a cause. OpsError where none is declared."""
    url = alertmanager_of(world)
    rows = http.get_json(f"{url}/api/v2/alerts", {"silenced": "false", "inhibited": "false"}, SECONDS)
    try:
        return tuple(_alert(row) for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OpsError(f"{url}: not what Alertmanager says: {error!r}") from None


def alertmanager_of(world: World) -> str:
    """OpsError where no monitoring server is declared."""
    servers = world.region.group("monitoring")
    if not servers:
        raise OpsError("no server of the group monitoring is declared")
    address, port = world.reach(str(servers[0].address), ALERTMANAGER_PORT)
    return f"http://{address}:{port}"


def prometheus(world: World) -> str | None:
    """Its URL; None where none is declared."""
    return prometheus_of(world)


def _alert(row: Mapping[str, Any]) -> Alert:
    labels = {str(name): str(value) for name, value in row["labels"].items()}
    summary = str(row.get("annotations", {}).get("summary", ""))
    since = datetime.fromisoformat(str(row["startsAt"])).timestamp()
    return Alert(labels["alertname"], labels.get("severity", ""), labels, summary, since)


# ---- what the station keeps

T = TypeVar("T")
LOOK_AGAIN = 60.0  # seconds after which files are read again that look unchanged


class Unchanged(Generic[T]):
    """Reads files again only when they have changed, or after a minute."""

    def __init__(self, read: Callable[[World], T], file: Callable[[World], Path]) -> None:
        self._read, self._file = read, file
        self._stamp: tuple[int, int] | None = None
        self._at = -LOOK_AGAIN
        self._kept: T | None = None

    def __call__(self, world: World) -> T:
        """As the reader; what it raises is raised at each look."""
        path = self._file(world)
        there = path.stat() if path.exists() else None
        stamp = (there.st_mtime_ns, there.st_size) if there else (0, 0)
        if self._kept is None or stamp != self._stamp or time.monotonic() - self._at >= LOOK_AGAIN:
            self._kept = None
            self._kept = self._read(world)
            self._stamp, self._at = stamp, time.monotonic()
        return self._kept


def ledger_file(world: World) -> Path:
    return places.of(world).ledger.path


def drills_file(world: World) -> Path:
    return places.of(world).evidence / "index.jsonl"


def backups(world: World) -> dict[str, float]:
    """When the newest backup of each set was taken, by `<opd>.<set>`. OpsError when the ledger's chain is broken."""
    newest: dict[str, float] = {}
    for line in places.of(world).ledger.read():
        if line["event"] == "backup":
            key, taken = str(line["of"]), float(line["taken"])
            newest[key] = max(taken, newest.get(key, taken))
    return newest


def drills(world: World) -> tuple[DrillView, ...]:
    """Every drill, newest first; those on planted damage leave no record. OpsError when one is not what was written."""
    folder = places.of(world).evidence
    lines = Chain(folder / "index.jsonl").read()
    found = [_drill(folder, line) for line in lines]
    return tuple(sorted(found, key=lambda one: -one.at))


def _drill(folder: Path, line: Mapping[str, Any]) -> DrillView:
    name = Path(str(line["file"])).name
    path = folder / name
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != line["sha256"]:
        raise OpsError(f"{name}: missing, or changed since it was written", "keep the folder as evidence")
    try:
        return drill_view(name, str(line["sha256"]), json.loads(content))
    except (KeyError, TypeError, ValueError) as error:
        raise OpsError(f"{name}: not a drill's record: {error!r}") from None


def calls(world: World) -> tuple[CallView, ...]:
    """The last test call between each two offices, newest first; what is half written is passed over."""
    found = [_call(told) for told in _folder(world.state / "calls")]
    return tuple(sorted((one for one in found if one), key=lambda one: -one.at))


def _call(told: Mapping[str, Any]) -> CallView | None:
    try:
        setup = told.get("setup_ms")
        return CallView(
            str(told["from_opd"]), str(told["to_opd"]), told["ok"] is True, float(told["at"]),
            None if setup is None else float(setup) / 1000, told.get("mos"), tuple(map(str, told["faults"])),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None


def drift(world: World) -> dict[str, Drifted]:
    """What the last sweep of each host found."""
    found = {}
    for told in _folder(world.state / "drift"):
        if isinstance(told.get("differ"), dict) and isinstance(told.get("at"), int | float):
            counts = {str(scope): int(count) for scope, count in told["differ"].items()}
            found[str(told.get("host"))] = Drifted(float(told["at"]), bool(told.get("unknown")), counts)
    return found


def _folder(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(told, dict):
            yield told


# ---- jobs


class Jobs:
    """Runs that have not ended, from the job database, which stays open between two looks."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._database: Database | None = None

    def __call__(self) -> tuple[RunView, ...]:
        """Running ones first. OpsError when there is no job database or it does not answer."""
        if self._database is None and not is_there(self._state):
            raise OpsError("there is no job database", "ops serve makes it")
        self._database = self._database or open_database(self._state)
        states = (RunState.RUNNING, RunState.WAITING, RunState.HELD)
        return tuple(
            _run(one) for state in states for one in history.search(self._database, Filter(state=state, limit=WAITING))
        )

    def close(self) -> None:
        if self._database:
            self._database.close()
            self._database = None


def _run(one: Run) -> RunView:
    opds = tuple(one.args.get("opd", ())) if isinstance(one.args.get("opd"), list) else ()
    return RunView(one.id, one.kind, one.state.value, one.started or one.due, one.who, opds)
