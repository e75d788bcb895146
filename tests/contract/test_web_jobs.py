"""Acting from a page: it only enqueues, under the person's name; the second person decides; output comes live."""

from __future__ import annotations

import csv
import io
import json
import threading
import time
from collections.abc import Iterator

import pytest
from past_runs import ask, end, start, whole
from web_rig import CANARY, Browser, Site, site
from web_stock import Stock, fill

from ops.runs import audit, queue
from ops.runs.model import RunState
from ops.runs.steps import append_events
from ops.web.page import Role


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="module")
def stock(centre: Site) -> Stock:
    return fill(centre.shared)


@pytest.fixture(scope="module")
def operator(centre: Site, stock: Stock) -> Browser:
    return centre.signed_in(Role.OPERATOR, name="budi")


@pytest.fixture(scope="module")
def approver(centre: Site, stock: Stock) -> Browser:
    return centre.signed_in(Role.APPROVER, name="rina")


def run_of(answer: object) -> str:
    location: str = answer.headers["location"]  # type: ignore[attr-defined]
    assert location.startswith("/jobs/")
    return location.removeprefix("/jobs/")


# ---- asking


def test_asking_enqueues_under_the_persons_name(centre: Site, operator: Browser) -> None:
    run = queue.get(centre.database, run_of(operator.post("/ask/drift", {"opd": ["alpha"], "reason": "sebelum audit"})))
    assert (run.kind, run.args, run.who, run.reason) == ("drift", {"opd": ["alpha"]}, "budi", "sebelum audit")
    assert run.state is RunState.WAITING
    rows = [row for row in audit.rows(centre.database) if row["run"] == run.id]
    assert [(row["who"], row["act"]) for row in rows] == [("budi", "asked")]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("apply", {}), ("provision", {}), ("demo", {}), ("drift", {"opd": "nobody"}), ("backup", {"opd": "../alpha"}),
        ("call-test", {"from_opd": "alpha", "to_opd": "alpha"}), ("call-test", {"from_opd": "alpha"}),
    ],
)  # fmt: skip
def test_nothing_else_may_be_asked_for(centre: Site, operator: Browser, kind: str, form: dict[str, str]) -> None:
    before = len(list(audit.rows(centre.database)))
    assert operator.post(f"/ask/{kind}", form).status_code == 400
    assert len(list(audit.rows(centre.database))) == before


def test_a_waiting_run_is_cancelled_and_an_ended_one_tried_again(centre: Site, operator: Browser) -> None:
    run = run_of(operator.post("/ask/drift"))
    operator.get(f"/jobs/{run}")
    assert run_of(operator.post(f"/jobs/{run}/cancel")) == run
    cancelled = queue.get(centre.database, run)
    assert (cancelled.state, cancelled.cancel_by) == (RunState.CANCELLED, "budi")
    assert operator.post(f"/jobs/{run}/cancel").status_code == 400


# ---- the second person


def test_nobody_approves_what_he_asked_for(centre: Site, stock: Stock) -> None:
    both = centre.signed_in(Role.OPERATOR, Role.APPROVER, name="dua")
    run = run_of(both.post(f"/plans/{stock.plan}/ask", {"reason": "mulai"}))
    assert queue.get(centre.database, run).state is RunState.HELD
    assert f"/jobs/{run}/approve" not in both.get(f"/jobs/{run}").text or "Approve" not in both.get(f"/jobs/{run}").text
    assert both.post(f"/jobs/{run}/approve").status_code == 409
    assert queue.get(centre.database, run).state is RunState.HELD


def test_a_plan_is_read_and_approved_by_somebody_else(
    centre: Site, operator: Browser, approver: Browser, stock: Stock
) -> None:
    plan = operator.get(f"/plans/{stock.plan}?lang=en").text
    assert "as it was" in plan
    assert stock.plan in plan
    assert operator.post(f"/plans/{stock.plan}/ask", {"reason": " "}).status_code == 400
    run = run_of(operator.post(f"/plans/{stock.plan}/ask", {"reason": "kantor baru"}))
    page = approver.get(f"/jobs/{run}")
    assert f'href="/plans/{stock.plan}"' in page.text
    approver.post(f"/jobs/{run}/approve", {"comment": "sudah dibaca"})
    assert queue.get(centre.database, run).state is RunState.WAITING
    (row,) = [row for row in audit.rows(centre.database) if row["run"] == run and row["act"] == "approved"]
    assert (row["who"], json.loads(row["about"])["comment"]) == ("rina", "sudah dibaca")


def test_a_machine_plan_is_refused(centre: Site, operator: Browser, approver: Browser, stock: Stock) -> None:
    run = queue.get(centre.database, stock.held)
    approver.get(f"/jobs/{run.id}")
    approver.post(f"/jobs/{run.id}/refuse", {"comment": "belum"})
    assert queue.get(centre.database, run.id).state is RunState.REFUSED
    assert "playbooks/roles/base/tasks/main.yml:3" in operator.get(f"/plans/machines/{stock.machine_plan}").text


