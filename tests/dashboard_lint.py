"""Rules that every dashboard keeps; `faults` names what does not. Whether a query parses is asked of Prometheus."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import exporters.dashboards
from exporters.dashboards.board import Board, Panel
from exporters.metrics import table

RULES = Path(__file__).parents[1] / "exporters/rules"
NOT_OURS = re.compile(r"node_\w+|prometheus_\w+|process_\w+|up|ALERTS")
WORDS = set(
    re.findall(
        r"\w+",
        """abs absent avg avg_over_time bottomk by count delta group_left increase max max_over_time min on or rate
        sort sort_desc sum time timestamp topk""",
    )
)


def boards_of() -> dict[str, Board]:
    """Every board by its file's name."""
    found = [one.name for one in pkgutil.iter_modules(exporters.dashboards.__path__)]
    modules = {name: importlib.import_module(f"exporters.dashboards.{name}") for name in sorted(found)}
    return {name: module.BOARD for name, module in modules.items() if hasattr(module, "BOARD")}


def recorded() -> set[str]:
    """The series that recording rules make."""
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in RULES.glob("*.yml")]
    return {rule["record"] for told in files for group in told["groups"] for rule in group["rules"]}


def faults(board: Board, told: dict[str, Any] | None = None) -> list[str]:
    """Every broken rule of a board, and of its JSON when it is given."""
    panels = [f"{panel.title}: {fault}" for panel in board.panels for fault in _of_panel(panel)]
    if not any("absent(" in query.expr for panel in board.panels for query in panel.queries):
        panels.append("no panel tells the age of the data")
    return panels + list(_of_json(told) if told else ())


def _of_panel(panel: Panel) -> Iterator[str]:
    if not panel.title or not panel.description:
        yield "no title or no description"
    if not panel.unit:
        yield "no unit"
    if not panel.queries or not all(query.expr.strip() for query in panel.queries):
        yield "no query"
    for query in panel.queries:
        yield from _of_query(query.expr)


def _of_query(expr: str) -> Iterator[str]:
    plain = re.sub(r'"[^"]*"', '""', expr)
    for counter in re.finditer(r"(?<![\w:])\w+_total\b", plain):
        if not re.search(r"\b(rate|increase)\($", plain[: counter.start()]):
            yield f"{counter[0]} stands outside of rate()"
    for window in re.findall(r"\b(?:rate|increase)\([^()]*\[([^\]]*)\]", plain):
        if window != "$__rate_interval":
            yield f"a rate over [{window}] and not [$__rate_interval]"
    if "vector(" in plain:
        yield "makes up a value where there is none"
    for name in names(expr):
        if name not in table() and name not in recorded() and not NOT_OURS.fullmatch(name):
            yield f"nobody serves {name}"


def names(expr: str) -> set[str]:
    """The series that a query reads."""
    plain = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", expr)
    plain = re.sub(r"\b(?:by|on|group_left|without|ignoring)\s*\([^)]*\)", " ", plain)
    return {word for word in re.findall(r"(?<![\w:.])[a-zA-Z_][\w:]*", plain) if word not in WORDS}


def _of_json(told: dict[str, Any]) -> Iterator[str]:
    if told.get("editable") is not False:
        yield "editable"
    kinds = [one["type"] for one in told["templating"]["list"]]
    if kinds[:1] != ["datasource"]:
        yield "the data source is not a choice"
    for panel in told["panels"]:
        sources = [panel, *panel.get("targets", ())] if panel["type"] != "row" else []
        if any(one["datasource"]["uid"] != "${datasource}" for one in sources):
            yield f"{panel['title']}: the data source is fixed"
