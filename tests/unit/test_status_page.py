"""The public status page: nothing internal leaves the house, nothing is green without a measurement, all or nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from ops.errors import UsageError
from ops.inventory.load import load
from ops.inventory.model import Region
from ops.reports import publish as publishing
from ops.reports.measured import Measured
from ops.reports.public_days import History, Told, history
from ops.reports.public_facts import Incident, Office, Public, Service, public
from ops.reports.public_site import site
from ops.reports.publish import publish, push
from ops.system.process import Local
from ops.texts import words

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=ZoneInfo("Asia/Jakarta")).timestamp()
DAY = 86_400.0
REGION = load(Path(__file__).parents[2] / "inventories/batubara")
CALLS = [
    {"at": NOW - 3600, "from_opd": "dinkes", "to_opd": "rsud", "ok": True, "faults": ["dc-pbx: 10.40.0.15"]},
    {"at": NOW - 3600, "from_opd": "rsud", "to_opd": "dinkes", "ok": False, "faults": ["dc-pbx: 10.40.0.15"]},
]
CAUSES = ("fibre-cut", "no-light", "port", "restart", "maintenance", "unknown")


def days(down: dict[str, list[list[Any]]], until: float = NOW) -> History:
    """Every office up for ten days until then, but for what is `down`: begin, end, cause."""
    told: dict[str, Told] = {}
    for opd in REGION.opds:
        gone = down.get(opd.code, [])
        edges = [NOW - 10 * DAY, *(edge for one in gone for edge in one[:2]), until]
        told[opd.code] = {"up": [list(pair) for pair in zip(edges[::2], edges[1::2], strict=True)], "down": gone}
    return History(NOW, [told])


def made(down: dict[str, list[list[Any]]] | None = None, **changed: Any) -> Public:
    return public(
        REGION, changed.get("history", days(down or {})), changed.get("calls", CALLS), changed.get("up", [1, 1])
    )


def service(told: Public, name: str) -> Service:
    return next(one for one in told.services if one.service == name)


def texts(value: Any, known: frozenset[str]) -> Iterator[str]:
    """Every text below a declared thing, but those of the public fields."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if f"{type(value).__name__}.{name}" not in known:
                yield from texts(getattr(value, name), known)
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in texts(one, known))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in texts(one, known))
    elif value is not None and not isinstance(value, bool | int | float):
        yield str(value)


PUBLIC = frozenset({"Region.name", "Region.timezone", "Opd.name", "Opd.kecamatan", "BackupSet.owner", "Waiver.service"})
SAME_WORD = {  # words that pages use in their own right
    "kantor", "files", "telepon", "internet", "status", "data", "kec", "en", "id", "all", "mobile", "none",
    "telephones", "report", "status-page", "head", "kecamatan", "layanan", "main",
}  # fmt: skip


def internal(region: Region) -> set[str]:
    found = {text for text in texts(region, PUBLIC) if len(text) > 1 and not text.isdigit()}
    titles = {opd.name for opd in region.opds} | {opd.kecamatan for opd in region.opds}
    return {text for text in found if text.lower() not in SAME_WORD and text not in titles}


def test_no_internal_text_of_the_inventory_stands_in_any_published_file() -> None:
    named = internal(REGION)
    canaries = (
        "dc-web 10.40.0.12 dinkes-rtr1 10.41.1.1 sfp1 r1-01 pop-limapuluh astinet dinkes +62-622-000001 simpus "
        "ti@dinkes.batubarakab.example ASTINET-CONTOH-001 jaga-satu +62-622-000901"
    )
    assert {*canaries.split(), "Contoh Satu", "Contoh Jaga Satu"} <= named
    down = {opd.code: [[NOW - 2 * DAY, NOW - DAY, CAUSES[at % 6]]] for at, opd in enumerate(REGION.opds)}
    for name, content in site(made(down)).items():
        text = content.decode().replace("http://purl.org/dc/terms/", "")
        found = {one for one in named if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text)}
        assert found == set(), name


def test_only_the_declared_fields_are_published() -> None:
    found = site(made({"dinkes": [[NOW - 7200, NOW - 3600, "fibre-cut"]]}))
    for name, kind in (("services", Service), ("offices", Office), ("incidents", Incident)):
        columns = [one.name for one in fields(kind)]
        rows = list(csv.reader(io.StringIO(found[f"data/{name}.csv"].decode())))
        assert rows[0] == columns
        listed = json.loads(found[f"data/{name}.json"])[name]
        assert all(list(one) == columns for one in listed)
        assert len(rows) == len(listed) + 1


def test_an_office_is_as_its_newest_readings_say() -> None:
    told = made({"dinkes": [[NOW - 3600, NOW, "fibre-cut"]], "disdik": [[NOW - 3 * DAY, NOW - 2 * DAY, "restart"]]})
    states = {one.office: one for one in told.offices}
    dinkes, disdik = (states[REGION.opd(code).name] for code in ("dinkes", "disdik"))
    assert (dinkes.state, disdik.state, disdik.availability) == ("down", "ok", 90.0)
    (running,) = [one for one in told.incidents if not one.end]
    assert (running.office, running.minutes, running.cause) == (dinkes.office, 60, "fibre-cut")
    assert service(told, "offices").state == "partial"


