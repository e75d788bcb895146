"""The fibre plant: drawn, as a table, and what a cut would do."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ops.fibre.cut import Effect, Fate, effects
from ops.overview.model import SegmentView
from ops.texts import mark
from ops.web.page import STAFF, Group, Nav, Page
from ops.web.table import Column, table
from ops.web.visit import Visit
from ops.web.wall_board import border, looked
from ops.web.wall_words import GLASS, told

COLUMNS = (
    Column("name", mark("Segment")),
    Column("between", mark("Between")),
    Column("state", mark("State")),
    Column("share", mark("Suspicion"), number=True),
    Column("dark", mark("Without connection")),
    Column("detour", mark("On a detour")),
    Column("km", mark("km"), number=True),
    Column("ring", mark("Ring")),
    Column("owner", mark("Owner")),
)
FATES = {Fate.DARK: mark("without connection"), Fate.DETOUR: mark("on a detour")}


def show(visit: Visit) -> Response:
    made = looked(visit)
    shown = table(visit, COLUMNS, [_row(visit, one) for one in made.segments], "urgency")
    if shown.wants_csv:
        return shown.csv("segments")
    known = [one.name for one in made.segments]
    cut = [name for name in visit.request.query_params.getlist("cut") if name in known]
    return visit.render(
        "plant.html", table=shown, made=made, told=told(visit.words, visit.zone, made, border(visit.world)),
        cut=cut, fates=FATES, would=_would(visit, cut) if cut else [], glass=GLASS,
    )  # fmt: skip


def _row(visit: Visit, one: SegmentView) -> dict[str, Any]:
    return {
        "name": one.name,
        "between": " – ".join(one.between),
        "state": visit.words.text(GLASS[one.glass]),
        "share": one.share or None,
        "dark": " ".join(one.dark),
        "detour": " ".join(one.detour),
        "km": one.km,
        "ring": one.ring,
        "owner": one.owner,
        "urgency": -one.share,
        "view": one,
    }


def _would(visit: Visit, cut: list[str]) -> list[tuple[str, Effect]]:
    """Links that would be hit, those without a way first."""
    hit = [(name, one) for name, one in effects(visit.world.region, cut).items() if one.fate is not Fate.WHOLE]
    return sorted(hit, key=lambda item: (item[1].fate is not Fate.DARK, item[0]))


PAGES = (Page("/plant", "GET", STAFF, show, Nav(mark("Fibre plant"), Group.STATE, 30)),)
