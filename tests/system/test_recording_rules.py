"""Recording rules: well formed, their cases hold by the real promtool, and nobody reads a series that none records."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from image_programs import program

from exporters.metrics import table
from exporters.usage import FIELDS

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
RULES = ROOT / "exporters/rules"
FILES = sorted(RULES.glob("*.yml"))
CASES = sorted((RULES / "tests").glob("*.yml"))
RECORDED = re.compile(r"\b(?:opd|opd_link|upstream):\w+:\w+\b")


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program("promtool"), *words], capture_output=True, text=True, check=False, timeout=240)


def rules() -> dict[str, str]:
    """Every recorded series and its expression."""
    groups = [group for file in FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rules_are_well_formed(path: Path) -> None:
    done = promtool("check", "rules", "--lint-fatal", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_their_cases_hold(path: Path) -> None:
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_made_of_what_there_is() -> None:
    made = rules()
    for expression in made.values():
        assert set(RECORDED.findall(expression)) <= made.keys()
        assert set(re.findall(r"(?<![:\w])opd_(?!link:)\w+", expression)) <= table().keys()
    assert {record for _, record in FIELDS.values()} <= made.keys()


def test_they_are_placed_where_prometheus_reads_rules() -> None:
    tasks = (ROOT / "playbooks/roles/monitoring/tasks/main.yml").read_text(encoding="utf-8")
    assert "/exporters/rules/*.yml" in tasks