def test_nothing_is_green_without_a_measurement() -> None:
    nothing = made(history=History(NOW, []), calls=[], up=[])
    assert {one.state for one in nothing.services} == {"unknown"}
    assert {(one.state, one.availability) for one in nothing.offices} == {("unknown", None)}
    old = made(history=days({}, until=NOW - 60), calls=[{**CALLS[0], "at": NOW - 3 * DAY}], up=[1])
    assert {one.state for one in old.offices} == {"unknown"}
    assert [one.state for one in old.services] == ["unknown"] * 3  # one of two upstreams measured is not all of them
    assert 'class="ok"' not in site(nothing)["index.html"].decode()


def test_a_short_interruption_is_no_incident() -> None:
    assert made({"dinkes": [[NOW - 7200, NOW - 7200 + 240, "unknown"]]}).incidents == ()


def test_an_outage_over_midnight_is_one() -> None:
    one: list[dict[str, Told]] = [
        {"dinkes": {"up": [[0, 50]], "down": [[50, 100, "unknown"]]}},
        {"dinkes": {"up": [[200, 300]], "down": [[100, 200, "fibre-cut"]]}},
    ]
    assert History(300, one).outages("dinkes") == [(50, 200, "fibre-cut")]


def test_the_page_says_its_age_and_works_without_script() -> None:
    found = site(made())
    page = found["index.html"].decode()
    assert f'data-made="{int(NOW)}"' in page
    assert "22 Nov 2026 13.00 WIB" in page
    assert "<noscript>" in page
    assert page.count("<script") == 1
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert 'lang="en"' in found["en/index.html"].decode()
    catalogue = json.loads(found["data/catalog.jsonld"])
    listed = {one["dcat:downloadURL"] for data in catalogue["dcat:dataset"] for one in data["dcat:distribution"]}
    assert listed == {name.removeprefix("data/") for name in found if name.startswith("data/")} - {"catalog.jsonld"}


def test_every_word_has_its_indonesian() -> None:
    asked = words("id").missing
    before = set(asked)
    down = {opd.code: [[NOW - 2 * DAY, NOW - DAY, CAUSES[at % 6]]] for at, opd in enumerate(REGION.opds)}
    site(made(down))
    site(made(history=History(NOW, []), calls=[], up=[]))
    assert asked - before == set()


def test_what_a_spreadsheet_would_take_for_a_formula_is_text() -> None:
    evil = REGION.opd("dinkes").model_copy(update={"name": '=HYPERLINK("http://x","y")'})
    told = public(REGION.model_copy(update={"opds": (evil,)}), days({}), [], [])
    rows = list(csv.reader(io.StringIO(site(told)["data/offices.csv"].decode())))
    assert rows[1][0].startswith("'=")
    assert "&#34;http://x" in site(told)["index.html"].decode()


def test_days_that_are_over_are_read_once_and_a_silent_prometheus_leaves_nothing(tmp_path: Path) -> None:
    found = history(REGION, Measured("http://127.0.0.1:9"), tmp_path, NOW, 3)
    assert list(tmp_path.iterdir()) == []
    assert found.up("dinkes") == []
    kept = {
        "format": "kominfo-ops day of offices 1",
        "offices": {"dinkes": {"up": [[NOW - DAY, NOW - DAY + 9]], "down": []}},
    }
    (tmp_path / "2026-11-21.json").write_text(json.dumps(kept), encoding="utf-8")
    assert history(REGION, Measured(None), tmp_path, NOW, 3).up("dinkes") == [(NOW - DAY, NOW - DAY + 9)]


def test_a_publication_is_there_as_a_whole(tmp_path: Path) -> None:
    to = tmp_path / "status"
    publish({"index.html": b"1", "data/a.csv": b"1"}, to, "1")
    opened = os.open(to, os.O_RDONLY)  # somebody who reads while the next one comes
    try:
        publish({"index.html": b"2"}, to, "2")
        page = os.open("index.html", os.O_RDONLY, dir_fd=opened)
        assert os.read(page, 10) == b"1"
        os.close(page)
    finally:
        os.close(opened)
    assert sorted(path.name for path in to.iterdir()) == ["index.html"]
    publish({"index.html": b"3"}, to, "3")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".status-2", ".status-3", "status"]
    assert (to / "index.html").stat().st_mode & 0o777 == 0o644


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="no published page"):
        publish({"index.html": b"1"}, tmp_path / "mine", "1")


def test_a_server_gets_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "THERE", str(tmp_path / "srv"))
    files = site(made())
    push({"old.html": b"1"}, Local(), "1")
    push(files, Local(), "2")
    there = tmp_path / "srv/page"
    assert {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()} == set(files)
    assert all((there / name).read_bytes() == content for name, content in files.items())
