"""The twin without root, by the real `ops`: what it can is done, what it cannot is named as skipped; nothing stays.

As root it is asked for with OPS_LOOPBACK=1; the whole demonstration also runs as an ordinary user. Only 127.0.0.0/8.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backup import layout, loopback
from backup.restic import AT_LEAST
from exporters import read
from ops.errors import OpsError, ToolMissingError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system import http, tools
from ops.twin import loopback as twin
from ops.world import LOOPBACK, NO_SERVERS, World, at

ROOT = Path(__file__).parents[2]
NAME = f"l{os.getpid()}"
SERVERS = {"dc-app", "dc-db", "dc-dns", "dc-mon", "dc-ops", "dc-pbx", "dc-web", "drc-pbx"}  # artefacts live on them
NOBODY = 65534
SILENT = "11"  # of this seed follows a fault that only a comparison of every byte finds


@dataclass(frozen=True)
class Twin:
    """A loopback twin and the commands on it. `before`: words that start `ops` as somebody else."""

    folder: Path
    name: str = NAME
    before: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=lambda: {"OPS_LOOPBACK": "1"})

    @property
    def world(self) -> World:
        return at(self.folder / "state/twin" / self.name)

    def argv(self, *words: str) -> list[str]:
        return [*self.before, str(Path(sys.executable).parent / "ops"), *words]

    def environment(self) -> dict[str, str]:
        ours = {name for name in os.environ if name.startswith("OPS_")} - {"OPS_TOOLS", "OPS_IMAGES"}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {**kept, "OPS_STATE": str(self.folder / "state"), "HOME": str(self.folder), **self.extra}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv, env = self.argv(*words), self.environment()
        return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT, env=env, timeout=300)

    def ops(self, *words: str, code: int = 0) -> str:
        """Run `ops WORDS`; all that it said. Fails unless the exit code is `code`."""
        done = self.run(*words)
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    def json(self, *words: str, code: int = 0) -> Any:
        done = self.run(*words, "--json", "--quiet")
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stderr[-2000:]}"
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    made = Twin(tmp_path_factory.mktemp("loopback"))
    said = made.ops("twin", "up", "--name", NAME)
    assert f"servers 10 {NO_SERVERS}" in said
    assert "network fibre, links and office networks" in said
    try:
        yield made
    finally:
        made.ops("twin", "down", "--name", NAME)


@pytest.fixture(scope="module")
def region() -> Region:
    return load(ROOT / "inventories/batubara")


@pytest.fixture(scope="module")
def restic() -> str:
    try:
        return tools.find("restic", AT_LEAST)
    except ToolMissingError as error:
        pytest.skip(f"{error.what}: {error.next_step}")


def test_status_tells_what_is_there_and_what_is_not(up: Twin) -> None:
    told = up.json("twin", "status", "--name", NAME)
    assert told["whole"]
    assert told["agents"] > 0
    assert (told["offices"], told["servers"], told["namespaces"]) == (45, [], 0)
    assert "counts" not in told["not_simulated"]
    assert "lo carries" in told["simulated"]
    assert "servers" in told["not_simulated"]


def test_queues_of_all_routers_are_applied_and_servers_are_named(up: Twin) -> None:
    before = qdiscs()
    plan = up.json("plan", "--twin", NAME, code=6)
    assert plan["unread"] == dict.fromkeys(SERVERS, NO_SERVERS)
    kinds = [change["kind"] for change in plan["changes"]]
    assert (kinds.count("router-queue"), kinds.count("ansible-vars"), len(kinds)) == (45, 45, 90)
    said = up.ops("apply", plan["checksum"], "--reason", "first", "--twin", NAME, code=6)
    assert "90 of 90 changes applied" in said
    assert f"dc-app, dc-db, dc-dns, dc-mon, dc-ops, dc-pbx, dc-web, drc-pbx ({NO_SERVERS})" in said
    assert up.json("plan", "--twin", NAME, code=6)["changes"] == []
    assert qdiscs() == before, "a queue of the twin must never slow this machine's loopback down"
    assert "tc is skipped" in (up.world.state / "run/agents.log").read_text()


def qdiscs() -> str:
    return subprocess.run(["tc", "qdisc", "show", "dev", "lo"], capture_output=True, text=True, check=False).stdout


@pytest.fixture
def exporter(up: Twin) -> Iterator[str]:
    address, port = up.world.reach("10.40.0.10", 9800)
    child = subprocess.Popen(up.argv("exporter", "serve", "--twin", NAME), cwd=ROOT, env=up.environment())
    url = f"http://{address}:{port}"
    end = time.monotonic() + 30
    while not http.answers(f"{url}/healthz"):
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    yield url
    child.terminate()
    child.wait(20)


def test_every_router_is_measured_and_dims_on_demand(up: Twin, exporter: str, region: Region) -> None:
    routers = [router.name for opd in region.opds for router in opd.routers]
    seen = read.probe(exporter, routers)
    assert {one.labels["device"] for one in seen if one.name == "opd_poll_up" and one.value == 1} == set(routers)
    names = {one.name for one in seen}
    assert "opd_interface_receive_bytes_total" in names
    assert not names & {"opd_link_latency_seconds", "opd_link_packet_loss_ratio"}, "nothing crosses a fibre"
    light = read.least_by_opd(seen, "opd_optical_receive_power_dbm")["dinkes"]
    up.ops("twin", "fault", "dim-fibre", "dinkes-rtr1", "--db", "5", "--name", NAME)
    end = time.monotonic() + 30
    while dimmed(exporter) != pytest.approx(light - 5, abs=0.01):
        assert time.monotonic() < end, "the light never changed"
        time.sleep(0.5)


def dimmed(exporter: str) -> float:
    return read.least_by_opd(read.probe(exporter, ["dinkes-rtr1"]), "opd_optical_receive_power_dbm")["dinkes"]


@pytest.mark.parametrize(
    "words",
    [
        ("provision", "--twin", NAME),
        ("call", "test", "--from", "dinkes", "--to", "disdik", "--twin", NAME),
        ("twin", "exec", "--name", NAME, "--", "true"),
        ("twin", "fault", "kill-host", "dc-web", "--name", NAME),
        ("twin", "ssh", "--name", NAME, "dc-web"),
    ],
    ids=" ".join,
)
def test_what_needs_real_hosts_is_refused_at_once_with_the_reason(up: Twin, words: tuple[str, ...]) -> None:
    said = up.ops(*words, code=1)
    assert "loopback twin" in said
    assert "sudo make demo" in said or "needs root" in said


def test_files_are_backed_up_and_proven_below_the_state_folder(up: Twin, restic: str) -> None:
    up.ops("backup", "seed", "--set", "dokumen-dinkes", "--twin", NAME)
    (taken,) = up.json("backup", "run", "--set", "dokumen-dinkes", "--twin", NAME)
    assert taken["counts"]["files"] == 402
    (line,) = (json.loads(text) for text in backups(up))
    state = up.world.state
    assert line["path"] == f"{state}/hosts/dc-app/srv/opd/dinkes"
    assert (state / "vault/dc-app/dinkes.dokumen-dinkes/config").is_file()
    (proven,) = up.json("drill", "run", "--set", "dokumen-dinkes", "--twin", NAME)
    assert (proven["proven"], proven["differences"], proven["counts"]["files"]) == (True, 0, 402)
    assert loopback.NOTE in json.loads(Path(proven["record"]).read_text())["region"]
    assert list(Path(loopback.drill_folder(up.world)).iterdir()) == []
    planted = up.json("drill", "inject", "random", "--set", "dokumen-dinkes", "--seed", SILENT, "--twin", NAME)
    assert [planted[key]["class"] for key in ("own_before", "own_after")] == ["none", "silent"]
    assert list((state / "inject/work").iterdir()) == []
    assert len(backups(up)) == 1, "the station's own ledger is only read"


def test_a_sqlite_file_is_backed_up_and_proven(up: Twin, restic: str) -> None:
    up.ops("backup", "seed", "--set", "suite-jobs", "--twin", NAME)
    (taken,) = up.json("backup", "run", "--set", "suite-jobs", "--twin", NAME)
    assert (taken["ok"], taken["counts"]) == (True, {"tables": 1, "rows": 1000, "objects": 7})
    (proven,) = up.json("drill", "run", "--set", "suite-jobs", "--twin", NAME)
    assert (proven["proven"], proven["differences"], proven["counts"]["rows"]) == (True, 0, 1000)


def test_a_drill_of_a_damaged_vault_is_not_proven(up: Twin, restic: str) -> None:
    up.ops("backup", "seed", "--set", "dokumen-dinsos", "--twin", NAME)
    up.ops("backup", "run", "--set", "dokumen-dinsos", "--twin", NAME)
    packs = (up.world.state / "vault/dc-app/dinsos.dokumen-dinsos/data").rglob("*")
    pack = max((path for path in packs if path.is_file()), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as damaged:
        damaged.seek(pack.stat().st_size // 2)
        damaged.write(bytes(64))
    said = up.ops("drill", "run", "--set", "dokumen-dinsos", "--twin", NAME, code=7)
    assert "not proven: dinsos.dokumen-dinsos" in said


def backups(up: Twin) -> list[str]:
    lines = (up.world.state / "ledger/backup.jsonl").read_text().splitlines()
    return [line for line in lines if '"event":"backup"' in line.replace(" ", "") and "dokumen-dinkes" in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="as another user PostgreSQL may well run")
def test_a_database_is_skipped_for_root_with_the_reason(up: Twin, restic: str) -> None:
    assert "PostgreSQL refuses to run as root" in up.ops("backup", "run", "--set", "simpus", "--twin", NAME, code=6)


def test_a_missing_restic_is_named_with_the_line_that_mends_it(
    region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("OPS_TOOLS", str(tmp_path))
    monkeypatch.setenv("OPS_IMAGES", str(tmp_path))
    (item,) = layout.items(region, sets=("dinkes.dokumen-dinkes",))
    with pytest.raises(ToolMissingError, match="restic: program not found") as missing:
        loopback.check(world(tmp_path), item)
    assert missing.value.next_step.startswith("apt-get install -t trixie restic")


def world(folder: Path) -> World:
    facts = {"kind": LOOPBACK, "room": str(folder)}
    return World("x", ROOT / "inventories/batubara", folder, folder / "key", folder / "known", None, facts)


def test_two_routers_at_one_loopback_address_are_refused(region: Region, tmp_path: Path) -> None:
    first, second = region.opds[:2]
    mapped = "172." + str(first.routers[0].address).partition(".")[2]
    router = second.routers[0].model_copy(update={"address": mapped})
    clash = region.model_copy(update={"opds": (first, second.model_copy(update={"routers": (router,)}))})
    with pytest.raises(OpsError, match=f"{first.routers[0].name} and {router.name} would both be 127"):
        twin._addresses(world(tmp_path), clash)


def test_up_again_changes_nothing_and_a_second_twin_takes_other_ports(up: Twin) -> None:
    before = up.world.facts, up.json("twin", "status", "--name", NAME)["agents"]
    up.ops("twin", "up", "--name", NAME)
    assert (up.world.facts, up.json("twin", "status", "--name", NAME)["agents"]) == before
    other = Twin(up.folder, f"{NAME}b")
    other.ops("twin", "up", "--name", other.name)
    state, room = other.world.state, Path(other.world.facts["room"])
    assert other.world.facts["port 161"] != up.world.facts["port 161"]
    assert processes(state) != []
    other.ops("twin", "down", "--name", other.name)
    assert (processes(state), state.exists(), room.exists()) == ([], False, False)
    assert "was not there" in other.ops("twin", "down", "--name", other.name)


def test_root_without_the_switch_is_told_that_this_is_a_loopback_twin(up: Twin) -> None:
    if os.geteuid():
        pytest.skip("needs root: others always get the loopback twin")
    said = Twin(up.folder, extra={}).ops("twin", "up", "--name", NAME, code=1)
    assert f"the twin {NAME} is a loopback twin" in said
    assert f"ops twin down --name {NAME}" in said


def test_an_office_that_does_not_exist_makes_no_twin(tmp_path: Path) -> None:
    made = Twin(tmp_path, f"{NAME}c")
    assert "no office nowhere" in made.ops("twin", "up", "--name", made.name, "--opd", "nowhere", code=1)
    assert list((tmp_path / "state/twin").iterdir()) == []


def processes(folder: Path) -> list[str]:
    """Command lines that name something below a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


