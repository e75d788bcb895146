"""A small twin of its own: traffic round the ring, faults, repair, and that nothing is left behind, however it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.inventory.load import load
from ops.inventory.model import Region
from ops.system import netns
from ops.twin.layout import lan_host

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
OPS = Path(sys.executable).parent / "ops"
NAME = "small"
SERVERS = ("dc-db", "drc-vault")


@dataclass(frozen=True)
class Small:
    """A twin with two servers and two offices. `state`: its state folder's root."""

    inventory: Path
    state: Path
    name: str = NAME

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [OPS, "twin", words[0], "--name", self.name, "-i", self.inventory, *words[1:]],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=ROOT, env={**os.environ, "OPS_STATE": str(self.state)},
        )  # fmt: skip

    def ops(self, *words: str, code: int = 0) -> str:
        child = self.start(*words)
        out, _ = child.communicate(timeout=600)
        assert child.returncode == code, f"{words}: exit {child.returncode}\n{out}"
        return out

    def up(self, *offices: str) -> str:
        return self.ops("up", "--only", ",".join(SERVERS), "--opd", ",".join(offices))

    @property
    def network(self) -> Any:
        return json.loads((self.state / "twin" / self.name / "network.json").read_text())

    def reaches(self, space: str, address: str, port: int = 22) -> bool:
        """Whether a TCP connection from a namespace is answered."""
        with netns.inside(f"{self.name}.{space}"):
            try:
                socket.create_connection((address, port), timeout=1.5).close()
            except OSError:
                return False
        return True

    def traces(self) -> dict[str, list[str]]:
        """Everything of this twin, and of its state folder, that this machine knows of."""
        run = subprocess.run(["losetup", "-l", "-n", "-O", "BACK-FILE"], capture_output=True, text=True, check=True)
        mine = (f"/{self.name}/", f"{self.name}.", str(self.state))
        groups = list(Path("/sys/fs/cgroup").glob(f"**/kominfo-ops/{self.name}"))
        return {
            "namespaces": sorted(netns.existing(f"{self.name}.")),
            "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if str(self.state) in line],
            "loops": [line for line in run.stdout.splitlines() if str(self.state) in line],
            "groups": [str(path) for path in groups],
            "processes": [line for line in _processes() if any(word in line for word in mine)],
            "claims": [str(path) for path in Path("/run/kominfo-ops").glob(f"{self.name}.*")],
            "state": [str(path) for path in (self.state / "twin").glob("*")],
        }

    def assert_gone(self, before: dict[str, list[str]]) -> None:
        assert self.traces() == {kind: [] for kind in before}


