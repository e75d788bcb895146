"""Every page in a real Chromium: found by scan, opened in both languages and both themes, and with JavaScript off.

`OPS_SCREENSHOTS=<folder>` keeps a picture of each page in each theme. One browser for all; axe looks once per theme.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from web_rig import CANARY, REGENCY
from web_stock import Stock, fill

from ops.system.sockets import listen_tcp
from ops.texts import words
from ops.texts.extract import literals, texts
from ops.web.accounts import codes, sealed, sessions
from ops.web.page import Page as Declared
from ops.web.page import Role
from ops.web.scan import pages
from ops.web.server import Centre
from ops.web.shared import Shared
from ops.world import World

ROOMS = [Path(__file__).parents[2] / "ops" / room for room in ("web", "overview", "reports")]
CHROMIUM = Path("/usr/bin/chromium")
PICTURES = os.environ.get("OPS_SCREENSHOTS")
STAGES = {"/login/code": "password", "/login/enrol": "enrol", "/login/password": "renew"}
NO_PAGE = {"/", "/history/export", "/login/sso", "/login/sso/back"}  # answers with something else
LOUD = ("serious", "critical")
PATIENCE = 60_000.0  # ms
DATA = (".json", ".csv", ".geojson")
GET = [
    page
    for page in pages()
    if page.method == "GET" and not page.quiet and page.path not in NO_PAGE and not page.path.endswith(DATA)
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium: apt install chromium"),
]


@dataclass
class Site:
    """A command centre that listens, and one tab with and one without JavaScript."""

    url: str
    shared: Shared
    stock: Stock
    tab: Page
    plain: Page
    wrong: list[str] = field(default_factory=list)

    def address(self, page: Declared) -> str:
        region = self.shared.world.region
        known = {
            "opd": region.opds[0].code, "code": region.opds[0].code, "run": self.stock.done, "name": "budi",
            "checksum": self.stock.machine_plan if "machines" in page.path else self.stock.plan,
            "segment": region.plant.segments[0].name, "server": region.servers[0].name, "host": region.servers[0].name,
        }  # fmt: skip
        return self.url + re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "nothing"), page.path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=words)
        yield started
        started.close()


@pytest.fixture(scope="module")
def centre(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("centre")
    world = World("batubara", REGENCY, folder / "state", folder / "key", folder / "known_hosts")
    world.secrets.put("router/password", CANARY)
    listening = listen_tcp("127.0.0.1", 0)
    served = Centre(world, listening)
    url, shared = f"http://127.0.0.1:{listening.getsockname()[1]}", served.shared
    served.start()
    view = {"width": 1440, "height": 900}
    contexts = [browser.new_context(viewport=view, java_script_enabled=on) for on in (True, False)]  # type: ignore[arg-type]
    try:
        made = Site(url, shared, fill(shared), contexts[0].new_page(), contexts[1].new_page())
        listen_in(made)
        yield made
    finally:
        for context in contexts:
            context.close()
        served.stop()


def listen_in(site: Site) -> None:
    """Note whatever the browser complains about, and whatever it asks of others."""

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            site.wrong.append(f"console: {message.text}")

    def asked(request: Request) -> None:
        if not request.url.startswith((site.url, "data:")):
            site.wrong.append(f"foreign: {request.url}")

    site.tab.on("console", said)
    site.tab.on("pageerror", lambda error: site.wrong.append(f"script: {error}"))
    site.tab.on("request", asked)
    site.tab.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`))"
    )


def come_as(site: Site, page: Declared) -> None:
    """Give both tabs the session with which the page shows itself."""
    database = site.shared.desk.database
    secret = sealed.seal(site.shared.world.secrets, codes.invented())
    stage: Any = STAGES.get(page.path, "full")
    token = sessions.begin(database, "semua", stage, "192.0.2.1", secret if stage == "enrol" else "").token
    for context in (site.tab.context, site.plain.context):
        _cookie(context, site.url, token if Role.ANYONE not in page.roles or stage != "full" else "none")


def _cookie(context: BrowserContext, url: str, token: str) -> None:
    context.add_cookies([{"name": "ops-session", "value": token, "url": url, "httpOnly": True, "sameSite": "Lax"}])


def axe(tab: Page, **options: Any) -> list[str]:
    """What is hard or impossible to use for somebody, by axe's rules."""
    found = Axe().run(tab, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in LOUD
        for node in one["nodes"][:3]
    ]


def picture(tab: Page, page: Declared, what: str) -> None:
    if PICTURES:
        name = page.path.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "home"
        tab.screenshot(path=str(Path(PICTURES) / f"{name}.{what}.png"), full_page=page.path != "/wall")


@pytest.mark.parametrize("page", GET, ids=[page.path for page in GET])
def test_page(centre: Site, page: Declared) -> None:
    come_as(centre, page)
    centre.wrong.clear()
    tab, address = centre.tab, centre.address(page)

    answer = tab.goto(f"{address}?lang=id&theme=light", wait_until="load", timeout=PATIENCE)
    assert answer
    assert answer.status == 200 or "nothing" in address, f"{address}: {answer.status}"
    assert tab.evaluate("document.documentElement.lang") == "id"
    assert CANARY not in tab.content()
    assert axe(tab, runOnly=RULES) == []
    picture(tab, page, "id.light")

    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert axe(tab, runOnly=["color-contrast"]) == []

    tab.goto(f"{address}?lang=en&theme=dark", wait_until="load", timeout=PATIENCE)
    assert tab.evaluate("document.documentElement.lang + document.documentElement.dataset.theme") == "endark"
    picture(tab, page, "en.dark")

    centre.plain.goto(f"{address}?lang=id", wait_until="load", timeout=PATIENCE)
    assert len(centre.plain.locator("body").inner_text()) > 60, "nothing to read without JavaScript"
    not_there = "nothing" in address  # of what there is no example, the page says so, and the browser its status
    assert [one for one in centre.wrong if not (not_there and "Failed to load resource" in one)] == []


def test_nothing_was_said_in_another_language(centre: Site) -> None:
    """After all pages: all texts of ours that one asked for have an Indonesian one; what hosts say stays."""
    ours = texts(ROOMS).keys() | literals(ROOMS)
    assert sorted(words("id").missing & ours) == []
