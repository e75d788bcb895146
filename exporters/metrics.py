"""The table of metrics (`metrics.yml`) and samples as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from prometheus_client.metrics_core import GaugeMetricFamily

LABELS = {
    "port": ("opd", "site", "device", "ifname"),
    "light": ("opd", "site", "device", "ifname", "lane", "onu", "side"),
    "device": ("opd", "site", "device"),
    "alias": ("opd", "site", "device", "ifname", "ifalias"),
}
BACKBONE = {  # the same of devices and ports that belong to no office: never with a label opd
    "port": ("site", "device", "ifname", "segment"),
    "light": ("site", "device", "ifname", "segment", "lane", "onu", "side"),
    "device": ("site", "device"),
    "alias": ("site", "device", "ifname", "ifalias", "segment"),
}
OPTIONAL = {
    "lane",
    "onu",
    "side",
    "segment",
}  # only where there are several modules behind a port, or it is a segment's
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    type: str
    labels: tuple[str, ...]
    help: str
    backbone: tuple[str, ...] = ()  # labels of its series that belong to no office; none: it has no such series


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `labels`: pairs in the table's order."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


@cache
def table() -> Mapping[str, Metric]:
    """Every metric by name."""
    text = (resources.files("exporters") / "metrics.yml").read_text(encoding="utf-8")
    rows: dict[str, dict[str, Any]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return {
        name: Metric(
            name,
            row["type"],
            LABELS[row["labels"]] if isinstance(row["labels"], str) else tuple(row["labels"]),
            row["help"],
            BACKBONE[row["labels"]] if isinstance(row["labels"], str) else (),
        )
        for name, row in rows.items()
    }


def family(name: str) -> GaugeMetricFamily:
    """An empty gauge of the table, for a collector to fill."""
    from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415 # readers of the table do not need it

    metric = table()[name]
    return GaugeMetricFamily(name, metric.help, labels=list(metric.labels))


def sample(name: str, labels: Mapping[str, str], value: float) -> Sample:
    """A sample of a metric of the table. KeyError for a name or a label that the table does not hold."""
    return Sample(name, label_pairs(name, labels), value)


def label_pairs(name: str, labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The labels of a series in the table's order; optional ones only where they say something.

    Without `opd` it is a series of the backbone.
    """
    metric = table()[name]
    known = metric.labels if "opd" in labels or not metric.backbone else metric.backbone
    wanted = (label for label in known if labels.get(label) or label not in OPTIONAL)
    return tuple((label, labels[label]) for label in wanted)


def render(samples: Iterable[Sample]) -> str:
    """Prometheus text, grouped by metric in the table's order. Values that are no number are left out."""
    groups: dict[str, list[Sample]] = {}
    for one in samples:
        if math.isfinite(one.value):
            groups.setdefault(one.name, []).append(one)
    lines = []
    for name in table():
        if name in groups:
            lines.append(head(name))
            lines += [f"{one.name}{labels_text(one.labels)}{_number(one.value)}" for one in groups[name]]
    return "\n".join(lines) + "\n" if lines else ""


@cache
def head(name: str) -> str:
    """The two lines above the series of a metric."""
    metric = table()[name]
    return f"# HELP {name} {metric.help}\n# TYPE {name} {metric.type}"


@lru_cache(maxsize=100)
def labels_text(labels: tuple[tuple[str, str], ...]) -> str:
    """`{label="value",…} `, all that stands between a name and a value; one text for the many series of a port."""
    inside = ",".join(f'{label}="{_escape(value)}"' for label, value in labels)
    return f"{{{inside}}} " if inside else " "


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 2**63 else repr(value)
