"""Every figure of a month's reports, asked of a real Prometheus, equals what the samples give by plain counting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import report_month
from pydantic import TypeAdapter
from report_month import BEGIN, NOW, OFFICES, WINDOW, Month

from ops.inventory.load import load
from ops.inventory.model import Region
from ops.inventory.moments import WeeklyWindow
from ops.inventory.restitution import Terms
from ops.reports.measured import Measured
from ops.reports.office import office
from ops.reports.period import Period, month_of
from ops.reports.public_days import history
from ops.reports.public_facts import public
from ops.reports.records import Records
from ops.reports.region import region_page
from ops.reports.render import render
from ops.reports.upstream import upstream_page

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
BANDS = [(0.0, 95.0, 100), (95.0, 98.0, 25), (98.0, 99.0, 10), (99.0, 99.5, 5)]
FEE = 180_000_000
NOTHING = Records((), (), (), (), {}, {})


@dataclass(frozen=True)
class Place:
    region: Region
    period: Period
    month: Month
    measured: Measured


def terms() -> Terms:
    bands = [{"from": low, "to": high, "percent": percent} for low, high, percent in BANDS]
    excluded = [{"from": "2026-10-23 00:00", "until": "2026-10-23 01:00", "reason": "pekerjaan terencana"}]
    return Terms.model_validate({"fee": FEE, "bands": bands, "excluded": excluded})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    region = load(ROOT / "inventories/batubara")
    window = TypeAdapter(WeeklyWindow).validate_python(WINDOW)
    opds = tuple(
        opd.model_copy(update={"maintenance": (window,)}) if opd.code == "setda" else opd
        for opd in region.opds
        if opd.code in OFFICES
    )
    upstreams = tuple(one.model_copy(update={"terms": terms()}) for one in region.upstreams)
    region = region.model_copy(update={"opds": opds, "upstreams": upstreams})
    month = report_month.invented(region)
    with report_month.prometheus(month, tmp_path_factory.mktemp("month")) as url:
        yield Place(region, month_of("2026-10", region.timezone, NOW), month, Measured(url))


@pytest.fixture(scope="module")
def offices(place: Place) -> dict[str, Any]:
    return {opd.code: office(opd, place.region, place.period, place.measured, NOTHING) for opd in place.region.opds}


@pytest.mark.parametrize("code", OFFICES)
def test_availability_and_outages_are_those_of_the_samples(place: Place, offices: Any, code: str) -> None:
    found = offices[code]["availability"]
    counted = report_month.office(place.month, place.region.opd(code), (WINDOW,) if code == "setda" else ())
    assert found["figure"]["value"] == pytest.approx(counted["percent"], rel=1e-12)
    for name in ("counted", "down", "unknown"):
        assert found[name]["value"] == counted[name]
    assert [(one["begin"], one["end"]) for one in found["outages"]] == counted["outages"]


def test_the_outages_are_the_ones_that_were_planted_with_their_causes(place: Place, offices: Any) -> None:
    told = {
        code: [(one["cause"], one["segment"]) for one in offices[code]["availability"]["outages"]] for code in OFFICES
    }
    assert told == {
        "dinkes": [("fibre-cut", "r1-01")] * 2,
        "disdik": [("restart", "")],
        "rsud": [("port", "")],
        "bapenda": [],
        "setda": [("unknown", ""), ("unknown", "")],
    }
    (first, second) = offices["setda"]["availability"]["outages"]
    assert first["begin"] == BEGIN  # it began in September; this month's part is told
    assert (second["seconds"], second["counted"]) == (14_400, 3_660)  # all but an hour and a minute lies in the window


@pytest.mark.parametrize("code", OFFICES)
def test_use_of_the_contract_is_that_of_the_samples(place: Place, offices: Any, code: str) -> None:
    contract = place.region.opd(code).links[0].contract
    for way, name in (("receive", "download"), ("transmit", "upload")):
        found = offices[code]["bandwidth"][name]
        if way == "transmit" and code != "dinkes":
            assert found["mean"]["value"] is None
            assert found["mean"]["reason"] == "Prometheus keeps no readings of it for this time"
            continue
        counted = report_month.used(place.month, code, way, getattr(contract, name))
        assert {field: found[field]["value"] for field in counted} == pytest.approx(counted, rel=1e-9)
        assert found["use"]["value"] == pytest.approx(100 * counted["p95"] / getattr(contract, name), rel=1e-9)


@pytest.mark.parametrize("code", OFFICES)
def test_light_is_that_of_the_samples(place: Place, offices: Any, code: str) -> None:
    (found,) = offices[code]["optics"]
    counted = report_month.light(place.month, place.region.opd(code))
    assert {field: found[field]["value"] for field in counted} == pytest.approx(counted, rel=1e-9)
    if code == "rsud":
        assert found["slope"]["value"] == pytest.approx(-0.06, rel=0.05)
    else:
        assert found["slope"]["value"] is None


def test_the_upstream_owes_what_the_samples_say(place: Place) -> None:
    page = upstream_page(place.region, place.period, place.measured)
    (found,) = [one for one in page["upstreams"] if one["name"] == "astinet"]
    without = [(BEGIN + 22 * 86_400, BEGIN + 22 * 86_400 + 3600)]
    counted = report_month.owed(place.month, FEE, BANDS, without)
    assert counted["rupiah"] == FEE // 10  # 10 of 744 hours: the third band
    assert found["availability"]["value"] == pytest.approx(counted["percent"], rel=1e-12)
    assert (found["down"]["value"], found["restitution"]["value"]) == (counted["down"], counted["rupiah"])
    assert [(one["begin"], one["end"]) for one in found["outages"]] == counted["outages"]
    samples = [
        one for one in place.month.of("opd_upstream_up", upstream="astinet") if BEGIN - 600 <= one[0] < place.period.end
    ]
    text = "".join(f"{at:.3f} {value:g}\n" for at, value in samples)
    assert (found["samples"], found["samples_sha256"]) == (len(samples), hashlib.sha256(text.encode()).hexdigest())
    (other,) = [one for one in page["upstreams"] if one["name"] == "iconplus"]
    assert (other["restitution"]["value"], other["state"]) == (None, "none")


def test_the_heads_page_ranks_the_worst_first_and_every_document_renders(place: Place, offices: Any) -> None:
    page = region_page(place.region, place.period, list(offices.values()))
    values = [row["availability"] - row["promised"] for row in page["rows"]]
    assert values == sorted(values)
    assert page["measured"] == len(OFFICES)
    assert page["rows"][0]["opd"] == "dinkes"
    shown = render(offices["dinkes"], "html", "id").decode()
    assert "serat optik putus: r1-01" in shown
    assert "http" not in shown.replace("http://www.w3.org", "")


def test_the_public_pages_days_add_up_to_the_month(place: Place, tmp_path: Path) -> None:
    """Day by day, joined over midnight, and from the kept files alone just the same."""
    now = float(BEGIN + 26 * 86_400 + 7200)
    found = history(place.region, place.measured, tmp_path, now, 26)
    kept = history(place.region, Measured(None), tmp_path, now, 26)
    assert len(list(tmp_path.iterdir())) == 26
    for opd in place.region.opds:
        counted = [(begin, end) for begin, end in report_month.office(place.month, opd)["outages"] if end < now]
        assert [span for span in found.down(opd.code) if span[1] > BEGIN] == counted
        assert [span for span in kept.down(opd.code) if span[1] > BEGIN] == counted
    assert {cause for _, _, cause in found.outages("dinkes")} == {"fibre-cut"}
    told = {one.office: one for one in public(place.region, found, [], [1.0]).offices}
    assert told[place.region.opd("bapenda").name].availability == 100.0
    assert told[place.region.opd("dinkes").name].state == "ok"
