"""The look at a host over a real SSH server, and what becomes of it. Other things of this machine move meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from ssh_rig import host

from exporters.drift import DriftFound
from ops.errors import UsageError
from ops.jobs import drift_manifest
from ops.jobs.drift_note import forget, note
from ops.jobs.drift_sweep import DRIFTED, UNKNOWN, Swept, servers, sweep
from ops.progress import Event, State
from ops.sweep.baseline import Left, artefacts, settle
from ops.sweep.compare import ask
from ops.sweep.item import APPLY, Because, Item
from ops.system import host_state
from ops.system.ansible import RunSummary
from ops.system.ansible_record import HostRun
from ops.system.ssh import Login
from ops.world import World

ROOT = Path(__file__).parents[3]
WHY = Because("web", "«Files»", "playbooks/roles/web/tasks/main.yml:1", ("web",))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Its dc-web is this machine, its dc-db is not there."""
    made = World("x", ROOT / "inventories/batubara", tmp_path / "state", tmp_path / "k", tmp_path / "known_hosts")
    with host(tmp_path, "dc-web") as fleet:
        fleet.logins["dc-db"] = Login("127.0.0.1", "nobody", 1, become=False)
        made.__dict__["fleet"] = fleet
        yield made


def left_as_it_is(world: World, *found: Item) -> None:
    """As a run that left these items would have it."""
    placed = [item for item in found if item.source == APPLY]
    items = [item for item in found if item.source != APPLY]
    left = Left("run-1", 1.0, items)
    seen = drift_manifest.look(world, "dc-web", ask(found))
    drift_manifest.write(world, artefacts(settle("dc-web", left, seen, None), placed, seen))


def files_of(found: Swept) -> dict[str, str]:
    return {item.name: item.what for item in found.items if item.kind == "file"}


