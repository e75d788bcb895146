"""Pages of reports, roster and alerts: each sees what is theirs, acts only through jobs, and files stay files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from web_rig import REGENCY, Site, site

from ops.runs import history, notify
from ops.runs.history import Filter
from ops.web.page import Role

ALERTS = [
    {
        "labels": {"alertname": "OfficeLinkDown", "opd": "rsud", "severity": "critical"},
        "annotations": {"summary": "rsud: <b>rsud-rtr1</b> sfp1 is down"},
        "startsAt": "2026-11-22T05:00:00Z",
        "status": {"state": "active"},
    },
    {"labels": {"alertname": "LinkBehindCut", "severity": "none"}, "annotations": {}, "startsAt": "2026", "status": {}},
]
SILENCES = [
    {
        "matchers": [{"name": "opd", "value": "dinkes"}], "createdBy": "budi", "comment": "sambung kabel",
        "endsAt": "2026-11-22T09:00:00Z", "status": {"state": "active"},
    }
]  # fmt: skip


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("web"), REGENCY) as made:
        folder = made.shared.world.state / "reports/2026-10"
        folder.mkdir(parents=True)
        for name in ("dinkes.id.pdf", "rsud.id.html", "_region.id.pdf", "_upstream.json"):
            (folder / name).write_text(f"content of {name}", encoding="utf-8")
        yield made


@pytest.fixture
def alertmanager(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(ALERTS if self.path.endswith("/alerts") else SILENCES).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Nothing: tests keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(notify, "address", lambda _region: f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()


def test_an_offices_viewer_sees_and_gets_the_own_reports_only(centre: Site) -> None:
    browser = centre.signed_in(Role.OPD, name="dinas", opds=("dinkes",))
    page = browser.get("/reports").text
    assert "/reports/2026-10/dinkes.id.pdf" in page
    assert "rsud.id.html" not in page
    assert "_region" not in page
    assert browser.get("/reports/2026-10/dinkes.id.pdf").content == b"content of dinkes.id.pdf"
    for other in ("rsud.id.html", "_region.id.pdf", "_upstream.json"):
        assert browser.get(f"/reports/2026-10/{other}").status_code == 404


def test_a_report_is_a_file_to_keep_and_nothing_else_can_be_asked_for(centre: Site) -> None:
    browser = centre.signed_in(Role.AUDITOR)
    answer = browser.get("/reports/2026-10/rsud.id.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="2026-10-rsud.id.html"'
    (centre.shared.world.state / "reports/2026-10/secret.txt").write_text("x", encoding="utf-8")
    for path in (
        "2026-10/secret.txt",
        "..%2f..%2fsecrets/dinkes.json",
        "2026-10/..%2f..%2fsecrets.yml",
        "2026-10/nosuch.json",
    ):
        assert browser.get(f"/reports/{path}").status_code == 404, path


def test_reports_are_asked_for_as_a_job(centre: Site) -> None:
    browser = centre.signed_in(Role.OPERATOR)
    assert browser.post("/reports/ask", {"month": "2026-10"}).headers["location"].startswith("/jobs/")
    assert browser.post("/reports/ask", {"month": "../x"}).status_code == 400
    (run,) = history.search(centre.database, Filter(kind="report"))
    assert (run.args, run.who) == ({"month": "2026-10"}, "operator")


def test_the_roster_shows_whose_duty_it_is(centre: Site) -> None:
    staff = centre.signed_in(Role.AUDITOR).get("/roster").text
    assert "rumah-sakit" in staff
    assert "Contoh Jaga" in staff
    own = centre.signed_in(Role.OPD, name="dinas", opds=("dinkes",)).get("/roster").text
    assert "Contoh Jaga" in own
    assert "rumah-sakit" not in own


@pytest.mark.usefixtures("alertmanager")
def test_an_alert_is_acknowledged_by_a_job_in_ones_own_name(centre: Site) -> None:
    browser = centre.signed_in(Role.OPERATOR)
    page = browser.get("/alerts").text
    assert "OfficeLinkDown" in page
    assert "&lt;b&gt;rsud-rtr1" in page
    assert "LinkBehindCut" not in page  # told to nobody
    assert "sambung kabel" in page
    asked = {"alertname": "OfficeLinkDown", "opd": "rsud", "minutes": "240"}
    assert browser.post("/alerts/silence", asked).headers["location"].startswith("/jobs/")
    (run,) = history.search(centre.database, Filter(kind="silence"))
    assert (run.args, run.who) == (asked, "operator")
    assert browser.post("/alerts/silence", {"minutes": "240"}).status_code == 400


def test_a_silent_alertmanager_is_said_and_not_taken_for_peace(centre: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "address", lambda _region: "http://127.0.0.1:9")
    page = centre.signed_in(Role.AUDITOR).get("/alerts").text
    assert "tidak menjawab" in page
    assert "Tidak ada peringatan aktif" not in page
