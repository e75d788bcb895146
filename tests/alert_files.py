"""The alert rules and their cases as they stand in exporters/alerts, for tests that go by the real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ALERTS = Path(__file__).parents[1] / "exporters/alerts"
NETWORK = ("fibre", "offices", "phones", "calls")  # files about the offices' lines and telephones


def rules(name: str) -> list[dict[str, Any]]:
    """Every alert of one file."""
    groups = yaml.safe_load((ALERTS / f"{name}.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def cases(name: str) -> list[dict[str, Any]]:
    """The tests of one file."""
    found: list[dict[str, Any]] = yaml.safe_load((ALERTS / f"tests/{name}.yml").read_text(encoding="utf-8"))["tests"]
    return found


def labels(*names: str) -> dict[str, dict[str, str]]:
    """Alert → the labels of the first that fires in a case of these files, its name among them."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        for one in cases(name):
            for asked in one["alert_rule_test"]:
                for alert in asked["exp_alerts"][:1]:
                    found.setdefault(asked["alertname"], {"alertname": asked["alertname"], **alert["exp_labels"]})
    return found