def _processes() -> list[str]:
    """Command line and cgroup of every living process but this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        if int(path.name) != os.getpid():
            try:
                words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if words:  # the kernel's own and those that only wait to be reaped have none
                    found.append(f"{path.name} {words} {(path / 'cgroup').read_text()}".replace("\n", " "))
            except OSError:
                continue
    return found


def _tables() -> str:
    return subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    folder = tmp_path_factory.mktemp("small")
    inventory = folder / "batubara"
    shutil.copytree(ROOT / "inventories/batubara", inventory)
    twin = Small(inventory, folder / "state")
    try:
        twin.up("dinkes", "disdik")
        yield twin
    finally:
        twin.ops("down")


@pytest.fixture(scope="module")
def region(small: Small) -> Region:
    return load(small.inventory)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Small]:
    """A twin that is not up yet, under another name; taken down at the end."""
    twin = Small(ROOT / "inventories/batubara", tmp_path / "state", "brief")
    yield twin
    twin.ops("down")


def test_servers_are_running_systems_reached_by_key(small: Small) -> None:
    for server in SERVERS:
        said = small.ops("ssh", server, "--", "hostname; systemctl is-system-running; sudo -n id -u; date +%Z")
        assert said.split() == [server, "running", "0", "WIB"]


def test_an_office_reaches_servers_over_the_ring_and_back(small: Small, region: Region) -> None:
    for server in SERVERS:
        assert small.reaches("dinkes.lan", str(region.server(server).address))
    assert small.reaches("station", str(region.opd("dinkes").routers[0].address))


def test_what_is_not_in_the_subset_is_not_there(small: Small, region: Region) -> None:
    assert {router["opd"] for router in small.network["routers"].values()} == {"dinkes", "disdik"}
    assert not small.reaches("dinkes.lan", str(region.server("dc-web").address))


def test_a_cut_takes_the_detour_a_second_cut_is_dark_and_mending_restores(small: Small, region: Region) -> None:
    link = region.opd("dinkes").links[0]
    database = str(region.server("dc-db").address)
    first = link.rides[-1]
    others = [segment.name for segment in region.plant.segments if link.drop.node in segment.between]
    assert "on a detour" in small.ops("fault", "cut-segment", first)
    assert small.reaches("dinkes.lan", database)
    port = small.network["routers"][link.router]["ports"][0]
    assert first not in port["path"]
    assert port["rides"] == list(link.rides)
    for name in others:
        small.ops("fault", "cut-segment", name)
    assert not small.reaches("dinkes.lan", database)
    assert small.network["routers"][link.router]["ports"][0]["dark"]
    assert f"{link.router}/{link.name}" in small.ops("status")
    for name in {first, *others}:
        small.ops("fault", "mend-segment", name)
    assert small.reaches("dinkes.lan", database)
    assert small.network["routers"][link.router]["ports"][0]["path"] == list(link.rides)


def test_a_lossy_link_loses_packets_of_that_office_only(small: Small, region: Region) -> None:
    database = str(region.server("dc-db").address)
    small.ops("fault", "lossy-link", "dinkes", "--percent", "100")
    assert not small.reaches("dinkes.lan", database)
    assert small.reaches("disdik.lan", database)
    small.ops("fault", "lossy-link", "dinkes", "--percent", "0")
    assert small.reaches("dinkes.lan", database)


def test_a_killed_host_is_gone_and_keeps_its_disk(small: Small, region: Region) -> None:
    database = str(region.server("dc-db").address)
    small.ops("ssh", "dc-db", "--", "echo kept > /home/kominfo/kept; sync")
    small.ops("fault", "kill-host", "dc-db")
    assert not small.reaches("station", database)
    assert "stopped" in small.ops("status")
    small.ops("fault", "start-host", "dc-db")
    assert small.ops("ssh", "dc-db", "--", "cat /home/kominfo/kept").strip() == "kept"


def test_a_full_disk_refuses_writes_until_it_is_freed(small: Small) -> None:
    write = "dd if=/dev/zero of=/home/kominfo/block bs=1M count=1 status=none"
    small.ops("fault", "fill-disk", "dc-db")
    assert "No space left" in small.ops("ssh", "dc-db", "--", write, code=1)
    small.ops("fault", "free-disk", "dc-db")
    small.ops("ssh", "dc-db", "--", write)


def test_corrupt_repo_changes_bytes_of_a_pack_and_says_which(small: Small) -> None:
    make = "sudo mkdir -p /srv/restic/r/data/ab; head -c 5000 /dev/urandom | sudo tee /srv/restic/r/data/ab/abcd"
    small.ops("ssh", "drc-vault", "--", f"{make} >/dev/null")
    before = small.ops(
        "ssh", "drc-vault", "--", "md5sum /srv/restic/r/data/ab/abcd; stat -c %s /srv/restic/r/data/ab/*"
    )
    assert "r/data/ab/abcd" in small.ops("fault", "corrupt-repo")
    after = small.ops("ssh", "drc-vault", "--", "md5sum /srv/restic/r/data/ab/abcd; stat -c %s /srv/restic/r/data/ab/*")
    assert before.splitlines()[0] != after.splitlines()[0]
    assert before.splitlines()[1] == after.splitlines()[1]


def test_a_wrong_fault_changes_nothing_and_names_what_there_is(small: Small) -> None:
    before = (small.state / "twin" / NAME / "faults.json").read_text()
    assert "r1-01" in small.ops("fault", "cut-segment", "nowhere", code=1)
    assert "cut-segment" in small.ops("fault", "set-on-fire", "dc-db", code=2)
    assert "dc-web" in small.ops("fault", "start-host", "dc-web", code=1)  # declared, but not in this subset
    assert (small.state / "twin" / NAME / "faults.json").read_text() == before


def test_up_again_adds_an_office_and_leaves_the_others_alone(small: Small, region: Region) -> None:
    def standing() -> dict[str, int]:
        return {name: (netns.RUN / name).stat().st_ino for name in netns.existing(f"{NAME}.")}

    before, pids = standing(), _guest_pids(small)
    new = next(opd.code for opd in region.opds if opd.code not in {"dinkes", "disdik"} and opd.links)
    said = small.up(new)
    assert "boot" not in said
    after = standing()
    assert {name: after[name] for name in before} == before
    assert small.reaches(f"{new}.lan", str(region.server("dc-db").address))
    assert small.reaches("dinkes.lan", str(lan_host(region.opd(new).links[0].lan, 1).ip))  # its agent's SSH
    assert _guest_pids(small) == pids


def test_up_again_repairs_what_is_missing(small: Small, region: Region) -> None:
    subprocess.run(["ip", "netns", "del", f"{NAME}.dinkes-rtr1"], check=True)
    small.ops("fault", "kill-host", "drc-vault")
    small.up("dinkes", "disdik")
    assert small.reaches("dinkes.lan", str(region.server("drc-vault").address))
    small.ops("status")


def test_an_office_that_is_no_longer_declared_goes_away(small: Small) -> None:
    (small.inventory / "opd/disdik.yml").unlink()
    small.up("dinkes")
    assert not netns.existing(f"{NAME}.disdik")
    assert netns.existing(f"{NAME}.dinkes")


def test_two_twins_with_the_same_addresses_run_side_by_side(small: Small, bare: Small, region: Region) -> None:
    bare.ops("up", "--only", "", "--opd", "dinkes")
    assert not bare.reaches("dinkes.lan", str(region.server("dc-db").address))
    assert small.reaches("dinkes.lan", str(region.server("dc-db").address))


def test_a_name_in_use_by_another_state_folder_is_refused(small: Small, tmp_path: Path) -> None:
    other = Small(small.inventory, tmp_path / "other")
    assert str(small.state) in other.ops("up", "--only", "", "--opd", "", code=1)
    assert str(small.state) in other.ops("down", code=1)
    assert not (tmp_path / "other").exists()


def test_down_twice_leaves_nothing(bare: Small) -> None:
    before = {**bare.traces()}
    bare.ops("up", "--only", "drc-vault", "--opd", "dinkes")
    assert bare.traces()["namespaces"]
    bare.ops("down")
    bare.assert_gone(before)
    assert "was not there" in bare.ops("down")


@pytest.mark.parametrize("moment", ["boot [drc-vault]", "✓ boot [drc-vault]"])
def test_a_killed_up_is_cleaned_by_down(bare: Small, moment: str) -> None:
    before, tables = bare.traces(), _tables()
    _stop_at(bare, moment, signal.SIGKILL)
    assert bare.traces() != before
    bare.ops("down")
    bare.assert_gone(before)
    assert _tables() == tables


@pytest.mark.parametrize(("moment", "sent"), [("boot [drc-vault]", signal.SIGINT), ("✓ network", signal.SIGTERM)])
def test_an_interrupted_up_cleans_up_itself(bare: Small, moment: str, sent: signal.Signals) -> None:
    before = bare.traces()
    assert _stop_at(bare, moment, sent) == 130
    bare.assert_gone(before)


def test_a_killed_image_build_leaves_no_process_and_no_mount(
    bare: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = tmp_path / "images"
    monkeypatch.setenv("OPS_IMAGES", str(images))
    _stop_at(bare, "apt-get update", signal.SIGKILL)
    end = time.monotonic() + 10
    while any(str(images) in line for line in _processes()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [line for line in _processes() if str(images) in line]
    assert str(images) not in Path("/proc/mounts").read_text()
    assert not [
        path for path in images.iterdir() if not path.name.startswith(".")
    ]  # nothing half-built passes for whole


def _stop_at(twin: Small, moment: str, sent: signal.Signals) -> int:
    """Send a signal to an `up` as soon as it says `moment`; its exit code."""
    with twin.start("up", "--only", "drc-vault", "--opd", "dinkes") as child:
        assert child.stdout
        for line in child.stdout:
            if moment in line:
                break
        child.send_signal(sent)
        child.stdout.read()
        return child.wait(60)


def _guest_pids(twin: Small) -> dict[str, str]:
    return {name: (twin.state / "twin" / twin.name / "hosts" / name / "pid").read_text() for name in SERVERS}
