"""The dashboards as they are shipped: made from their files, and by the rules of the house for panels and queries."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dashboard_lint import boards_of, faults
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from exporters.dashboards import office, regency
from exporters.dashboards.board import Board, Query, lines

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "exporters/dashboards/json"
FILES = sorted(SHIPPED.glob("*.json"))


def test_what_is_shipped_is_what_the_files_say(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        subprocess.run([sys.executable, ROOT / "tools/dashboards.py", tmp_path / folder], check=True, cwd=ROOT)
    made = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert made == {path.name: path.read_bytes() for path in FILES}, "run: .venv/bin/python tools/dashboards.py"
    assert set(boards_of()) == {path.stem for path in FILES}


def test_the_seven_boards_are_there() -> None:
    uids = {board.uid for board in boards_of().values()}
    wanted = {"regency", "office", "fibre", "upstreams", "servers", "telephones", "recovery"}
    assert uids == {f"kominfo-{name}" for name in wanted}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_own_types_know_every_field(path: Path) -> None:
    """A field that the SDK's model of Grafana 11.6 does not know would be lost on the way through it."""
    register_default_plugins()
    told = json.loads(path.read_text(encoding="utf-8"))
    again = json.loads(json.dumps(Dashboard.from_json(told), cls=JSONEncoder))
    assert again == told
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in told["panels"]]
    numbers = [panel["id"] for panel in told["panels"]]
    assert len(set(places)) == len(places)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(("name", "board"), boards_of().items(), ids=list(boards_of()))
def test_boards_are_by_the_rules(name: str, board: Board) -> None:
    assert faults(board, json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))) == []


BAD = {
    "no unit": lines("Traffic", "Of all.", "", Query("opd_poll_up")),
    "no description": lines("Traffic", "", "bps", Query("opd_poll_up")),
    "no query": lines("Traffic", "Of all.", "bps"),
    "opd_interface_receive_bytes_total stands outside": lines(
        "Traffic", "Of all.", "bps", Query("opd_interface_receive_bytes_total")
    ),
    "a rate over [5m]": lines("Traffic", "Of all.", "bps", Query("rate(opd_interface_receive_bytes_total[5m])")),
    "nobody serves opd_interface_upp": lines("Up", "Of all.", "short", Query("opd_interface_upp")),
    "makes up a value": lines("Up", "Of all.", "short", Query("sum(opd_poll_up) or vector(0)")),
}


@pytest.mark.parametrize(("said", "panel"), BAD.items(), ids=list(BAD))
def test_a_bad_panel_is_named(said: str, panel: Any) -> None:
    (title, panels), *_ = regency.BOARD.rows
    found = faults(replace(regency.BOARD, rows=((title, (*panels, panel)),)))
    assert [fault for fault in found if said in fault], found


def test_a_board_without_an_age_is_named() -> None:
    (title, panels), *_ = office.BOARD.rows
    assert any("age" in fault for fault in faults(replace(office.BOARD, rows=((title, panels[:-1]),))))


def test_the_json_that_is_no_board_of_ours_is_named() -> None:
    told = json.loads((SHIPPED / "office.json").read_text(encoding="utf-8"))
    told["editable"] = True
    told["panels"][1]["datasource"] = {"type": "prometheus", "uid": "kominfo"}
    found = faults(office.BOARD, told)
    assert any("editable" in fault for fault in found)
    assert any("data source" in fault for fault in found)


def test_the_role_places_all_of_them() -> None:
    tasks = (ROOT / "playbooks/roles/grafana/tasks/main.yml").read_text(encoding="utf-8")
    assert "/exporters/dashboards/json/*.json" in tasks
    assert yaml.safe_load(tasks)
    assert not re.search(r"office\.json", tasks)
