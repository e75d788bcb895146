"""Whatever is sent to whichever page: never an answer 5xx, never a traceback, a secret, or a header of theirs."""

from __future__ import annotations

import string
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web_rig import CANARY, Browser, Site, site
from web_stock import EVERYTHING, fill

from ops.web.accounts import passwords
from ops.web.guards import CSP
from ops.web.page import Page
from ops.web.scan import pages

PAGES = [page for page in pages() if not page.quiet and page.path != "/logout"]
NAMES = [
    "q", "sort", "order", "page", "format", "state", "kind", "opd", "host", "who", "since", "until", "act", "run",
    "lang", "theme", "next", "after", "name", "password", "code", "again", "title", "role", "sso", "token", "reason",
    "comment", "before", "from_opd", "to_opd", "disabled", "present", "from", "to", "days", "month", "set", "segment",
]  # fmt: skip
ODD = [
    "", "0", "-1", "9" * 40, "1e309", "٣", "'", '"', "' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "%s%n",
    "../../etc/passwd", "\0", "\r\nX-Evil: 1", "=1+1", "csv", "desc", "2026-02-30", "9999-12-31", "0001-01-01", "alpha",
    "held", "open", "seq", "-",
    "😀" * 30, "a" * 5000,
]  # fmt: skip
values = st.one_of(st.sampled_from(ODD), st.text(max_size=20), st.text(string.hexdigits, min_size=12, max_size=64))
fields = st.dictionaries(st.sampled_from(NAMES), values, max_size=5)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch, site(tmp_path_factory.mktemp("fuzz")) as made:
        patch.setattr(
            passwords, "verify", lambda _kept, _password: False
        )  # as slow as it must be, and not the matter here
        patch.setattr(passwords, "hashed", lambda password: f"hash of {len(password)}")
        fill(made.shared)
        yield made


@pytest.fixture(scope="module")
def browser(centre: Site) -> Browser:
    """Of somebody who may do everything."""
    return centre.signed_in(*EVERYTHING, name="semua")


@pytest.mark.parametrize("page", PAGES, ids=[f"{page.method} {page.path}" for page in PAGES])
def test_no_input_breaks_a_page(page: Page, centre: Site, browser: Browser) -> None:
    @settings(max_examples=3, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(values.filter(bool), min_size=4, max_size=4), fields, fields)
    def try_it(parts: list[str], query: dict[str, str], form: dict[str, str]) -> None:
        path = page.path
        while "{" in path:
            head, _, tail = path.partition("{")
            path = head + quote(parts.pop(), safe="").replace(".", "%2E") + tail.partition("}")[2]
        address = f"{path}?{urlencode(query, errors='replace')}"
        if page.method == "GET":
            answer = browser.get(address)
        else:
            browser.proof = browser.proof or "x"
            answer = browser.post(
                address, {name: value.encode(errors="replace").decode() for name, value in form.items()}
            )
        assert answer.status_code < 500, (address, form)
        assert "Traceback" not in answer.text
        assert CANARY not in answer.text
        assert "<script>alert" not in answer.text
        assert "x-evil" not in answer.headers
        assert answer.headers["content-security-policy"] == CSP

    if browser.get("/account").status_code != 200:  # an earlier page has ended the session, as it should
        browser.wear("session", str(centre.signed_in(*EVERYTHING, name="semua").cookie("session")))
        browser.get("/account")
    try_it()


@pytest.mark.parametrize(
    "path", ["/nothing", "/jobs/", "/static/x/../../app.py", "/static/0/app.css", "/%00", "/jobs/%2e%2e"]
)
def test_what_is_not_there_says_so(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code in {307, 400, 404}


def test_a_body_larger_than_any_form_is_not_read(browser: Browser) -> None:
    assert browser.post("/devices", {"name": "x" * 100_000}).status_code == 413
    assert browser.post("/devices", {f"f{number}": "x" for number in range(300)}).status_code == 413


def test_a_bug_tells_nothing(centre: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_words: object) -> None:
        raise RuntimeError(f"a bug that knows {CANARY}")

    monkeypatch.setattr("ops.runs.history.search", broken)
    answer = browser.get("/jobs")
    assert answer.status_code == 500
    assert CANARY not in answer.text
    assert "RuntimeError" not in answer.text
    assert "<h1>" in answer.text
