"""Tables that sort, filter, turn pages and go out as CSV, all by the address: they need no JavaScript."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from ops.web.rendering import scrubbed
from ops.web.visit import Visit

PAGE = 100  # rows
_RISKY = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes what begins so for a formula
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """`key`: of a row's value, by which it sorts · `title`: a marked text · `number`: stands to the right.

    `shown`: the value as text for the filter and for CSV; the template writes its own.
    """

    key: str
    title: str
    number: bool = False
    shown: Callable[[Any], str] = lambda value: "" if value is None else str(value)


@dataclass(frozen=True)
class Table:
    """`rows`: of this page · `total`: of all that the filter lets through · `all`: those, for CSV."""

    visit: Visit
    columns: Sequence[Column]
    all: Sequence[Row]
    sort: str
    descending: bool
    q: str
    page: int
    size: int

    @property
    def rows(self) -> Sequence[Row]:
        return self.all[self.page * self.size : (self.page + 1) * self.size]

    @property
    def total(self) -> int:
        return len(self.all)

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def wants_csv(self) -> bool:
        return self.visit.query.get("format") == "csv"

    def csv(self, name: str) -> Response:
        """All rows as a file `<name>.csv`, UTF-8 with the mark that spreadsheets need to see it."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([self.visit.words.text(column.title) for column in self.columns])
        writer.writerows([_safe(column.shown(row.get(column.key))) for column in self.columns] for row in self.all)
        headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
        text = scrubbed(self.visit, out.getvalue())
        return Response("\N{ZERO WIDTH NO-BREAK SPACE}" + text, media_type="text/csv", headers=headers)


def table(
    visit: Visit, columns: Sequence[Column], rows: Sequence[Row], sort: str = "", descending: bool = False
) -> Table:
    """The rows as the address wants them: `q`, `sort`, `order`, `page`. `sort`: by which column else."""
    query = visit.query
    keys = {column.key for column in columns}
    wanted = query.get("sort", "")
    if wanted in keys:
        sort, descending = wanted, query.get("order") == "desc"
    q = query.get("q", "").strip()
    found = [row for row in rows if not q or _has(columns, row, q.casefold())]
    if sort:
        found.sort(key=lambda row: _rank(row.get(sort)), reverse=descending)
    number = query.get("page", "1")
    last = max(1, -(-len(found) // PAGE))
    page = min(int(number), last) if number.isascii() and number.isdigit() and len(number) < 9 and int(number) else 1  # noqa: PLR2004 # digits
    return Table(visit, columns, found, sort, descending, q, page - 1, PAGE)


def _has(columns: Sequence[Column], row: Row, q: str) -> bool:
    return any(q in column.shown(row.get(column.key)).casefold() for column in columns)


def _rank(value: Any) -> tuple[int, float, str]:
    """Numbers before words before nothing, whatever a column mixes."""
    if value is None or value == "":
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, str(value).casefold()


def _safe(text: str) -> str:
    risky = text.startswith(_RISKY) and not _number(text)
    return f"'{text}" if risky else text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
