"""The wall over real HTTP: what it says, that a change arrives, that names are only names."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from overview_rig import Wrong
from playwright.sync_api import Browser, Page, sync_playwright
from wall_station import Serving, Station, keep_backups, keep_drills, serving, station, world_of

from ops.overview import assemble

ROOT = Path(__file__).parents[2]

CHROMIUM = "/usr/bin/chromium"
INVENTORY = ROOT / "inventories/batubara"
HOSTILE = """<script>alert('1')</script> & "Dinas" """.strip()
DEADLINE = 90.0  # of a busy machine


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration regency, one office and its kecamatan of a hostile name."""
    folder = tmp_path_factory.mktemp("inventory") / "batubara"
    shutil.copytree(INVENTORY, folder)
    file = folder / "opd/dinkes.yml"
    text = file.read_text(encoding="utf-8")
    name = next(line for line in text.splitlines() if line.startswith("name: "))
    quoted = HOSTILE.replace('"', '\\"')
    text = text.replace(name, f'name: "{quoted}"').replace("kecamatan: Lima Puluh", f'kecamatan: "{quoted}"')
    file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made(inventory: Path) -> Iterator[Station]:
    with station(inventory) as one:
        yield one


@pytest.fixture(scope="module")
def wall(made: Station, inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    world = world_of(made, inventory, tmp_path_factory.mktemp("wall"))
    sets = [f"{opd.code}.{one.name}" for opd in world.region.opds for one in opd.backup]
    keep_backups(world.state, dict.fromkeys(sets, 1800.0) | {"dinkes.simpus": 30 * 3600.0})
    keep_drills(world.state, {name: (86400.0, name != "rsud.simrs") for name in sets})
    with serving(world) as one:
        yield one


def reached(made: Station, wall: Serving, wrong: Wrong, text: str) -> list[tuple[str, str]]:
    """Make something wrong; the events until one holds that text."""
    events, seen, end = wall.events(), [], time.monotonic() + DEADLINE
    made.wrong = wrong
    for event in events:
        seen.append(event)
        if text in event[1] or time.monotonic() > end:
            events.close()  # type: ignore[attr-defined] # a generator
            return seen
    return seen


def until_fresh(wall: Serving) -> None:
    """Until the routers were heard just now: the first look takes its time on a busy machine."""
    end = time.monotonic() + DEADLINE
    while 'class="wall"' not in wall.get("/wall") and time.monotonic() < end:
        time.sleep(0.2)


def test_a_cut_reaches_the_wall_with_its_cause_first(made: Station, wall: Serving) -> None:
    dark = {opd.code for opd in made.region.opds if any(link.drop.node == "pop-talawi" for link in opd.links)}
    wrong = Wrong(dark=dark, cut={"r2-05": 0.97}, behind=dict.fromkeys(dark, "r2-05"))
    seen = reached(made, wall, wrong, "Serat r2-05 putus")
    assert seen[-1][0] == "headline"
    assert f"{len(dark)} OPD terdampak" in seen[-1][1]
    page = wall.get("/wall?lang=id")
    assert "r2-05 PUTUS" in page
    assert '<line class="glass cut"' in page
    assert "simpus" in page  # the backup that is older than its RPO
    assert "1 hr 6 j" in page


def test_names_are_only_names(made: Station, wall: Serving) -> None:
    made.wrong = Wrong(dark={"dinkes"})
    for path in ("/wall", "/wall?lang=en"):
        page = wall.get(path)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
    seen = reached(made, wall, Wrong(dark={"dinkes"}), "DINKES tanpa koneksi")
    assert seen[-1][0] in {"headline", "problems"}
    assert not any("<script>" in data for _, data in seen)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, wall: Serving) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1920, "height": 1080})
    context.set_default_timeout(DEADLINE * 1000)
    cookies = dict(one.split("=") for one in wall.cookie.split("; "))
    context.add_cookies([{"name": name, "value": value, "url": wall.url} for name, value in cookies.items()])
    yield context.new_page()
    context.close()


def test_the_page_goes_grey_when_nobody_measures(
    made: Station, wall: Serving, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "FRESH", 4.0)  # instead of 20: a test need not wait so long
    made.wrong = Wrong()
    page.goto(f"{wall.url}/wall")
    page.wait_for_selector("main.wall:not(.wall-stale) #wall-old", state="hidden")
    made.dead = True
    try:
        page.wait_for_selector("main.wall.wall-stale")
        assert "Data berhenti" in page.locator("#wall-old").inner_text()
        page.wait_for_selector("#wall-headline:has-text('Data yang tampil sudah lama')")
        assert 'class="wall wall-stale"' in wall.get("/wall")
    finally:
        made.dead = False
    page.wait_for_selector("main.wall:not(.wall-stale)")


def test_the_page_goes_grey_when_its_stream_dies(wall: Serving, page: Page) -> None:
    until_fresh(wall)
    page.clock.install()
    page.route("**/wall/live", lambda route: route.abort())
    page.goto(f"{wall.url}/wall")
    page.wait_for_selector("main.wall:not(.wall-stale)")
    page.clock.run_for(17_000)
    page.wait_for_selector("main.wall.wall-stale")
    assert page.locator("#wall-old-age").inner_text().split()[0].isdigit()


def test_letters_can_be_read_from_four_metres(wall: Serving, page: Page) -> None:
    """18 px for words, 26 px for figures, nothing cut off at 1920×1080, nothing drawn over anything on the map."""
    page.goto(f"{wall.url}/wall")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('main.wall *')].filter(one => one.getClientRects().length
             && [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())
             && !one.closest('.visually-hidden') && !one.closest('svg'))
             .map(one => [parseFloat(getComputedStyle(one).fontSize), one.textContent.trim().slice(0, 30)])"""
    )
    assert [one for one in sizes if one[0] < 18] == []
    figures = page.evaluate(
        "() => [...document.querySelectorAll('.wall-tiles b')].map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(figures) >= 26
    assert page.evaluate("() => document.documentElement.scrollHeight") <= 1080
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1920


def test_what_is_read_is_read_once_for_all(made: Station, wall: Serving) -> None:
    """Twelve walls cost the routers no more than one."""
    streams = [wall.events() for _ in range(12)]
    for one in streams:
        next(one)
    before, began = made.asked, time.monotonic()
    while time.monotonic() - began < 3:
        for one in streams[:3]:
            next(one)
    spent = time.monotonic() - began
    assert made.asked - before < 2.2 * spent + 3  # 1 in 2 s of routers, 2 in 5 s of the rest, and what begins within
    for one in streams:
        one.close()  # type: ignore[attr-defined]
