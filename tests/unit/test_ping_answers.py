"""What routers answer to their own ping commands: every platform's answers as figures; none is too odd."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ops.catalogue.cli.echoes import Echoed, echoed
from ops.catalogue.device import device
from ops.catalogue.ping import Ping
from ops.inventory.known import device_models, pinging_models

FOLDER = Path(__file__).parents[1] / "recordings/ping"
SAME = {"huawei_yunshan": "huawei_vrp"}  # speaks another one's language


@cache
def cases(model: str) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / f"{SAME.get(model, model)}.yml").read_text(encoding="utf-8"))


def ping(model: str) -> Ping:
    found = device(model).ping
    assert found
    return found


EVERY = [
    pytest.param(model, number, id=f"{model}-{case['is']}")
    for model in sorted(pinging_models())
    for number, case in enumerate(cases(model))
]


def test_the_inventory_knows_which_models_have_a_ping_command() -> None:
    assert pinging_models() == {model for model in device_models() if device(model).ping}
    assert {path.stem for path in FOLDER.glob("*.yml")} == pinging_models() - SAME.keys()


@pytest.mark.parametrize(("model", "number"), EVERY)
def test_an_answer_means_these_figures(model: str, number: int) -> None:
    case = cases(model)[number]
    if "refused" in case:
        with pytest.raises(ValueError, match=case["refused"].replace("(", r"\(")):
            echoed(ping(model), case["answer"])
        return
    found = echoed(ping(model), case["answer"].replace("\n", "\r\n"))
    wanted = {"rtt": None, "jitter": None} | case["means"]
    assert found == Echoed(*(pytest.approx(wanted[name]) for name in ("loss", "rtt", "jitter")))


@pytest.mark.parametrize("model", sorted(pinging_models() - SAME.keys()))
def test_every_model_is_recorded_well_lossy_dead_and_lost_for_a_name(model: str) -> None:
    said = " ".join(case["is"] for case in cases(model))
    assert all(word in said for word in ("normal", "partial loss", "total loss", "unknown host"))


LINES = sorted({line for model in pinging_models() for case in cases(model) for line in case["answer"].splitlines()})
PIECES = st.one_of(st.sampled_from(LINES), st.text(max_size=60), st.sampled_from(["--More--", "\x1b[24D", "\t", "% "]))


@pytest.mark.parametrize("model", sorted(pinging_models() - SAME.keys()))
@given(lines=st.lists(PIECES, max_size=12))
def test_no_answer_is_too_odd(model: str, lines: list[str]) -> None:
    """Figures within reason, or a ValueError; never anything else."""
    try:
        found = echoed(ping(model), "\n".join(lines))
    except ValueError:
        return
    assert 0 <= found.loss <= 1
    assert found.rtt is None or (found.loss < 1 and found.rtt >= 0)
    assert found.jitter is None or found.jitter >= 0
