"""A station to look at: an exporter and an Alertmanager over real HTTP, measurements made up; a filled state."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn
from overview_rig import NOW, Wrong, own_text, ports_text

from backup.chain import GENESIS, Chain
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.web.accounts import devices, sessions, users
from ops.web.accounts.users import User
from ops.web.app import application
from ops.web.page import Role
from ops.web.shared import Shared
from ops.world import World

LEDGER = "ledger/backup.jsonl"


@dataclass
class Station:
    """`wrong` may be changed at any time; `dead`: nothing answers. `facts`: of a world that finds it."""

    region: Region
    wrong: Wrong = field(default_factory=Wrong)
    dead: bool = False
    alerts: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    began: float = field(default_factory=time.time)
    asked: int = 0

    @property
    def facts(self) -> dict[str, str]:
        return {"kind": "loopback", "room": "/nowhere"} | {
            f"port {port}": str(self.port) for port in (9800, 9090, 9093)
        }

    def text(self, path: str, query: Mapping[str, list[str]]) -> str | None:
        """What is answered to a path; None for what nobody serves here."""
        now = time.time()
        made: dict[str, Callable[[], str]] = {
            "/probe-all": lambda: ports_text(self.region, self.wrong, NOW + now - self.began),
            "/metrics": lambda: own_text(self.region, self.wrong, now),
            "/api/v2/alerts": lambda: json.dumps(self.alerts),
            "/api/v1/query_range": lambda: _recorded(query),
        }
        return made[path]() if path in made else None


def _recorded(query: Mapping[str, list[str]]) -> str:
    """As Prometheus tells a range: light of -9.5 dBm, bandwidth that rises by the minute of the day."""
    start, end, step = (int(query[name][0]) for name in ("start", "end", "step"))
    light = "optical" in query["query"][0]
    values = [[at, "-9.5" if light else str(at % 86400 * 100)] for at in range(start, end + 1, step)]
    result = [{"metric": {}, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def alert(name: str, labels: Mapping[str, str], since: float, severity: str = "critical") -> dict[str, Any]:
    """As Alertmanager's API tells it."""
    return {
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} {labels}"},
        "startsAt": datetime.fromtimestamp(since, UTC).isoformat().replace("+00:00", "Z"),
    }


@contextmanager
def station(inventory: Path, region: Region | None = None) -> Iterator[Station]:
    """Serve on every loopback address, so that the inventory's own addresses lead here."""
    made = Station(region or load(inventory))

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            path, _, query = self.path.partition("?")
            text = None if made.dead else made.text(path, urllib.parse.parse_qs(query))
            body = (text or "").encode()
            self.send_response(200 if text is not None else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("", 0), Answer)
    server.daemon_threads = True
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def world_of(made: Station, inventory: Path, folder: Path) -> World:
    """A world whose exporter is that station."""
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    return World("uji", inventory, state, folder / "key", folder / "known_hosts", facts=made.facts)


def keep_backups(state: Path, ages: Mapping[str, float]) -> None:
    """A ledger in which every set was backed up so many seconds ago."""
    chain = Chain(state / LEDGER)
    now = time.time()
    lines = [{"event": "backup", "of": key, "taken": now - age, "bytes": 1000} for key, age in ages.items()]
    _write(chain, lines)


def keep_drills(state: Path, drills: Mapping[str, tuple[float, bool]]) -> None:
    """Evidence of one drill per set, so many seconds ago, proven or not."""
    folder = state / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    lines, previous = [], GENESIS
    for key, (age, proven) in drills.items():
        declared = datetime.fromtimestamp(time.time() - age, UTC)
        name = f"{declared:%Y%m%dT%H%M%S}-{key}-0001"
        record = drill_record(name, key, declared, previous, proven=proven)
        content = (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
        (folder / f"{name}.json").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        lines.append({"file": f"{name}.json", "sha256": digest, "verdict": record["verdict"], "signature": ""})
        previous = digest
    _write(Chain(folder / "index.jsonl"), lines)


def drill_record(name: str, key: str, declared: datetime, previous: str, *, proven: bool) -> dict[str, Any]:
    """A record with what the pages show."""
    opd, _, service = key.partition(".")
    step = {"name": "restore", "begun": declared.isoformat(), "ended": declared.isoformat(), "seconds": 41.2, "exit": 0}
    return {
        "drill": name, "opd": opd, "service": service, "declared": declared.isoformat(), "previous": previous,
        "verdict": "proven" if proven else "not proven", "failure": "" if proven else "3 rows differ",
        "objectives": {"rto": {"target": 14400.0, "reached": 512.0}, "rpo": {"target": 86400.0, "reached": 40200.0}},
        "steps": [{**step, "did": "restic restore", "did_sha256": "0" * 64}],
        "checks": [{"name": "table_rows", "title": ["Jumlah baris", "Rows"], "held": proven, "differences": 0}],
        "restored_on": "drc-restore", "by": "uji@stasiun", "snapshot": {"id": "ab12", "taken": declared.isoformat()},
    }  # fmt: skip


def _write(chain: Chain, lines: list[dict[str, Any]]) -> None:
    """As `append` does, all at once."""
    from backup.chain import _hash, canonical  # noqa: PLC0415

    chain.path.parent.mkdir(parents=True, exist_ok=True)
    previous, made = GENESIS, []
    for number, entry in enumerate(lines):
        line = {**entry, "seq": number, "previous": previous}
        line["hash"] = previous = _hash(line)
        made.append(canonical(line) + "\n")
    chain.path.write_text("".join(made), encoding="utf-8")


@dataclass
class Serving:
    """The command centre on a real port. `cookie`: of a wall device."""

    world: World
    port: int
    cookie: str
    shared: Shared

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, cookie: str = "") -> str:
        """The body of a page. HTTPError for a status that is not 200."""
        asked = urllib.request.Request(f"{self.url}{path}", headers={"Cookie": cookie or self.cookie})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return str(answer.read().decode())

    def status(self, path: str, cookie: str) -> int:
        try:
            self.get(path, cookie)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        return 200

    def signed_in(self, *roles: Role, opds: tuple[str, ...] = ()) -> str:
        """The cookies of a user with these roles."""
        database, name = self.shared.desk.database, "-".join(sorted([*roles, *opds]))
        if name not in {one.name for one in users.every(database)}:
            users.add(database, User(name, name.title(), frozenset(roles), frozenset(opds)), "", "test")
        return f"ops-session={sessions.begin(database, name, 'full', '127.0.0.1').token}; ops-lang=id"

    def events(self, patience: float = 60.0) -> Iterator[tuple[str, str]]:
        """(event, data) of the wall's stream as they come. TimeoutError when nothing comes for so long."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        client.request("GET", "/wall/live?lang=id", headers={"Cookie": self.cookie})
        answer = client.getresponse()
        name, data = "", []
        try:
            while line := answer.readline().decode():
                field_, _, value = line.rstrip("\n").partition(": ")
                if field_ == "event":
                    name = value
                elif field_ == "data":
                    data.append(value)
                elif not field_ and name:
                    yield name, "\n".join(data)
                    name, data = "", []
        finally:
            client.close()


@contextmanager
def serving(world: World) -> Iterator[Serving]:
    """The real application in a thread of its own."""
    app = application(world)
    token = devices.add(app.state.shared.desk.database, "layar", "test")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Serving(world, listening.getsockname()[1], f"ops-device={token}; ops-lang=id", app.state.shared)
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()
