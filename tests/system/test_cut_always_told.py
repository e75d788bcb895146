"""Generated plants, what the exporter says of them, and the real promtool with the rule's own expression: each link
that is held back because of a cut stands behind a segment that FibreSegmentCut tells.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from fibre_farm import Told, farm
from image_programs import program

pytestmark = pytest.mark.system

RULES = Path(__file__).parents[2] / "exporters/alerts/fibre.yml"


def expression(alert: str) -> str:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return str(next(rule["expr"] for group in groups for rule in group["rules"] if rule.get("alert") == alert))


def case(one: Told, told: str) -> dict[str, Any]:
    """Nobody is left over; and, so that this means something, as many are behind a cut as were found to be."""
    series = [
        {"series": metric + "{" + ", ".join(f'{k}="{v}"' for k, v in labels.items()) + "}", "values": f"{value}x3"}
        for metric, samples in one.series.items()
        for labels, value in samples
    ]
    behind = {name for incident in one.found.incidents for name in incident.behind_cut}
    held = f"count by (opd) (opd_fibre_behind_cut) and on () (count({told}) > 0)"
    return {
        "name": one.name,
        "interval": "15s",
        "input_series": series,
        "promql_expr_test": [
            {"expr": f"opd_fibre_behind_cut unless on (segment) ({told})", "eval_time": "30s", "exp_samples": []},
            {
                "expr": f"count({held})",
                "eval_time": "30s",
                "exp_samples": [{"labels": "{}", "value": len(behind)}] if behind else [],
            },
        ],
    }


def run(tmp_path: Path, told: str, plants: list[Told]) -> subprocess.CompletedProcess[str]:
    cases = {"rule_files": [], "evaluation_interval": "15s", "tests": [case(one, told) for one in plants]}
    (tmp_path / "cases.yml").write_text(yaml.safe_dump(cases, sort_keys=False), encoding="utf-8")
    words = [*program("promtool"), "test", "rules", str(tmp_path / "cases.yml")]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)


def test_whoever_is_behind_a_cut_is_told(tmp_path: Path) -> None:
    plants = list(farm(5, 40))
    assert sum(any(one.behind_cut for one in plant.found.incidents) for plant in plants) > 50
    done = run(tmp_path, expression("FibreSegmentCut"), plants)
    assert done.returncode == 0, (done.stdout + done.stderr)[:3000]


def test_a_bare_threshold_would_leave_some_untold(tmp_path: Path) -> None:
    done = run(tmp_path, "opd_fibre_segment_suspect > 0.15", list(farm(5, 0)))
    assert done.returncode != 0
