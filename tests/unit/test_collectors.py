"""What a device's values become: direction, units, and above all what is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from exporters.collectors import declared, interface, link, optics
from exporters.collectors.contract import Collector, Port, Reading
from exporters.metrics import Sample, render
from exporters.sensor import Sensor, sensor_of
from ops.catalogue.device import device
from ops.inventory.load import load
from ops.inventory.watched import watched
from ops.system.echo import Echo
from ops.system.snmp import Held

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
WATCHED = {one.router.name: one for one in watched(load(INVENTORY).opds)}
IFX, IF = "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.2.2.1"


def sensors(model: str, index: str) -> tuple[Sensor, ...]:
    """What discovery makes of a port's row in a vendor's first optical table."""
    optical = device(model).optical
    assert optical
    columns = optical.tables[0].columns
    return tuple(sensor_of(optic, column, f"{column.oid}.{index}") for optic, column in columns.items())


MIKROTIK = Port(WATCHED["dinkes-rtr1"], device("mikrotik_routeros"), "7", sensors("mikrotik_routeros", "7"), -8.4)
HUAWEI = Port(WATCHED["rsud-rtr1"], device("huawei_vrp"), "7", sensors("huawei_vrp", "67108871"), -12.8)


def values(collector: Collector, port: Port, held: dict[str, Held], echo: Echo | None = None) -> dict[str, float]:
    return {one.name.removeprefix("opd_"): one.value for one in collector.samples(port, Reading(held, echo))}


def light(port: Port, **columns: int) -> dict[str, Held]:
    oids = {sensor.optic: sensor.oid for sensor in port.sensors}
    return {oids[name]: raw for name, raw in columns.items()}  # type: ignore[index]


def test_receive_is_what_comes_in_and_64_bits_are_believed_first() -> None:
    held: dict[str, Held] = {f"{IFX}.6.7": 111, f"{IFX}.10.7": 222, f"{IF}.10.7": 1, f"{IF}.16.7": 2}
    found = values(interface.COLLECTOR, MIKROTIK, held)
    assert (found["interface_receive_bytes_total"], found["interface_transmit_bytes_total"]) == (111, 222)


def test_32_bits_serve_where_there_are_no_64() -> None:
    found = values(interface.COLLECTOR, MIKROTIK, {f"{IF}.10.7": 1, f"{IF}.16.7": 2})
    assert found == {"interface_receive_bytes_total": 1, "interface_transmit_bytes_total": 2}


def test_counters_stay_exact_in_a_double() -> None:
    found = values(interface.COLLECTOR, MIKROTIK, {f"{IFX}.6.7": 2**53 + 5})
    assert found == {"interface_receive_bytes_total": 5}


@pytest.mark.parametrize(("status", "up"), [(1, 1), (2, 0), (6, 0), (7, 0)])
def test_only_up_is_up(status: int, up: float) -> None:
    assert values(interface.COLLECTOR, MIKROTIK, {f"{IF}.8.7": status}) == {"interface_up": up}


def test_errors_and_discards_are_not_mixed_up() -> None:
    held: dict[str, Held] = {f"{IF}.13.7": 13, f"{IF}.14.7": 14, f"{IF}.19.7": 19, f"{IF}.20.7": 20}
    assert values(interface.COLLECTOR, MIKROTIK, held) == {
        "interface_receive_discards_total": 13,
        "interface_receive_errors_total": 14,
        "interface_transmit_discards_total": 19,
        "interface_transmit_errors_total": 20,
    }


def test_speed_is_in_bytes_and_an_unknown_one_is_absent() -> None:
    assert values(interface.COLLECTOR, MIKROTIK, {f"{IFX}.15.7": 1000}) == {"interface_speed_bytes": 125e6}
    assert values(interface.COLLECTOR, MIKROTIK, {f"{IFX}.15.7": 0}) == {}


def test_lit_fibre_has_power_and_no_loss() -> None:
    held = light(MIKROTIK, receive_power_dbm=-8412, transmit_power_dbm=-5000, rx_loss=0)
    found = values(optics.COLLECTOR, MIKROTIK, held)
    assert found == {"optical_receive_power_dbm": -8.412, "optical_transmit_power_dbm": -5, "optical_rx_loss": 0}


@pytest.mark.parametrize("said", [0, -40_000, -60_000])
def test_dark_fibre_has_no_power_whatever_figure_the_device_makes_up(said: int) -> None:
    held = light(MIKROTIK, receive_power_dbm=said, transmit_power_dbm=-5000, rx_loss=1)
    assert values(optics.COLLECTOR, MIKROTIK, held) == {"optical_transmit_power_dbm": -5, "optical_rx_loss": 1}


def test_an_empty_cage_is_no_alarm() -> None:
    held = light(MIKROTIK, receive_power_dbm=0, transmit_power_dbm=0, rx_loss=1)
    assert values(optics.COLLECTOR, MIKROTIK, held) == {}


def test_a_vendor_without_a_loss_flag_is_dark_when_it_sends_and_receives_nothing() -> None:
    held = light(HUAWEI, receive_power_dbm=-1, transmit_power_dbm=-500)
    assert values(optics.COLLECTOR, HUAWEI, held) == {"optical_transmit_power_dbm": -5, "optical_rx_loss": 1}


def test_a_column_that_was_not_answered_says_nothing_about_light() -> None:
    assert values(optics.COLLECTOR, HUAWEI, light(HUAWEI, transmit_power_dbm=-500)) == {
        "optical_transmit_power_dbm": -5
    }


def test_a_port_whose_light_was_not_found_is_not_asked_for_it() -> None:
    lost = Port(HUAWEI.watched, HUAWEI.device, "7")
    assert list(optics.COLLECTOR.oids(lost)) == []


def test_thresholds_of_a_module_are_told_whatever_the_poll_says() -> None:
    (received, *_) = MIKROTIK.sensors
    port = replace(MIKROTIK, sensors=(replace(received, limits={"low_alarm": -23.0, "high_warning": 0.5}),))
    assert values(optics.COLLECTOR, port, {}) == {
        "optical_power_low_alarm_dbm": -23,
        "optical_power_high_warning_dbm": 0.5,
    }


def test_lanes_and_onus_are_series_of_their_own() -> None:
    (received, *_) = MIKROTIK.sensors
    lanes = tuple(replace(received, oid=f"1.{lane}", lane=str(lane)) for lane in (1, 2))
    found = optics.COLLECTOR.samples(replace(MIKROTIK, sensors=lanes), Reading({"1.1": -3000, "1.2": -4000}))
    said = {(one.name, dict(one.labels).get("lane")): one.value for one in found}
    assert said["opd_optical_receive_power_dbm", "1"] == -3
    assert said["opd_optical_receive_power_dbm", "2"] == -4
    assert ("opd_optical_receive_power_dbm", None) not in said


@pytest.mark.parametrize("collector", [interface.COLLECTOR, optics.COLLECTOR, link.COLLECTOR])
def test_a_silent_device_has_no_samples(collector: Collector) -> None:
    assert values(collector, MIKROTIK, {}) == {}


def test_what_was_promised_is_told_without_any_answer() -> None:
    assert values(declared.COLLECTOR, MIKROTIK, {}) == {
        "contract_download_bytes_per_second": 6.25e6,
        "contract_upload_bytes_per_second": 6.25e6,
        "contract_latency_seconds": 0.02,
        "optical_budget_receive_power_dbm": -8.4,
        "link_info": 1,
    }


def test_loss_is_a_share_and_latency_a_median() -> None:
    found = values(link.COLLECTOR, MIKROTIK, {}, Echo(5, (0.010, 0.030, 0.020, 0.9)))
    assert found == {
        "link_packet_loss_ratio": pytest.approx(0.2),
        "link_latency_seconds": pytest.approx(0.025),
        "link_jitter_seconds": pytest.approx((0.02 + 0.01 + 0.88) / 3),
    }
    assert values(link.COLLECTOR, MIKROTIK, {}, Echo(5, ())) == {"link_packet_loss_ratio": 1}


def test_text_is_grouped_escaped_and_free_of_what_is_no_number() -> None:
    labels = (("opd", 'a"b\\c\nd'), ("site", "s"), ("device", "d"))
    text = render([Sample("opd_poll_up", labels, 1.0), Sample("opd_poll_values", labels, float("nan"))])
    assert text == (
        "# HELP opd_poll_up 1 when the device answered over SNMP\n# TYPE opd_poll_up gauge\n"
        'opd_poll_up{opd="a\\"b\\\\c\\nd",site="s",device="d"} 1\n'
    )