def test_contents_that_name_secrets_are_not_shown(operator: Browser, stock: Stock) -> None:
    text = operator.get(f"/plans/{stock.plan}").text
    assert "{{secret:" not in text
    assert "{{ha1:" not in text


# ---- lists


def test_the_list_is_filtered_sorted_and_given_as_csv(operator: Browser, stock: Stock) -> None:
    failed = operator.get("/jobs?state=failed").text
    assert f"/jobs/{stock.failed}" in failed
    assert f"/jobs/{stock.done}" not in failed
    assert f"/jobs/{stock.failed}" in operator.get("/jobs?q=no+space").text
    answer = operator.get("/jobs?sort=state&order=desc&format=csv&lang=en")
    assert answer.headers["content-disposition"] == 'attachment; filename="jobs.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    states = [row["State"] for row in rows]
    assert states == sorted(states, reverse=True)
    assert {"done", "failed", "waiting"} <= set(states)
    operator.get("/jobs?lang=id")


def test_a_spreadsheet_runs_no_formula_of_others(centre: Site, operator: Browser) -> None:
    ask(centre.database, "backup", ("alpha",), reason='=HYPERLINK("https://evil.test")')
    assert "\"'=HYPERLINK" in operator.get("/jobs?format=csv").text


def test_the_history_tells_who_came_and_proves_itself(centre: Site, operator: Browser) -> None:
    auditor = centre.signed_in(Role.AUDITOR, name="wati")
    assert "budi" in auditor.get("/history?act=logged+in").text
    assert "note ok" in auditor.get("/history/verify").text
    lines = auditor.get("/history/export").text.splitlines()
    assert json.loads(lines[-1])["end"]["runs"] == len(lines) - 1
    assert operator.get("/history/verify").status_code == 403
    with centre.database.write() as tx:
        tx.do("UPDATE audit SET who = 'nobody' WHERE seq = 2")
    assert "note bad" in auditor.get("/history/verify").text


# ---- output


def told(text: str) -> list[str]:
    """The events of a stream, by their names."""
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def test_output_of_an_ended_run_comes_and_ends(operator: Browser, stock: Stock) -> None:
    answer = operator.get(f"/jobs/{stock.done}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert told(answer.text) == ["told", "ended"]
    assert "&lt;b&gt;not declared&lt;/b&gt;" in answer.text
    last = next(line.removeprefix("id: ") for line in answer.text.splitlines() if line.startswith("id: "))
    again = operator.get(f"/jobs/{stock.done}/events", headers={"last-event-id": last})
    assert told(again.text) == ["ended"]


def test_output_comes_while_it_is_made(centre: Site, operator: Browser) -> None:
    run = ask(centre.database, "backup", ("alpha",), due=1.0)
    while (taken := start(centre.database)).id != run.id:
        end(centre.database, taken)

    def work() -> None:
        time.sleep(1.0)  # the page is being listened to by then; if not, what follows is still true
        append_events(centre.database, taken, [("backup", "alpha", "running", f"the password is {CANARY}")])
        append_events(centre.database, taken, [("backup", "alpha", "ok", "second line")])
        end(centre.database, taken)

    worker = threading.Thread(target=work)
    worker.start()
    answer = operator.get(f"/jobs/{run.id}/events")
    worker.join()
    assert told(answer.text)[0] == "told"
    assert told(answer.text)[-1] == "ended"
    assert "second line" in answer.text
    assert CANARY not in answer.text
    assert "&lt;secret router/password&gt;" in answer.text


def test_a_secret_that_a_host_gave_away_is_not_shown(centre: Site, operator: Browser) -> None:
    run = whole(centre.database, f"mysql: access denied, tried {CANARY}", {"alpha": "failed"})
    for path in (f"/jobs/{run.id}", "/jobs", "/jobs?format=csv", f"/history?run={run.id}"):
        assert CANARY not in operator.get(path).text, path


# ---- an office sees itself alone


def test_an_office_never_sees_another(centre: Site, stock: Stock) -> None:
    """Whatever page an OPD viewer may open, it never names the other office, nor what was done there."""
    opds = {opd.code: opd.name for opd in centre.shared.world.region.opds}
    mine, *others = opds
    browser = centre.signed_in(Role.OPD, name="kepala", opds=(mine,))
    for page in centre.pages:
        if page.method != "GET" or page.quiet or not page.roles & {Role.OPD, Role.ANYONE}:
            continue
        for other in others:
            for path in {centre.path(page), centre.path(page).replace(mine, other)}:
                answer = browser.follow(browser.get(path))
                assert opds[other] not in answer.text, path
                assert f"/{other}" not in answer.text.replace(path, ""), path
