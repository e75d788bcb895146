"""A newcomer adds an office by writing one file: check, plan, apply, and all that follows is live; then all goes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.system.secrets import Secrets

pytestmark = pytest.mark.system

OFFICE = """\
# Invented for a test.
code: kantor-baru
name: Kantor Baru "Percobaan" & Kawan
kind: dinas
kecamatan: Lima Puluh
sites:
  - name: kantor
    address: Jl. Contoh Baru No. 1
    location: [3.1755, 99.4222]
routers:
  - {name: kantor-baru-rtr1, site: kantor, model: mikrotik_routeros, address: 10.41.200.1}
links:
  - name: wan
    router: kantor-baru-rtr1
    ifname: sfp1
    address: 10.40.20.2/30
    drop: {node: pop-limapuluh, km: 0.7}
    rides: [r1-01]
    lan: 10.41.200.0/24
    lan_ifname: bridge-lan
    contract: {upstream: astinet, download: 12M, upload: 6M}
web:
  - {name: kantorbaru, server: dc-web}
phones:
  range: 78900-78999
  extensions:
    - {number: 78900, name: Penerima Tamu, place: reception, model: yealink_t33g, mac: "00:15:65:00:ee:00"}
    - {number: 78901, name: Kepala, place: head, model: fanvil_x3u, mac: "0c:38:3e:00:ee:01"}
    - {number: 78998, name: Nomor uji, place: test}
backup:
  - {name: dokumen-baru, kind: files, server: dc-app, source: /srv/opd/kantor-baru, rpo: 24h, rto: 8h}
"""
CODE = "kantor-baru"


@pytest.fixture(scope="module")
def before(applied) -> int:
    """How many artefacts there were before the office came."""
    plan = applied.json("plan")
    assert plan["changes"] == []
    return sum(plan["existing"].values())


@pytest.fixture(scope="module")
def added(applied, before, office: Callable[[str], Path]) -> Iterator[list[dict[str, str]]]:
    """The walk itself; the changes that its plan showed. The office is gone again afterwards."""
    office(CODE).write_text(OFFICE, encoding="utf-8")
    applied.ops("check", "-i", str(applied.inventory))
    applied.ops("twin", "up", "-i", str(applied.inventory), "--name", applied.name)
    plan = applied.json("plan", "--opd", CODE)
    shown = applied.on_twin("plan", "--opd", CODE)
    assert plan["checksum"][:16] in shown
    applied.on_twin("apply", plan["checksum"][:16])
    yield plan["changes"]
    office(CODE).unlink(missing_ok=True)


def test_the_plan_touches_only_that_office_and_what_belongs_to_all(added, before: int) -> None:
    scopes = {change["key"].partition("/")[2].partition(".")[0] for change in added}
    assert scopes <= {CODE, "_region"}
    kinds = {change["kind"] for change in added}
    followed = "ansible-vars backup-set dns-zone monitoring-target pbx-config phone-file router-queue web-host"
    assert kinds >= set(followed.split())
    assert all(f"opd/{CODE}.yml:" in change["because"] for change in added if CODE in change["key"])


def test_a_second_plan_is_empty(applied, added, before: int) -> None:
    plan = applied.json("plan")
    assert plan["changes"] == []
    assert sum(plan["existing"].values()) > before


def test_its_queue_limits_the_line(applied, added) -> None:
    shaped = applied.at("kantor-baru-rtr1", "tc qdisc show") + applied.at(
        "kantor-baru-rtr1", "tc class show dev bridge-lan"
    )
    assert "12Mbit" in shaped
    assert "6Mbit" in shaped


def test_its_name_answers(applied, added) -> None:
    assert applied.on("dc-dns", "kdig +short @10.40.0.11 kantorbaru.batubarakab.example").strip() == "10.40.0.12"
    page = applied.run("curl", "-s", "-H", "Host: kantorbaru.batubarakab.example", "http://10.40.0.12/")
    assert "Kantor Baru" in page.stdout


def test_its_telephones_exist_and_can_call(applied, added) -> None:
    report = applied.json("call", "test", "--from", CODE, "--to", "dinkes", "--seconds", "2")
    assert report["ok"], report
    assert report["caller"] == "78900"


def test_its_phone_files_and_backup_set_are_there(applied, added) -> None:
    files = applied.on("dc-web", "ls /srv/provision/kominfo")
    assert {"kantor-baru.00156500ee00.cfg", "kantor-baru.0c383e00ee01.cfg"} <= set(files.split())
    token = Secrets(applied.state / "twin" / applied.name / "secrets.yml").get("provision/00156500ee00")
    name = "provision.batubarakab.example"
    fetch = f"curl -sk --resolve {name}:443:10.40.0.12 -o /dev/null -w %{{http_code}} https://{name}/{token}/00156500ee00.cfg"
    assert applied.at("kantor-baru.lan", fetch) == "200"
    assert applied.at("dinkes.lan", fetch) == "403"  # another office's passwords are none of theirs
    kept = applied.on("dc-app", "cat /etc/kominfo/backup/kantor-baru.dokumen-baru.json")
    assert json.loads(kept)["source"] == "/srv/opd/kantor-baru"


def test_it_is_measured(applied, added, exporter) -> None:
    url = "http://10.40.0.14:9090/api/v1/query"
    end = time.monotonic() + 90
    while time.monotonic() < end:
        answer = applied.run("curl", "-s", "-G", url, "--data-urlencode", f'query=opd_interface_up{{opd="{CODE}"}}')
        result = json.loads(answer.stdout)["data"]["result"]
        if result:
            assert result[0]["value"][1] == "1"
            return
        time.sleep(2)
    raise AssertionError("Prometheus never saw the new office")


def kept(applied) -> set[str]:
    """The snapshots that the vault holds, by their paths."""
    return set(applied.on("drc-vault", "find /srv/restic -type f -path */snapshots/*").split())


def test_its_documents_are_backed_up(applied, added) -> None:
    there = kept(applied)
    applied.on_twin("backup", "seed", "--set", "dokumen-baru")
    (done,) = applied.json("backup", "run", "--set", "dokumen-baru")
    assert done["ok"], done
    new = kept(applied) - there  # the data, and the signed manifest of it
    assert new
    assert all(f"/{CODE}.dokumen-baru/" in path for path in new)


def test_taking_the_file_away_takes_everything_away(applied, added, before: int, office: Callable[[str], Path]) -> None:
    backups = kept(applied)
    office(CODE).unlink()
    plan = applied.json("plan")
    assert {change["action"] for change in plan["changes"] if CODE in change["key"]} == {"delete"}
    said = applied.on_twin("apply", plan["checksum"], code=5)
    assert f"office {CODE} is taken away whole" in said
    assert "reason" in said
    applied.on_twin("apply", plan["checksum"], "--reason", "the office was merged into another")
    assert kept(applied) == backups, "backups go by their own policy, not with the office"
    applied.ops("twin", "up", "-i", str(applied.inventory), "--name", applied.name)
    again = applied.json("plan")
    assert (again["changes"], sum(again["existing"].values())) == ([], before)
    for server, folder in (
        ("dc-web", "/srv/provision/kominfo"), ("dc-web", "/etc/nginx/kominfo"), ("dc-dns", "/etc/knot/kominfo"),
        ("dc-mon", "/etc/prometheus/kominfo"), ("dc-pbx", "/etc/asterisk/kominfo"), ("dc-app", "/etc/kominfo/backup"),
    ):  # fmt: skip
        assert CODE not in applied.on(server, f"ls {folder}"), (server, folder)
