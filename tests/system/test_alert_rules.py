"""Every alert file has test cases, and the real promtool says that they hold."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from alert_files import ALERTS, NETWORK, cases, rules
from image_programs import program

from ops.derive.alert_routes import CALL_ENDS, CALLS, EFFECTS

pytestmark = pytest.mark.system

ALWAYS = {"Watchdog"}  # it is there to be missed
NAMES = sorted(path.name for path in ALERTS.glob("*.yml"))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program("promtool"), *words], capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_are_well_formed_and_their_cases_hold(name: str) -> None:
    for words in (("check", "rules", str(ALERTS / name)), ("test", "rules", str(ALERTS / "tests" / name))):
        done = run(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    there = rules(name.removesuffix(".yml"))
    tried = [case for one in cases(name.removesuffix(".yml")) for case in one["alert_rule_test"]]
    alerts = {rule["alert"] for rule in there}
    assert {case["alertname"] for case in tried if case["exp_alerts"]} == alerts
    assert {case["alertname"] for case in tried if not case["exp_alerts"]} == alerts - ALWAYS
    assert all(rule["annotations"].keys() == {"summary", "action"} for rule in there)


def behind_a_cut(case: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """A case in which an alert fires, with the offices that it names behind a cut, and nothing expected of it."""
    series = list(case["input_series"])
    for one in (alert["exp_labels"] for alert in asked["exp_alerts"]):
        port = "".join(f'{name}="{one[name]}",' for name in ("opd", "site", "device", "ifname") if name in one)
        series.append({"series": f'opd_fibre_behind_cut{{{port}segment="r1-01"}}', "values": "1x2000"})
        for office in {one[name] for name in ("opd", *CALL_ENDS) if name in one}:
            told = ",".join(f'{name}="{office}"' for name in ("opd", *CALL_ENDS))
            series.append({"series": f'ALERTS{{alertname="OfficeBehindCut",{told}}}', "values": "1x2000"})
    return {**case, "input_series": series, "alert_rule_test": [{**asked, "exp_alerts": []}]}


def test_what_a_cut_explains_does_not_fire_so_that_a_restart_of_alertmanager_tells_nothing(tmp_path: Path) -> None:
    """Each firing case of each effect, with a cut: what Prometheus does not send cannot come before its cause."""
    tried: set[str] = set()
    tests = []
    for name in NETWORK:
        for case in cases(name):
            for asked in case["alert_rule_test"]:
                if asked["exp_alerts"] and asked["alertname"] in (*EFFECTS, *CALLS):
                    tests.append(behind_a_cut(case, asked))
                    tried.add(asked["alertname"])
    assert tried == {*EFFECTS, *CALLS}
    whole = {"rule_files": [str(ALERTS / f"{name}.yml") for name in NETWORK], "evaluation_interval": "30s"}
    (tmp_path / "cut.yml").write_text(yaml.safe_dump({**whole, "tests": tests}))
    done = run("test", "rules", str(tmp_path / "cut.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_is_seen(tmp_path: Path) -> None:
    wrong = yaml.safe_load((ALERTS / "tests/offices.yml").read_text())
    wrong["rule_files"] = [str(ALERTS / "offices.yml")]
    wrong["tests"][0]["alert_rule_test"][1]["exp_alerts"] = []
    (tmp_path / "wrong.yml").write_text(yaml.safe_dump(wrong))
    assert run("test", "rules", str(tmp_path / "wrong.yml")).returncode != 0
