"""`ops report` and `ops status` as a person runs them, without any Prometheus: every document, and why figures lack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backup.chain import Chain
from ops.cli.main import main
from ops.errors import OpsError, UsageError
from ops.inventory.load import load
from ops.reports.annex import Done, annex
from ops.reports.period import year_of
from ops.reports.records import Records
from ops.reports.render import pdf

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPS_STATE", str(tmp_path / "state"))
    return tmp_path / "state/region/batubara"


def ops(*words: str) -> int:
    return main([*words, "-i", str(BATUBARA), "-q"])


@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_an_offices_report_is_written_where_it_was_asked_for(tmp_path: Path, form: str) -> None:
    to = tmp_path / f"x.{form}"
    words = ["--month", "2026-10", "--prometheus", NOWHERE, "--format", form, "-o", str(to)]
    assert ops("report", "opd", "dinkes", *words) == 0
    text = to.read_text(encoding="utf-8")
    assert ("Prometheus did not answer" if form == "json" else "Prometheus tidak menjawab") in text


def test_facts_as_json_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops("report", "upstream", "--month", "2026-10", "--prometheus", NOWHERE, "--json") == 0
    (first, _) = json.loads(capsys.readouterr().out)["upstreams"]
    assert (first["availability"]["value"], first["restitution"]["reason"]) == (None, "Prometheus did not answer")


def test_a_paper_is_a_pdf(tmp_path: Path) -> None:
    to = tmp_path / "upstream.pdf"
    words = ["--month", "2026-10", "--prometheus", NOWHERE, "--format", "pdf", "-o", str(to)]
    assert ops("report", "upstream", *words) == 0
    assert to.read_bytes().startswith(b"%PDF-")


def test_an_unknown_office_and_a_wrong_month_are_usage_errors() -> None:
    assert ops("report", "opd", "nosuch", "--month", "2026-10") == 2
    assert ops("report", "region", "--month", "oktober") == 2
    with pytest.raises(UsageError):
        annex("nist", load(BATUBARA), year_of("2026", "Asia/Jakarta", 1.8e9), Records((), (), (), (), {}, {}), {})


def test_a_page_that_fetches_something_is_refused() -> None:
    with pytest.raises(OpsError, match="may not fetch"):
        pdf('<img src="http://127.0.0.1:9/x.png">')


def test_an_annex_counts_what_lies_in_its_year(state: Path, tmp_path: Path) -> None:
    region, year = load(BATUBARA), year_of("2026", "Asia/Jakarta", 1.8e9)
    runs = {"apply": [Done(year.begin, good=True), Done(year.end - 1, good=False), Done(year.end, good=True)]}
    found = annex("iso27001", region, year, Records((), (), (), (), {}, {}), runs)
    (row,) = [one for one in found["rows"] if one["what"].startswith("changes applied")]
    assert (row["count"], row["good"], row["last"]) == (2, 1, year.end - 1)
    Chain(state / "ledger/backup.jsonl").append({"event": "backup", "of": "dinkes.simpus", "taken": year.begin + 5})
    to = tmp_path / "annex.json"
    assert ops("report", "annex", "spbe", "--year", "2026", "--format", "json", "-o", str(to)) == 0
    made = json.loads(to.read_text(encoding="utf-8"))
    assert [one["count"] for one in made["rows"] if one["what"].startswith("backups taken")] == [1]


def test_the_status_page_is_put_into_a_folder(tmp_path: Path) -> None:
    assert ops("status", "publish", "--to", str(tmp_path / "page"), "--prometheus", NOWHERE) == 0
    assert "tidak diketahui" in (tmp_path / "page/index.html").read_text(encoding="utf-8")
    (tmp_path / "mine").mkdir()
    assert ops("status", "publish", "--to", str(tmp_path / "mine"), "--prometheus", NOWHERE) == 2
