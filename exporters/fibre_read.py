"""What Prometheus (or, without one, the exporter) knows of every link and backbone port, now and over the months.

Labels join a series to the inventory: `device` and `ifname` name a port, `device` alone a router.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exporters.read import Value, probe
from ops.errors import HostFailedError
from ops.fibre.evidence import Measured
from ops.fibre.health import History
from ops.fibre.trend import DAY, Point
from ops.inventory.model import Link, Region
from ops.inventory.watched import watched_ports
from ops.system import http
from ops.world import World

PROMETHEUS_PORT = 9090
SECONDS = 5.0  # of patience with Prometheus: the one who asks waits too
HISTORY_DAYS = 90
_STEP = DAY / 4  # between readings of the history
_RECEIVED, _SENT, _BIAS = (
    "opd_optical_receive_power_dbm",
    "opd_optical_transmit_power_dbm",
    "opd_optical_bias_amperes",
)
_PORT_FIELDS = {
    "opd_interface_up": "port_up",
    "opd_optical_rx_loss": "no_light",
    _RECEIVED: "received",
    _SENT: "sent",
    _BIAS: "bias",
    "opd_optical_power_low_alarm_dbm": "floor",
    "opd_link_packet_loss_ratio": "lost",
}
_TRUTHS = {"port_up", "no_light"}
_NOW = "|".join(["opd_poll_up", *_PORT_FIELDS])
Port = tuple[str, str]  # device, ifname


def prometheus_of(world: World) -> str | None:
    """The URL of the region's Prometheus; None when none is declared."""
    servers = world.region.group("monitoring")
    if not servers:
        return None
    address, port = world.reach(str(servers[0].address), PROMETHEUS_PORT)
    return f"http://{address}:{port}"


def values_now(world: World) -> tuple[list[Value], str]:
    """The last values of all that localisation goes by, and who told them. HostFailedError when nobody can."""
    prometheus, exporter = prometheus_of(world), _exporter_of(world)
    try:
        if found := values_kept(world):
            return found, "Prometheus"
    except HostFailedError:
        pass  # the exporter itself may still be there
    devices = {link.router for opd in world.region.opds for link in opd.links}
    devices |= {one.router.name for one in watched_ports(world.region)}
    try:
        return probe(exporter, sorted(devices)), "the exporter"
    except HostFailedError as error:
        step = f"ops exporter serve; Prometheus at {prometheus or '(none declared)'} had no series either"
        raise HostFailedError(error.host, error.what.removeprefix(f"{error.host}: "), step) from None


def values_kept(world: World) -> list[Value]:
    """The last values that Prometheus has; none where no Prometheus is declared. HostFailedError: silent."""
    prometheus = prometheus_of(world)
    return instant(prometheus, f'{{__name__=~"{_NOW}"}}') if prometheus else []


def _exporter_of(world: World) -> str:
    station = world.region.station
    address, port = world.reach(str(station.address), station.exporter_port)
    return f"http://{address}:{port}"


def instant(prometheus: str, expression: str) -> list[Value]:
    """An instant query's vector with all labels. HostFailedError when it is refused."""
    rows = _ask(prometheus, "query", {"query": expression}, "vector")
    return [_value(row["metric"], row["value"][1]) for row in rows]


def _value(metric: Mapping[str, str], number: str) -> Value:
    labels = {name: text for name, text in metric.items() if name != "__name__"}
    return Value(metric.get("__name__", ""), labels, float(number))


def _ask(prometheus: str, verb: str, query: Mapping[str, str], kind: str) -> list[dict[str, Any]]:
    answer = http.get_json(f"{prometheus}/api/v1/{verb}", query, SECONDS)
    if answer.get("status") != "success" or answer["data"]["resultType"] != kind:
        raise HostFailedError(prometheus, f"Prometheus: {answer.get('error', f'no {kind}')}")
    rows: list[dict[str, Any]] = answer["data"]["result"]
    return rows


def measured(region: Region, values: Iterable[Value]) -> dict[str, Measured]:
    """By rider (see ops.fibre.riders.of_region) what was measured of it; those that nothing is known of are absent."""
    ports: dict[Port, dict[str, Any]] = {}
    answered: dict[str, bool] = {}
    for one in values:
        device, ifname = one.labels.get("device", ""), one.labels.get("ifname", "")
        if one.name == "opd_poll_up":
            answered[device] = one.value == 1
        elif field := _PORT_FIELDS.get(one.name):
            ports.setdefault((device, ifname), {})[field] = bool(one.value) if field in _TRUTHS else one.value
    found = {}
    for name, (device, ifname), alone in _declared(region):
        known = ports.get((device, ifname), {})
        if alone is None and known:
            found[name] = Measured(alone=False, **known)
        elif alone is not None and (known or device in answered):
            found[name] = Measured(answered=answered.get(device), alone=alone, **known)
    return found


def _declared(region: Region) -> Iterator[tuple[str, Port, bool | None]]:
    """(rider, its port, whether the device has no other way to answer by).

    None for a backbone port: whether its device answers, over whichever segment, says nothing of it.
    """
    for opd in region.opds:
        for link in opd.links:
            others = [other for other in opd.links if other.router == link.router]
            yield f"{opd.code}/{link.name}", (link.router, link.ifname), len(others) == 1
    for segment in region.plant.segments:
        for port in segment.ports:
            yield f"{port.device} {port.ifname}", (port.device, port.ifname), None


def histories(prometheus: str, links: Iterable[Link], now: float | None = None) -> dict[Port, History]:
    """Readings of the last HISTORY_DAYS of these links' ports, with the light that their far ends send where those are
    declared. HostFailedError when Prometheus does not answer."""
    ends = {(link.router, link.ifname): (far.device, far.ifname) if (far := link.far_end) else None for link in links}
    if not ends:
        return {}
    mine, theirs = {device for device, _ in ends}, {far[0] for far in ends.values() if far}
    asked = {_RECEIVED: mine, _SENT: mine | theirs, _BIAS: mine}
    end = time.time() if now is None else now
    found = {metric: _past(prometheus, metric, devices, end) for metric, devices in asked.items()}
    return {
        port: History(
            found[_RECEIVED][port],
            found[_SENT].get(port, ()),
            found[_BIAS].get(port, ()),
            found[_SENT].get(far, ()) if far else (),
        )
        for port, far in ends.items()
        if port in found[_RECEIVED]
    }


def _past(prometheus: str, metric: str, devices: Iterable[str], end: float) -> dict[Port, list[Point]]:
    """By port the readings of its own module: not those of ONUs behind it."""
    query = {
        "query": f'{metric}{{device=~"{"|".join(sorted(devices))}",onu=""}}',
        "start": str(end - HISTORY_DAYS * DAY),
        "end": str(end),
        "step": str(_STEP),
    }
    return {
        (row["metric"].get("device", ""), row["metric"].get("ifname", "")): [
            (float(at), float(value)) for at, value in row["values"]
        ]
        for row in _ask(prometheus, "query_range", query, "matrix")
    }