def test_what_was_left_what_was_changed_and_who_is_silent(world: World, tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for path in (one, two, three):
        path.write_text("as it should be\n")
        path.chmod(0o644)
    sha = hashlib.sha256(one.read_bytes()).hexdigest()
    three_ = Item("file", str(three), {"sha256": sha}, Because(task="x", at="opd/dinkes.yml:1"), APPLY, "dinkes")
    left_as_it_is(world, Item("file", str(one), {"sha256": sha}, WHY), Item("file", str(two), {}, WHY), three_)
    drift_manifest.write(
        world, settle("dc-db", Left("run-1", 1.0, ()), drift_manifest.look(world, "dc-web", ask([])), None)
    )
    (found,) = sweep(world, ["dc-web"])
    assert files_of(found) == {}

    one.write_text("by hand\n")
    two.chmod(0o666)
    three.unlink()
    web, database, bare = sweep(world, ["dc-web", "dc-db", "dc-mon"])
    assert web.state == DRIFTED
    mode = "its mode is 0666, not 0644"
    assert files_of(web) == {str(one): "its content differs", str(two): mode, str(three): "it is gone"}
    assert files_of(web.of(["dinkes"])) == {str(three): "it is gone"}
    assert (web.repair["tags"], web.repair["artefacts"]) == (["web"], [str(three)])
    assert (database.state, bare.state) == (UNKNOWN, UNKNOWN)
    assert "ops provision --limit dc-mon" in bare.why
    assert database.why
    told = json.loads(json.dumps(web.as_dict()))
    assert {"host", "state", "at", "items", "why"} <= told.keys()
    assert sha not in json.dumps(told)

    registry = CollectorRegistry()
    registry.register(DriftFound(world.state))
    text = generate_latest(registry).decode()
    assert 'opd_drift_items{host="dc-web",opd="dinkes"} 1.0' in text
    assert 'opd_drift_host_unknown{host="dc-db"} 1.0' in text
    assert 'opd_drift_items{host="dc-db"' not in text, "nothing is known of it, also not that it is clean"


def test_a_run_leaves_a_manifest_and_its_finding(world: World, tmp_path: Path) -> None:
    """From the notes of the callback; a task that was delegated counts for the host it worked on, by its address."""
    (tmp_path / "one").write_text("x")
    server = str(world.region.server("dc-web").address)
    lines = [
        {**asdict(Item("file", str(tmp_path / "one"), {}, WHY)), "host": "dc-web"},
        {**asdict(Item("file", str(tmp_path / "gone"), {"mode": "0644"}, WHY)), "host": server},
        {**asdict(Item("file", "/elsewhere", {}, WHY)), "host": "127.0.0.1"},
    ]
    note = world.state / drift_manifest.RUNS / "run-7.jsonl"
    note.parent.mkdir(parents=True)
    note.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"host": "dc-web", "ki')
    hosts = {"dc-web": HostRun(ok=2), "dc-db": HostRun(unreachable=True)}
    told: list[Event] = []
    drift_manifest.keep(world, RunSummary("run-7", 0, 1.0, hosts, note), whole=True, progress=told.append)
    made = drift_manifest.read(world, "dc-web")
    assert made
    assert {str(tmp_path / "one"), str(tmp_path / "gone")} <= made.of("file").keys()
    assert "/elsewhere" not in made.of("file")
    assert made.of("file")[str(tmp_path / "one")].because == WHY
    assert json.loads((world.state / "drift/dc-web.json").read_text())["differ"]["_region"] == 1, "one is not there"
    assert drift_manifest.read(world, "dc-db") is None
    assert [event.on for event in told if event.state is State.FAILED] == ["dc-db"]
    assert not note.exists()
    assert (world.state / "manifests/dc-web.json").stat().st_mode & 0o777 == 0o600


def test_a_finding_of_a_host_that_is_gone_is_dropped(world: World) -> None:
    note(world, "old", {}, is_unknown=False)
    note(world, "dc-web", {"_region": 0}, is_unknown=False)
    forget(world, ["dc-web"])
    assert [path.name for path in (world.state / "drift").iterdir()] == ["dc-web.json"]


def test_servers_are_meant_by_name_by_group_or_all(world: World) -> None:
    assert servers(world, hosts=["web", "dc-db"]) == ("dc-db", "dc-web")
    assert set(servers(world)) == {server.name for server in world.region.servers}
    assert servers(world, opds=["dinkes"]) == (), "no manifest names it"
    with pytest.raises(UsageError, match="nosuch"):
        servers(world, hosts=["nosuch"])


def test_the_look_tells_what_this_machine_is_like(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    asked: dict[str, list[str]] = {kind: [] for kind in ask([])} | {
        "files": [str(tmp_path / "f"), str(tmp_path), str(tmp_path / "no")],
        "links": [str(tmp_path / "l")],
        "folders": [str(tmp_path)],
        "sysctls": ["kernel.ostype", "kernel.nosuch"],
        "packages": ["dpkg", "no-such-package"],
        "accounts": ["root", "no-such-account"],
        "groups": ["no-such-group"],
    }
    told = json.loads(json.dumps(host_state.state(asked)))
    mode = f"{(tmp_path / 'f').stat().st_mode & 0o7777:04o}"
    assert told["files"][str(tmp_path / "f")][:2] == ["f", mode]
    assert told["files"][str(tmp_path / "f")][4] == hashlib.sha256(b"x").hexdigest()
    assert told["files"][str(tmp_path)][0] == "d"
    assert told["files"][str(tmp_path / "no")] is None
    assert told["links"] == {str(tmp_path / "l"): "f"}
    assert told["folders"] == {str(tmp_path): ["f", "l"]}
    assert told["sysctls"] == {"kernel.ostype": "Linux", "kernel.nosuch": None}
    assert told["packages"]["no-such-package"] is None
    assert told["packages"]["dpkg"]
    assert told["accounts"]["root"][0] == 0
    assert told["accounts"]["no-such-account"] is None
    assert told["groups"]["no-such-group"] is None


def test_a_port_is_told_with_who_listens() -> None:
    from ops.system.sockets import listen_tcp  # noqa: PLC0415

    with listen_tcp("127.0.0.1", 0) as door:
        number = door.getsockname()[1]
        (found,) = [port for port in host_state.ports() if port[2] == number]
    assert found[:2] == ["tcp", "127.0.0.1"]
    assert found[3] == Path(f"/proc/{os.getpid()}/comm").read_text().strip()


@pytest.mark.parametrize(
    ("raw", "shown"), [("0100007F", "127.0.0.1"), ("0" * 32, "::"), ("0" * 24 + "01000000", "::1")]
)
def test_addresses_are_read_as_the_kernel_writes_them(raw: str, shown: str) -> None:
    assert host_state.decoded(raw) == shown


def test_only_tables_that_were_asked_for_tell_their_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "table inet kominfo {\n\tchain input {\n\t\taccept\n\t}\n}\ntable ip other {\n\tchain x {\n\t}\n}\n"
    monkeypatch.setattr(host_state, "said", lambda *_: text)
    assert host_state.tables(["inet kominfo"], {}) == {"inet kominfo": ["chain input {", "accept"], "ip other": []}
