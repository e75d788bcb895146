"""Keys, seeds, claims and files of a twin: what can be shown without booting one."""

from __future__ import annotations

import json
import os
import stat
from ipaddress import IPv4Address
from pathlib import Path

import paramiko
import pytest

from ops.cli import twin
from ops.errors import OpsError, ToolMissingError, UsageError
from ops.inventory.load import load
from ops.inventory.model import BackboneDevice, BackbonePort
from ops.twin import claim, lifecycle, records
from ops.twin.faults import FAULTS
from ops.twin.keys import ensure_pair, know
from ops.twin.layout import lay_out
from ops.twin.recipes import PBX, SERVER, Recipe, recipe_for
from ops.twin.seed import Seed, plant


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(claim, "RUN", tmp_path / "run")
    monkeypatch.setattr(claim, "raise_limits", lambda _note: [])
    return tmp_path / "run"


def test_a_key_pair_is_made_once_and_openssh_reads_it(tmp_path: Path) -> None:
    public = ensure_pair(tmp_path / "keys/login")
    assert ensure_pair(tmp_path / "keys/login") == public
    key = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "keys/login"))
    assert public == f"ssh-ed25519 {key.get_base64()}"
    assert stat.S_IMODE((tmp_path / "keys/login").stat().st_mode) == 0o600


