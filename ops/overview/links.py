"""One link's figures from what its router told. Pure; see ops.overview.state for what may be called good."""

from __future__ import annotations

from ops.fibre.budget import budget
from ops.inventory.model import Link, Region, Segment
from ops.inventory.watched import Watched
from ops.overview import readings as r
from ops.overview.facts import FRESH, FRESH_OWN, Facts
from ops.overview.model import LinkView
from ops.overview.readings import Reading, Readings
from ops.overview.state import NO_READING, UNKNOWN, Figure, State, aged, unknown
from ops.texts import mark

LEAST_MARGIN = 3.0  # dB; below that the next repair or a dirty connector takes the link down
SOON_DAYS = 60.0
NEAR_CONTRACT = 0.9
MOST_LOSS = 0.02
SILENT, DOWN, DARK = mark("the router does not answer"), mark("the port is down"), mark("no light arrives")
DIM, GONE = mark("little light is left"), mark("too little light to be read")
NEAR = mark("near the contract")
SLOW, LOSSY = mark("slower than the contract says"), mark("packets are lost")
DIMMING = mark("the light falls for good")
_NOTHING = Readings()


class Floors:
    """The weakest light that every link's declared optics take (dBm), by `<opd>/<link>`, worked out once per region."""

    def __init__(self) -> None:
        self._of: tuple[Region, dict[str, float]] | None = None

    def of(self, region: Region) -> dict[str, float]:
        if self._of is None or self._of[0] is not region:
            glass = {segment.name: segment for segment in region.plant.segments}
            found = {f"{opd.code}/{link.name}": _floor(link, glass) for opd in region.opds for link in opd.links}
            self._of = (region, found)
        return self._of[1]


FLOORS = Floors()


def _floor(link: Link, glass: dict[str, Segment]) -> float:
    return budget((link.drop, *(glass[name] for name in link.rides if name in glass))).optics.sensitivity


def view(one: Watched, floor: float, facts: Facts, behind: str) -> LinkView:
    """`floor`: the weakest light that it takes, dBm · `behind`: the segment whose cut darkens it, "" for none."""
    link, port = one.link, (one.router.name, one.link.ifname)
    rate = facts.rates.get(port)
    down, up = (rate.download, rate.upload) if rate else (None, None)
    at = rate.at if rate else None
    light, margin = _light(facts, port, floor)
    return LinkView(
        name=f"{one.opd.code}/{link.name}",
        node=link.drop.node,
        router=port[0],
        ifname=port[1],
        rides=link.rides,
        contract_download=float(link.contract.download),
        contract_upload=float(link.contract.upload),
        up=is_up(facts, port),
        download=_use(down, link.contract.download, at, facts.now),
        upload=_use(up, link.contract.upload, at, facts.now),
        received_dbm=light,
        margin=margin,
        days=_days(facts, port),
        latency=_latency(facts, port, link.contract.latency),
        detour=_detour(facts, port),
        behind=behind,
    )


def _read(facts: Facts) -> Readings:
    return facts.ports.value or _NOTHING


def _own(facts: Facts) -> Readings:
    return facts.own.value or _NOTHING


def is_up(facts: Facts, port: r.Port) -> Figure:
    """Good when the router answers and says that the port is up; bad when either is told not to be so."""
    answers = _read(facts).port(r.POLL_UP, port[0], "")
    is_up = _read(facts).port(r.PORT_UP, *port)
    found = [one for one in (answers, is_up) if one]
    bad = next((one for one in found if one.value != 1), None)
    if bad:
        return aged(Figure(State.BAD, 0.0, bad.at, SILENT if bad is answers else DOWN), facts.now, FRESH)
    if answers is None or is_up is None:
        return UNKNOWN
    return aged(Figure(State.OK, 1.0, min(answers.at, is_up.at), ""), facts.now, FRESH)


def _use(bps: float | None, contract: float, at: float | None, now: float) -> Figure:
    if bps is None or at is None:
        return unknown(NO_READING, 1.0)
    share = bps / contract
    near = share >= NEAR_CONTRACT
    return aged(Figure(State.WARN if near else State.OK, share, at, NEAR if near else "", 1.0), now, FRESH)


def _light(facts: Facts, port: r.Port, floor: float) -> tuple[Figure, Figure]:
    """dBm that arrive, and dB above what the declared optics need. Good needs the port's word that light arrives."""
    received = _read(facts).port(r.LIGHT, *port)
    dark = _read(facts).port(r.NO_LIGHT, *port, max)
    if dark and dark.value:
        figure = aged(Figure(State.BAD, None, dark.at, DARK), facts.now, FRESH)
        return figure, figure
    if received is None:
        return UNKNOWN, unknown(NO_READING, LEAST_MARGIN)
    spare = received.value - floor
    state, why = (State.BAD, GONE) if spare < 0 else (State.WARN, DIM) if spare < LEAST_MARGIN else (State.OK, "")
    if state is State.OK and dark is None:
        state, why = State.UNKNOWN, NO_READING
    told = (Figure(state, received.value, received.at, why), Figure(state, spare, received.at, why, LEAST_MARGIN))
    return aged(told[0], facts.now, FRESH), aged(told[1], facts.now, FRESH)


def _latency(facts: Facts, port: r.Port, promised: float) -> Figure:
    took, lost = _read(facts).port(r.LATENCY, *port), _read(facts).port(r.LOSS, *port)
    if lost and lost.value > MOST_LOSS:
        return aged(Figure(State.WARN, took.value if took else None, lost.at, LOSSY, promised), facts.now, FRESH)
    if took and took.value > promised:
        return aged(Figure(State.WARN, took.value, took.at, SLOW, promised), facts.now, FRESH)
    if took is None or lost is None:
        return unknown(NO_READING, promised)
    return aged(Figure(State.OK, took.value, min(took.at, lost.at), "", promised), facts.now, FRESH)


def _days(facts: Facts, port: r.Port) -> Figure:
    """Days that are left, where the light falls; nobody tells that nothing falls, so this is never called good."""
    told = _own(facts).port(r.DAYS, *port)
    if told is None:
        return UNKNOWN
    state = State.BAD if told.value <= 0 else State.WARN
    return aged(Figure(state, told.value, told.at, DIMMING, SOON_DAYS), facts.now, FRESH_OWN)


def _detour(facts: Facts, port: r.Port) -> bool | None:
    told: Reading | None = _own(facts).port(r.DETOUR, *port)
    return None if told is None or facts.now - told.at > FRESH_OWN else told.value == 1
