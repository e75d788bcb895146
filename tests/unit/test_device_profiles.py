"""Device profiles: units there and back, and commands that a device of that vendor takes and shows again."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.catalogue.device import Device, device, managed, short_rate
from ops.catalogue.optical import Column, Piece
from ops.errors import OpsError
from ops.twin.agent_cli import LANGUAGES, Configuration, Limit

PORTS = {"mikrotik": ["sfp1", "bridge-lan"], "huawei": ["GigabitEthernet0/0/1", "GigabitEthernet0/0/2"]}
POWERS = ("receive_power_dbm", "transmit_power_dbm")


def typed(profile: Device, commands: list[str], configuration: Configuration) -> str:
    """What a device of that vendor answers to a login that types `commands`."""
    language, _ = LANGUAGES[profile.netmiko]
    ports = next(ports for vendor, ports in PORTS.items() if profile.netmiko.startswith(vendor))
    session = language("rtr", "kominfo", ports, configuration)
    enter, leave = (["system-view"], ["return"]) if profile.queue.config_mode else ([], [])
    return "\n".join(session.line(command) or "" for command in [*enter, *commands, *leave]).replace("\r\n", "\n")


def shown(profile: Device, configuration: Configuration) -> list[dict[str, str]]:
    language, _ = LANGUAGES[profile.netmiko]
    ports = next(ports for vendor, ports in PORTS.items() if profile.netmiko.startswith(vendor))
    text = (language("rtr", "kominfo", ports, configuration).line(profile.queue.read) or "").replace("\r\n", "\n")
    return [found.groupdict() for found in re.finditer(profile.queue.parse, text)]


@pytest.mark.parametrize("model", managed())
@given(download=st.integers(64, 1_000_000), upload=st.integers(64, 1_000_000))
def test_a_contract_that_is_set_is_read_back_and_removed(model: str, download: int, upload: int) -> None:
    profile = device(model)
    ports = next(ports for vendor, ports in PORTS.items() if profile.netmiko.startswith(vendor))
    rates = {"download": profile.queue.rate(download * 1000), "upload": profile.queue.rate(upload * 1000)}
    words = {"name": "kec-talawi.wan", "ifname": ports[0], "lan": "10.41.36.0/24", **rates}
    configuration: Configuration = {}
    answer = typed(profile, [command.format(**words) for command in profile.queue.set], configuration)
    assert not re.search(profile.queue.error, answer)
    (found,) = shown(profile, configuration)
    assert (found["name"], found["ifname"], found["lan"]) == ("kec-talawi.wan", ports[0], "10.41.36.0/24")
    assert profile.queue.bits(found["download"]) == download * 1000
    assert profile.queue.bits(found["upload"]) == upload * 1000
    limits = LANGUAGES[profile.netmiko][1](configuration)
    assert limits == [Limit(ports[0], download * 1000, upload * 1000)]
    typed(profile, [command.format(**words) for command in profile.queue.remove], configuration)
    assert shown(profile, configuration) == []


@pytest.mark.parametrize("model", managed())
def test_a_port_that_is_not_there_is_refused_in_the_devices_own_words(model: str) -> None:
    profile = device(model)
    words = {"name": "x.wan", "ifname": "nosuch9", "lan": "10.0.0.0/24", "download": "1000", "upload": "1000"}
    answer = typed(profile, [command.format(**words) for command in profile.queue.set], {})
    assert re.search(profile.queue.error, answer)


def test_other_queues_on_the_device_are_left_alone() -> None:
    theirs = {"guest-wifi": {"target": "10.9.0.0/24", "dst": "sfp1", "max-limit": "5M/5M"}}
    assert shown(device("mikrotik_routeros"), theirs) == []


@pytest.mark.parametrize("model", managed())
@given(power=st.floats(-30, 8))
def test_light_is_the_same_after_the_devices_units(model: str, power: float) -> None:
    optical = device(model).optical
    assert optical
    for name in POWERS:
        column = optical.tables[0].columns[name]
        value = column.value(column.raw(power))
        assert value is not None
        assert value == pytest.approx(power, abs=0.02)
        assert column.value(column.raw(None)) is None


@pytest.mark.parametrize(
    ("raw", "dbm"), [(-1850, -18.5), (1000, 0.0), (501, pytest.approx(-3.0, abs=0.01)), (-1, None), (2147483647, None)]
)
def test_huawei_says_hundredths_below_zero_and_microwatt_above(raw: int, dbm: float | None) -> None:
    pieces = (Piece(most=0, divide=100), Piece(least=1, divide=1000, unit="milliwatt"))
    column = Column(oid="1.3.6", pieces=pieces, invalid=(-1, 2147483647))
    assert column.value(raw) == dbm


def test_mikrotik_zero_is_no_light() -> None:
    optical = device("mikrotik_routeros").optical
    assert optical
    assert optical.tables[0].columns["receive_power_dbm"].value(0) is None
    assert optical.tables[0].columns["receive_power_dbm"].value(-18_512) == -18.512


def test_a_device_that_counts_in_kilobits_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="1000 bit/s"):
        device("huawei_vrp").queue.rate(50_000_500)


@given(st.integers(1, 10**11))
def test_short_rates_are_read_back(bits: int) -> None:
    assert device("mikrotik_routeros").queue.bits(short_rate(bits)) == bits


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(OpsError, match="no device profile toaster") as failed:
        device("toaster")
    assert "mikrotik_routeros" in failed.value.next_step
