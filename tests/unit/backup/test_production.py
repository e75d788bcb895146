"""A drill refuses what looks like production: by what is declared, and by what the machine itself says."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup import production
from ops.inventory.load import load

ROOT = Path(__file__).parents[3]
EMPTY = {"hostname": "drc-restore", "free": 1, "sets": [], "units": []}


@pytest.mark.parametrize(
    ("name", "why"),
    [("drc-restore", ""), ("dc-db", "serves in"), ("dc-app", "live"), ("drc-vault", "is the vault")],
)
def test_declared_servers(name: str, why: str) -> None:
    said = "; ".join(production.declared(load(ROOT / "inventories/batubara"), name))
    assert (why in said) if why else said == ""


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({}, ""),
        ({"hostname": "dc-db"}, "calls itself dc-db"),
        ({"sets": ["dinkes.simpus.json"]}, "dinkes.simpus"),
        ({"units": ["nginx.service"]}, "nginx.service is enabled"),
    ],
)
def test_what_the_machine_says(told: dict[str, object], why: str) -> None:
    said = "; ".join(production.standing("drc-restore", {**EMPTY, **told}))
    assert (why in said) if why else said == ""