@pytest.fixture
def ordinary(tmp_path: Path) -> Iterator[Twin]:
    """`ops` as a user without root: the one who runs the tests, or nobody, who may read this checkout and Python.

    git asks by access(2), which knows nothing of capabilities: nobody's folder is one that it can truly reach.
    """
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is missing: apt-get install util-linux")
        kinds = ("inh-caps", "ambient-caps", "bounding-set")
        caps = [f"--{kind}=-all,+dac_read_search" for kind in kinds]
        before = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *caps)
        tmp_path = Path(tempfile.mkdtemp(prefix="ops-ordinary-"))
        shutil.chown(tmp_path, NOBODY, NOBODY)
    made = Twin(tmp_path, f"{NAME}d", before, {"PYTHONDONTWRITEBYTECODE": "1"})
    try:
        yield made
    finally:
        made.run("twin", "down", "--name", made.name)
        shutil.rmtree(tmp_path)


def test_the_demonstration_as_an_ordinary_user(ordinary: Twin, restic: str) -> None:
    """All that is possible holds, the rest is skipped with a reason, and the exit code says that it was not all."""
    pages = ordinary.folder / "pages"
    told = ordinary.json("demo", "--twin", ordinary.name, "--pages", str(pages), code=1)
    results = {part["name"]: (part["result"], part["figure"]) for part in told["parts"]}
    skipped = {name for name, (result, _) in results.items() if result == "skipped"}
    never = {"provision the servers", "measure an office", "call from office to office"}
    database = {"back up dinkes.simpus", "restore and prove dinkes.simpus"}
    assert never <= skipped <= never | database
    assert {name: part for name, part in results.items() if name not in skipped and part[0] != "held"} == {}
    assert all(results[name][1] for name in skipped)
    if shutil.which("initdb") and can_isolate(ordinary):
        assert skipped == never
    assert "45 of 45 routers answer" in results["ask every router"][1]
    for record in (pages / "evidence").glob("*.json"):
        ordinary.ops("evidence", "verify", str(record))
    assert "45/45" in (pages / "status.html").read_text(encoding="utf-8")
    assert (list((ordinary.folder / "state/twin").iterdir()), processes(ordinary.folder)) == ([], [])


def can_isolate(ordinary: Twin) -> bool:
    argv = [*ordinary.before, "unshare", "--user", "--map-current-user", "--net", "--pid", "--fork", "true"]
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0
