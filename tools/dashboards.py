"""Write exporters/dashboards/json/*.json from exporters/dashboards/*.py: `python tools/dashboards.py [FOLDER]`.

Runs at development only, with grafana-foundation-sdk, whose types are those of Grafana 11.6; newer ones migrate the
JSON when they read it. Equal boards give equal bytes.
"""

# ruff: noqa: INP001 # a folder of scripts, no package

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

import exporters.dashboards
from exporters.dashboards.board import WHOLE_WIDTH, Board, Choice, Look, Panel, Query

FOLDER = Path(exporters.dashboards.__path__[0]) / "json"
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
NO_DATA = "no data"


def boards() -> dict[str, Board]:
    """Every board by its file's name."""
    names = sorted(found.name for found in pkgutil.iter_modules(exporters.dashboards.__path__))
    modules = {name: importlib.import_module(f"exporters.dashboards.{name}") for name in names}
    return {name: module.BOARD for name, module in modules.items() if hasattr(module, "BOARD")}


def text(board: Board) -> str:
    """The board as Grafana reads it."""
    return json.dumps(built(board), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def built(board: Board) -> model.Dashboard:
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["kominfo"])
        .readonly()
        .timezone("browser")
        .refresh(board.refresh)
        .time(f"now-{board.hours}h", "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for choice in board.choices:
        made.with_variable(_choice(choice))
    number, top = 1, 0
    for title, panels in board.rows:
        made.with_row(dashboard.Row(title).id(number).grid_pos(model.GridPos(h=1, w=WHOLE_WIDTH, x=0, y=top)))
        number, top = number + 1, top + 1
        left = tallest = 0
        for panel in panels:
            if left + panel.width > WHOLE_WIDTH:
                left, top, tallest = 0, top + tallest, 0
            made.with_panel(_panel(panel).id(number).grid_pos(model.GridPos(panel.height, panel.width, left, top)))
            number, left, tallest = number + 1, left + panel.width, max(tallest, panel.height)
        top += tallest
    return made.build()


def _choice(choice: Choice) -> dashboard.QueryVariable:
    asked = f"label_values({choice.series}, {choice.label})"
    return (
        dashboard.QueryVariable(choice.name)
        .label(choice.title)
        .datasource(SOURCE)
        .query({"query": asked, "refId": choice.name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .include_all(False)
        .multi(False)
    )


def _panel(panel: Panel) -> Any:
    made = {Look.LINES: _lines, Look.FIGURE: _figure, Look.TABLE: _table}[panel.look]()
    made.title(panel.title).description(panel.description).unit(panel.unit).no_value(NO_DATA).datasource(SOURCE)
    for at, query in enumerate(panel.queries):
        made.with_target(_target(query, chr(ord("A") + at), panel.look))
    if panel.steps:
        steps = [model.Threshold(value=value, color=colour) for value, colour in panel.steps]
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
        made.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    if panel.words:
        said = {
            value: model.ValueMappingResult(text=word, color=colour, index=at)
            for at, (value, word, colour) in enumerate(panel.words)
        }
        made.mappings([model.ValueMap(options=said)])
    return made


def _lines() -> Any:
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST)
    legend.placement(shapes.LegendPlacement.BOTTOM).show_legend(True)
    return timeseries.Panel().legend(legend).fill_opacity(8).line_width(1).show_points(shapes.VisibilityMode.NEVER)


def _figure() -> Any:
    last = common.ReduceDataOptions().calcs(["last"]).values(False)  # not lastNotNull: what is gone is gone
    return stat.Panel().reduce_options(last).color_mode(shapes.BigValueColorMode.BACKGROUND)


def _table() -> Any:
    hidden = model.DataTransformerConfig(
        id_val="organize", options={"excludeByName": {"Time": True, "__name__": True, "job": True, "instance": True}}
    )
    made = table.Panel().frame_index(0).show_header(True)
    return made.with_transformation(hidden).align(shapes.FieldTextAlignment.AUTO).inspect(inspect=False)


def _target(query: Query, letter: str, look: Look) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(SOURCE)
    if query.legend:
        made.legend_format(query.legend)
    if look is Look.LINES:
        return made.range()
    return made.instant().format(PromQueryFormat.TABLE if look is Look.TABLE else PromQueryFormat.TIME_SERIES)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, board in boards().items():
        (folder / f"{name}.json").write_text(text(board), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
