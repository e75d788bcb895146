"""The shipped boards by Grafana's own schema: the types of @grafana/schema, made into JSON schemas."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

pytestmark = pytest.mark.system
SHIPPED = Path(__file__).parents[2] / "exporters/dashboards/json"
PACKAGES = ("@grafana/schema@11.6.0", "ts-json-schema-generator@2")
RAW = "node_modules/@grafana/schema/dist/esm/raw"
PANELS = {"stat": "StatPanelCfg", "table": "TablePanelCfg", "timeseries": "TimeSeriesPanelCfg"}
OF_THE_SDK = {"auto", "auto_count", "auto_min"}  # of a variable: written by Grafana's SDK, unknown to these types


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("schema")
    if not shutil.which("npm"):
        pytest.skip("needs npm (apt-get install npm)")
    (made / "package.json").write_text("{}")
    words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    done = subprocess.run(words, cwd=made, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"npm can not fetch {' '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    return made


@cache
def schema(folder: Path, path: str, name: str) -> Draft7Validator:
    words = ["npx", "ts-json-schema-generator", "--no-type-check", "--path", f"{RAW}/{path}", "--type", name]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True, timeout=300)
    return Draft7Validator(json.loads(done.stdout))


def faults(folder: Path, board: dict[str, Any]) -> Iterator[str]:
    told = {**board, "templating": {"list": [_without(one) for one in board["templating"]["list"]]}}
    whole = schema(folder, "dashboard/x/dashboard_types.gen.d.ts", "Dashboard")
    yield from (f"{list(error.absolute_path)}: {error.message[-200:]}" for error in whole.iter_errors(told))
    for panel in board["panels"]:
        if name := PANELS.get(panel["type"]):
            path = f"composable/{panel['type']}/panelcfg/x/{name}_types.gen.d.ts"
            found = list(schema(folder, path, "Options").iter_errors(panel["options"]))
            if panel["type"] == "timeseries":
                custom = panel["fieldConfig"]["defaults"]["custom"]
                found += schema(folder, path, "FieldConfig").iter_errors(custom)
            yield from (f"{panel['title']}: {error.message[-200:]}" for error in found)


def _without(variable: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in variable.items() if key not in OF_THE_SDK}


def test_every_board_is_valid(folder: Path) -> None:
    boards = sorted(SHIPPED.glob("*.json"))
    assert len(boards) >= 7
    found = [f"{path.stem}: {one}" for path in boards for one in faults(folder, json.loads(path.read_text()))]
    assert found == []


def test_a_wrong_word_or_type_is_seen(folder: Path) -> None:
    board = json.loads((SHIPPED / "regency.json").read_text())
    assert list(faults(folder, {**board, "refersh": "30s"}))
    assert list(faults(folder, {**board, "title": 7}))
    figure = next(panel for panel in board["panels"] if panel["type"] == "stat")
    wrong = {**figure, "options": {**figure["options"], "colorMode": "rainbow"}}
    assert list(faults(folder, {**board, "panels": [wrong]}))
