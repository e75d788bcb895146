"""What a handful of round trips says of a link: latency, jitter, loss."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.collectors import link
from exporters.collectors.contract import Port, Reading
from exporters.sheet import filled, page
from exporters.ways import Ways
from ops.catalogue.device import device
from ops.inventory.load import load
from ops.inventory.watched import watched
from ops.system.echo import Echo

REGION = list(watched(load(Path(__file__).parents[2] / "inventories/batubara").opds))


def values(echo: Echo) -> dict[str, float]:
    one = REGION[0]
    port = Port(one, device("mikrotik_routeros"), "7")
    return {sample.name: sample.value for sample in link.COLLECTOR.samples(port, Reading({}, echo))}


def test_jitter_is_the_mean_step_from_one_round_trip_to_the_next() -> None:
    found = values(Echo(5, (0.010, 0.014, 0.010, 0.012)))
    assert found["opd_link_jitter_seconds"] == pytest.approx((4 + 4 + 2) / 3 / 1000)
    assert found["opd_link_packet_loss_ratio"] == pytest.approx(0.2)


@pytest.mark.parametrize("seconds", [(), (0.01,)])
def test_one_round_trip_has_no_jitter(seconds: tuple[float, ...]) -> None:
    assert "opd_link_jitter_seconds" not in values(Echo(5, seconds))


@given(st.lists(st.lists(st.floats(0.0001, 1), max_size=5), min_size=1, max_size=4))
def test_lines_laid_out_once_say_what_the_samples_say(ways: list[list[float]]) -> None:
    declared = REGION[: len(ways)]
    ports = [Port(one, device("mikrotik_routeros"), "7") for one in declared]
    echoes = [Echo(5, tuple(seconds)) for seconds in ways]
    samples = [
        one for port, echo in zip(ports, echoes, strict=True) for one in link.COLLECTOR.samples(port, Reading({}, echo))
    ]
    assert page([Ways(ports).filled(echoes)]) == page([filled(samples)])


@given(st.lists(st.floats(0.0001, 1), min_size=2, max_size=5), st.floats(0, 1))
def test_a_longer_way_adds_no_jitter(seconds: list[float], more: float) -> None:
    short, long = Echo(5, tuple(seconds)), Echo(5, tuple(one + more for one in seconds))
    assert long.jitter == pytest.approx(short.jitter, abs=1e-9)
