"""What Prometheus, or an exporter, knows of the offices, for those who show it or prove something with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ops.errors import HostFailedError
from ops.system import http

AT_ONCE = 16  # devices that an exporter is asked for at the same time
_CODE = re.compile(r"[a-z][a-z0-9-]{1,29}")


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bits per second over all links of an office, seen from the office."""

    receive_bps: float
    transmit_bps: float


def query(prometheus: str, expression: str) -> dict[str, float]:
    """An instant query's vector by its `opd` label ("" where there is none). HostFailedError when it is refused."""
    answer = http.get_json(f"{prometheus.rstrip('/')}/api/v1/query", {"query": expression})
    if answer.get("status") != "success" or answer["data"]["resultType"] != "vector":
        raise HostFailedError(prometheus, f"Prometheus: {answer.get('error', 'no vector')}")
    return {one["metric"].get("opd", ""): float(one["value"][1]) for one in answer["data"]["result"]}


def bandwidth(prometheus: str, opd: str, seconds: int = 60) -> Bandwidth | None:
    """Mean over the last `seconds` (at least two scrapes must lie in it); None while nothing was measured."""
    found = bandwidths(prometheus, opd, seconds)
    return found.get(opd)


def bandwidths(prometheus: str, opd: str = "", seconds: int = 60) -> dict[str, Bandwidth]:
    """By office code; of all offices unless one is named."""
    if opd and not _CODE.fullmatch(opd):
        raise ValueError(f"{opd!r} is no office's code")
    chosen = f'{{opd="{opd}"}}' if opd else '{opd!=""}'
    rates = [
        query(prometheus, f"sum by (opd) (rate(opd_interface_{way}_bytes_total{chosen}[{seconds}s])) * 8")
        for way in ("receive", "transmit")
    ]
    return {code: Bandwidth(rates[0][code], rates[1][code]) for code in rates[0].keys() & rates[1].keys()}


def devices_up(prometheus: str) -> tuple[int, int]:
    """(devices that answer, devices that are asked)."""
    up = query(prometheus, "sum(opd_poll_up) or vector(0)")
    asked = query(prometheus, "count(opd_poll_up) or vector(0)")
    return int(up.get("", 0)), int(asked.get("", 0))


@dataclass(frozen=True, slots=True)
class Value:
    """One sample that an exporter gave."""

    name: str
    labels: Mapping[str, str]
    value: float


def probe(exporter: str, devices: Sequence[str]) -> list[Value]:
    """What the exporter itself measures of devices right now; one that is silent gives `opd_poll_up` 0."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 # only who asks it directly

    def ask(device: str) -> bytes:
        return http.get(f"{exporter}/probe", {"target": device})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        texts = [body.decode() for body in pool.map(ask, devices)]
    families = [family for text in texts for family in text_string_to_metric_families(text)]
    return [Value(one.name, one.labels, one.value) for family in families for one in family.samples]


def least_by_opd(values: Iterable[Value], name: str) -> dict[str, float]:
    """The least value of a metric by office code."""
    found: dict[str, float] = {}
    for one in values:
        if one.name == name:
            found[one.labels["opd"]] = min(one.value, found.get(one.labels["opd"], one.value))
    return found
