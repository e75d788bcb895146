"""A twin's router sends real echo requests, and tells of them in its vendor's form."""

from __future__ import annotations

import pytest

from ops.catalogue.cli.echoes import Echoed, echoed
from ops.catalogue.device import device
from ops.system.echo import Echo
from ops.twin import agent_ping

MODELS = ("mikrotik_routeros", "huawei_vrp")


def told(model: str, echoes: Echo) -> Echoed:
    profile = device(model)
    assert profile.ping
    return echoed(profile.ping, agent_ping._FORMS[profile.netmiko][1]("10.40.17.10", echoes))


@pytest.mark.parametrize("model", MODELS)
def test_what_came_back_is_read_as_it_was(model: str) -> None:
    assert told(model, Echo(5, (0.004, 0.003, 0.009, 0.004, 0.004))) == Echoed(0, 0.004, pytest.approx(0.003))
    assert told(model, Echo(5, (0.004, 0.006))) == Echoed(pytest.approx(0.6), 0.005, pytest.approx(0.002))
    assert told(model, Echo(5, (0.004,))) == Echoed(pytest.approx(0.8), 0.004, None)
    assert told(model, Echo(5, ())) == Echoed(1.0)


@pytest.mark.parametrize("model", MODELS)
def test_the_packets_are_real(model: str) -> None:
    profile = device(model)
    assert profile.ping
    said = agent_ping.answer(profile.netmiko, profile.ping.command.format(address="127.0.0.1"), None)
    assert said is not None
    found = echoed(profile.ping, said)
    assert found.loss < 1
    assert found.rtt
    assert agent_ping.answer(profile.netmiko, "/export", None) is None
