"""Every alert file has test cases, and the real promtool says that they hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from image_programs import program

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "exporters/alerts"
NAMES = sorted(path.name for path in ALERTS.glob("*.yml"))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program("promtool"), *words], capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_are_well_formed_and_their_cases_hold(name: str) -> None:
    for words in (("check", "rules", str(ALERTS / name)), ("test", "rules", str(ALERTS / "tests" / name))):
        done = run(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_tried_and_says_what_to_do(name: str) -> None:
    rules = [rule for group in yaml.safe_load((ALERTS / name).read_text())["groups"] for rule in group["rules"]]
    cases = yaml.safe_load((ALERTS / "tests" / name).read_text())["tests"]
    raised = {case["alertname"] for one in cases for case in one["alert_rule_test"] if case["exp_alerts"]}
    assert raised == {rule["alert"] for rule in rules}
    assert all(rule["annotations"].keys() == {"summary", "action"} for rule in rules)


def test_a_wrong_expectation_is_seen(tmp_path: Path) -> None:
    wrong = yaml.safe_load((ALERTS / "tests/offices.yml").read_text())
    wrong["rule_files"] = [str(ALERTS / "offices.yml")]
    wrong["tests"][0]["alert_rule_test"][1]["exp_alerts"] = []
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(wrong))
    assert run("test", "rules", str(tmp_path / "wrong.yml")).returncode != 0
