"""What a dashboard is made of. A panel whose query gives nothing says "no data": nothing here makes up a zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

GREEN, AMBER, RED, GREY = "green", "orange", "red", "text"
NEVER = 10**9  # seconds that `age` gives for what is not there at all
WHOLE_WIDTH = 24  # of Grafana's grid


class Look(StrEnum):
    """How a panel shows its series; the values are Grafana's names."""

    LINES = "timeseries"
    FIGURE = "stat"  # the last value, large
    TABLE = "table"  # the last value of each series, a row each


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what a series of it is called (`{{label}}`)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's id. `steps`: colours from a value on, the first from the lowest. `words`: a value, the
    text in its place, and the colour. `may_be_empty`: why no series at all is a good sign (or no sign).
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    look: Look = Look.LINES
    width: int = 8
    height: int = 8
    steps: tuple[tuple[float | None, str], ...] = ()
    words: tuple[tuple[str, str, str], ...] = ()
    may_be_empty: str = ""
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A list at the top of the board: `$name` in queries is one of the values of `label` that `series` has."""

    name: str
    title: str
    series: str
    label: str


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard: rows of panels under their titles."""

    uid: str
    title: str
    description: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    choices: tuple[Choice, ...] = ()
    refresh: str = "30s"
    hours: int = 6  # that it shows when it is opened

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for _, panels in self.rows for panel in panels)


def lines(title: str, description: str, unit: str, *queries: Query, width: int = 8, may_be_empty: str = "") -> Panel:
    return Panel(title, description, unit, queries, width=width, may_be_empty=may_be_empty)


def figure(
    title: str, description: str, unit: str, expr: str, *steps: tuple[float | None, str], width: int = 4
) -> Panel:
    """One number. Without steps it has no colour that judges."""
    return Panel(title, description, unit, (Query(expr),), Look.FIGURE, width, 4, steps or ((None, GREY),))


def rows(
    title: str,
    description: str,
    unit: str,
    expr: str,
    *steps: tuple[float | None, str],
    width: int = 8,
    may_be_empty: str = "",
) -> Panel:
    """A table: a row for each series, the worst first if the query sorts."""
    return Panel(
        title,
        description,
        unit,
        (Query(expr),),
        Look.TABLE,
        width,
        9,
        steps or ((None, GREY),),
        may_be_empty=may_be_empty,
    )


def age(series: str, what: str, fresh: int = 60) -> Panel:
    """The twin of a board's panels: how old their data is, in seconds; red, with words, when there is none at all."""
    expr = f"max(time() - timestamp({series})) or {NEVER} * absent({series})"
    return Panel(
        "Age of the data",
        f"How long ago {what}. Panels beside a red figure here show the past, or nothing.",
        "s",
        (Query(expr),),
        Look.FIGURE,
        4,
        4,
        ((None, GREEN), (float(fresh), AMBER), (float(3 * fresh), RED)),
        ((str(NEVER), "no data", RED),),
    )


def since(expr: str) -> str:
    """Seconds since a Unix time that `expr` gives."""
    return f"time() - {expr}"
