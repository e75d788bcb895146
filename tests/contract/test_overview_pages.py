"""The pages beside the wall: what follows from a declaration, the plant, backups, evidence; each to those who may."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from overview_rig import Wrong
from wall_station import Serving, Station, keep_backups, keep_drills, serving, station, world_of

from backup import places
from ops.web.page import Role

ROOT = Path(__file__).parents[2]

INVENTORY = ROOT / "inventories/batubara"


@pytest.fixture(scope="module")
def made() -> Iterator[Station]:
    with station(INVENTORY) as one:
        one.wrong = Wrong(dark={"damkar"}, dbm={"bappeda": -20.9}, exchange=False)
        yield one


@pytest.fixture(scope="module")
def centre(made: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    world = world_of(made, INVENTORY, tmp_path_factory.mktemp("pages"))
    sets = [f"{opd.code}.{one.name}" for opd in world.region.opds for one in opd.backup]
    keep_backups(world.state, dict.fromkeys(sets, 1800.0) | {"dinkes.simpus": 30 * 3600.0})
    keep_drills(world.state, {name: (86400.0, name != "rsud.simrs") for name in sets})
    with serving(world) as one:
        yield one


@pytest.fixture(scope="module")
def staff(centre: Serving) -> str:
    return centre.signed_in(Role.OPERATOR)


def test_an_office_shows_what_follows_from_its_declaration_and_from_where(centre: Serving, staff: str) -> None:
    page = centre.get("/opd/dinkes", staff)
    for kind in ("router-queue", "dns-zone", "pbx-config", "phone-file", "backup-set", "monitoring-target"):
        assert f"<b>{kind}</b>" in page
    assert "dinkes-rtr1/dinkes.wan" in page
    assert "inventories/batubara/opd/dinkes.yml:" in page
    assert "20100" in page
    assert "dinkes.batubarakab.example" in page


def test_an_offices_own_viewer_sees_that_office_alone(centre: Serving) -> None:
    viewer = centre.signed_in(Role.OPD, opds=("dinkes",))
    assert centre.status("/opd/dinkes", viewer) == 200
    for path in ("/opd/damkar", "/opd/damkar/history.json", "/opd/damkar/past", "/plant", "/backups", "/drills"):
        assert centre.status(path, viewer) == 403, path
    listed = centre.get("/opd", viewer)
    assert "/opd/dinkes" in listed
    assert "damkar" not in listed


def test_the_list_begins_with_what_is_down_and_goes_out_as_csv(centre: Serving, staff: str) -> None:
    page = centre.get("/opd", staff)
    assert page.index("/opd/damkar") < page.index("/opd/bapenda")
    rows = list(csv.reader(io.StringIO(centre.get("/opd?format=csv&q=damkar", staff).lstrip("\N{BOM}"))))
    assert [row[0] for row in rows[1:]] == ["damkar"]
    assert rows[1][3] == "bad"


def test_the_past_is_a_chart_and_a_table(centre: Serving, staff: str) -> None:
    told = json.loads(centre.get("/opd/dinkes/history.json?span=week", staff))
    assert len(told["times"]) == len(told["download"]) == 7 * 48 + 1
    assert set(told["light"]) == {-9.5}
    assert told["contract"] == 50e6
    table = centre.get("/opd/dinkes/past?span=day", staff)
    assert "-9,50" in table


def test_without_prometheus_the_past_says_so(made: Station, centre: Serving, staff: str) -> None:
    made.dead = True
    try:
        assert "HTTP 503" in json.loads(centre.get("/opd/dinkes/history.json", staff))["error"]
        assert "Tidak ada riwayat" in centre.get("/opd/dinkes/past", staff)
    finally:
        made.dead = False


def test_what_a_cut_would_do(centre: Serving, staff: str) -> None:
    page = centre.get("/plant?cut=r1-01&cut=r1-02&cut=nothing", staff)
    assert "Putus: r1-01, r1-02" in page
    assert "dinkes/wan" in page
    assert "tanpa koneksi" in page


def test_backups_tell_who_is_not_protected(centre: Serving, staff: str) -> None:
    page = centre.get("/backups", staff)
    assert page.index("dinkes.simpus") < page.index("bapenda.pajak-daerah")  # too old: first
    assert "lebih tua dari RPO" in page
    assert "OPD tanpa cadangan" in page


def test_a_drill_shows_its_steps_and_whether_it_may_be_relied_on(centre: Serving, staff: str) -> None:
    listed = centre.get("/drills?q=rsud.simrs", staff)
    drill = listed.partition('href="/drills/')[2].partition('"')[0]
    page = centre.get(f"/drills/{drill}", staff)
    assert "restic restore" in page
    assert f"ops evidence verify evidence/{drill}.json" in page
    assert "Bukti ini tidak boleh diandalkan" in page  # nobody signed these made-up records
    assert centre.status("/drills/nothing", staff) == 400
    assert centre.status("/drills/..%2F..%2Fjobs.sqlite", staff) in {400, 404}


def test_a_record_that_was_changed_is_not_believed(centre: Serving, staff: str) -> None:
    """From then on nobody knows anything of drills: not the wall either."""
    folder = places.of(centre.world).evidence
    index = folder / "index.jsonl"
    victim: Path = next(folder.glob("*-rsud.simrs-*.json"))
    before = victim.read_bytes()
    try:
        victim.write_bytes(before.replace(b"not proven", b"proven"))
        index.touch()  # so that it is read at once and not in a minute
        page, end = "", time.monotonic() + 60
        while "changed since it was written" not in page and time.monotonic() < end:
            time.sleep(0.3)
            page = centre.get("/drills", staff)
        assert "Bukti tidak dapat dibaca" in page
    finally:
        victim.write_bytes(before)
        index.touch()


def test_servers_and_telephones(centre: Serving, staff: str) -> None:
    assert "belum pernah diperiksa" in centre.get("/servers", staff)
    page = centre.get("/voip", staff)
    assert "sentral belum melaporkan pendaftaran" in page
    assert "belum ada panggilan uji" in page