def test_know_replaces_one_address_and_keeps_the_other_lines(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("10.0.0.1 ssh-ed25519 OLD\n10.0.0.11 ssh-rsa OTHER\n")
    know(known, "10.0.0.1", "ssh-ed25519 NEW a comment")
    assert known.read_text() == "10.0.0.11 ssh-rsa OTHER\n10.0.0.1 ssh-ed25519 NEW\n"


def test_images_follow_from_groups_and_from_what_is_in_them() -> None:
    assert recipe_for(("datacentre", "pbx")) is PBX
    assert recipe_for(("datacentre", "pbx", "fail2ban")).packages == (*PBX.packages, "fail2ban")
    assert recipe_for(("web",)) is SERVER
    assert SERVER.name.startswith("trixie-")
    assert Recipe("trixie", tuple(reversed(SERVER.packages))).name == SERVER.name
    assert Recipe("trixie", SERVER.packages[1:]).name != SERVER.name


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users: needs root")
def test_a_seed_makes_a_server_of_an_image(root: Path, tmp_path: Path) -> None:
    region = load(root / "inventories/batubara")
    image = tmp_path / "image"
    (image / "etc").mkdir(parents=True)
    for name in ("passwd", "group", "shadow"):
        (image / "etc" / name).write_text(f"root:of:{name}\n")
    (image / "etc/shadow").chmod(0o640)
    login = ensure_pair(tmp_path / "login")
    seed = Seed(region, region.server("dc-db"), image, tmp_path / "seed", login, tmp_path / "host")
    plant(seed)
    etc = tmp_path / "seed/etc"
    assert (etc / "hostname").read_text() == "dc-db\n"
    assert "10.40.0.12 dc-web.batubarakab.example dc-web\n" in (etc / "hosts").read_text()
    assert (etc / "passwd").read_text().startswith("root:of:passwd\nkominfo:x:1000:")
    assert stat.S_IMODE((etc / "shadow").stat().st_mode) == 0o640
    assert len((etc / "machine-id").read_text().strip()) == 32
    assert (etc / "localtime").readlink() == Path("/usr/share/zoneinfo/Asia/Jakarta")
    allowed = tmp_path / "seed/home/kominfo/.ssh/authorized_keys"
    assert allowed.read_text().strip() == login
    assert allowed.stat().st_uid == 1000
    before = (etc / "machine-id").read_text()
    plant(seed)
    assert (etc / "machine-id").read_text() == before


@pytest.mark.parametrize("name", ["", "Batubara", "a.b", "a/b", "-a", "x" * 32])
def test_names_that_namespaces_cannot_carry_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no name for a twin"):
        claim.check_name(name)


def test_a_name_belongs_to_one_state_folder(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_STATE", str(tmp_path / "one"))
    with claim.working_on("x"):
        claim.take("x")
        claim.take("x")
    assert claim.mine() == ["x"]
    monkeypatch.setenv("OPS_STATE", str(tmp_path / "two"))
    assert claim.mine() == []
    with claim.working_on("x"), pytest.raises(OpsError, match="belongs to the state folder"):
        claim.take("x")
    claim.release("x")
    assert not list(run_folder.iterdir())


def test_only_one_at_a_time_works_on_a_twin(run_folder: Path) -> None:
    assert not run_folder.exists()
    with claim.working_on("x"):
        with pytest.raises(OpsError, match=f"twin x runs already, as process {os.getpid()}"), claim.working_on("x"):
            pass
        with claim.working_on("y"):
            pass
    with claim.working_on("x"):
        pass


def test_network_json_tells_where_a_routers_ports_are(root: Path, tmp_path: Path) -> None:
    region = load(root / "inventories/batubara")
    layout = lay_out(region, ["dc-db"], ["dinkes"])
    link = region.opd("dinkes").links[0]
    records.write_network(tmp_path, "t", layout, [], {link.router: {layout.ports[link.router][0].kernel: 7}})
    told = records.read_network(tmp_path)
    wan, lan = told["routers"][link.router]["ports"]
    assert told["routers"][link.router]["namespace"] == f"t.{link.router}"
    assert (wan["ifname"], wan["ifindex"], wan["kind"], wan["path"]) == (link.ifname, 7, "wan", list(link.rides))
    assert (lan["ifname"], lan["kind"]) == (link.lan_ifname, "lan")
    assert told["lans"]["dinkes.lan"]["address"] == str(link.lan.network_address + 50)
    records.write_network(tmp_path, "t", layout, [segment.name for segment in region.plant.segments], {})
    assert records.read_network(tmp_path)["routers"][link.router]["ports"][0]["dark"]


def test_backbone_devices_at_their_nodes_own_address_have_a_wire_for_each_segment(root: Path, tmp_path: Path) -> None:
    region = load(root / "inventories/batubara")
    port = BackbonePort(node="pop-limapuluh", device="sw1", ifname="sfp1")
    elsewhere = BackbonePort(node="dc", device="sw2", ifname="sfp1")
    first, *rest = region.plant.segments
    devices = (
        BackboneDevice(name="sw1", node="pop-limapuluh", model="mikrotik_routeros"),
        BackboneDevice(name="sw2", node="dc", model="mikrotik_routeros", address=IPv4Address("10.40.16.99")),
    )
    segments = (first.model_copy(update={"ports": (port, elsewhere)}), *rest)
    plant = region.plant.model_copy(update={"segments": segments, "devices": devices})
    changed = region.model_copy(update={"plant": plant})
    records.write_network(tmp_path, "t", lay_out(changed, [], []), [], {})
    told = records.read_network(tmp_path)
    assert told["devices"].keys() == {"sw1"}  # no route leads to the other's address
    at = told["devices"]["sw1"]
    assert (at["namespace"], at["address"]) == ("t.pop-limapuluh", "10.40.16.3")
    wire = [f"t.{port.node}", at["ports"][0]["kernel"]]
    assert wire in told["segments"][first.name]["ends"]


def test_the_help_names_every_fault() -> None:
    assert all(kind in twin._KINDS for kind in FAULTS)


def test_faults_are_kept_as_they_were_written(tmp_path: Path) -> None:
    assert not records.read_faults(tmp_path).any()
    faults = records.Faults(cut=["r1-01"], dimmed={"dinkes-rtr1": 6.0})
    records.write_faults(tmp_path, faults)
    assert records.read_faults(tmp_path) == faults
    assert json.loads((tmp_path / "faults.json").read_text())["cut"] == ["r1-01"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up root for a moment: needs to be root first")
def test_without_root_a_twin_of_root_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    os.seteuid(65534)
    try:
        for refused in (lambda: lifecycle.up(tmp_path, "x"), lambda: lifecycle.down("x")):
            with pytest.raises(ToolMissingError, match="needs root") as said:
                refused()
            assert said.value.next_step == "the same command with sudo"
    finally:
        os.seteuid(0)
