"""A regency's measurements made up: the text of an exporter, and whole facts, with what is wrong on demand."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from exporters.metrics import Sample, render, sample
from ops.derive.pbx import telephones
from ops.inventory.model import Region
from ops.inventory.watched import watched
from ops.overview import readings as r
from ops.overview.facts import Drifted, Facts, Told
from ops.overview.model import CallView, DrillView
from ops.overview.readings import Rate, Readings, parse
from ops.overview.state import State

NOW = 1_790_000_000.0
WANTED = r.OF_PORTS | r.OF_REGION


@dataclass(frozen=True)
class Wrong:
    """`dark`: offices whose port is down · `silent`: whose router does not answer · `dbm`: light of an office · `cut`:
    segment → how likely · `behind`: office → segment · `detour`: offices on another way."""

    dark: Collection[str] = ()
    silent: Collection[str] = ()
    dbm: Mapping[str, float] = field(default_factory=dict)
    cut: Mapping[str, float] = field(default_factory=dict)
    behind: Mapping[str, str] = field(default_factory=dict)
    detour: Collection[str] = ()
    bps: Mapping[str, float] = field(default_factory=dict)
    days: Mapping[str, float] = field(default_factory=dict)
    phones: Mapping[str, float] = field(default_factory=dict)  # registered; all unless told
    exchange: bool = True  # whether it can be asked
    whole: Collection[str] | None = None  # segments seen to be whole; None: all others, where nothing is dark


def ports_text(region: Region, wrong: Wrong = Wrong(), now: float = NOW) -> str:
    """What /probe-all tells. Counters grow by `bps` (5 Mbit/s unless told) since 0."""
    return render(one for two in _of_links(region, wrong, now) for one in two)


def _of_links(region: Region, wrong: Wrong, now: float) -> Iterator[list[Sample]]:
    for one in watched(region.opds):
        code, port = one.opd.code, one.labels | {"ifname": one.link.ifname}
        if code in wrong.silent:
            yield [sample(r.POLL_UP, one.labels, 0)]
            continue
        dark = code in wrong.dark
        count = wrong.bps.get(code, 5e6) * (now - NOW + 1000) / 8
        light = [] if dark else [sample(r.LIGHT, port, wrong.dbm.get(code, -9.5))]
        yield [
            sample(r.POLL_UP, one.labels, 1),
            sample(r.PORT_UP, port, not dark),
            sample(r.RECEIVED_BYTES, port, round(count)),
            sample(r.SENT_BYTES, port, round(count / 3)),
            sample(r.NO_LIGHT, port, dark),
            sample(r.LATENCY, port, 0.003),
            sample(r.LOSS, port, 0),
            *light,
        ]


def own_text(region: Region, wrong: Wrong = Wrong(), now: float = NOW) -> str:
    """What /metrics tells of the plant, judged just now. Nothing is seen to be whole where something is dark."""
    made = [sample(r.JUDGED, {}, now)]
    made += [sample(r.SUSPECT, {"segment": name}, share) for name, share in wrong.cut.items()]
    seen = wrong.whole
    if seen is None and not wrong.dark and not wrong.silent:
        seen = [one.name for one in region.plant.segments if one.name not in wrong.cut]
    if seen:
        made += [sample(r.WHOLE, {"segment": name}, 1) for name in seen]
    for one in watched(region.opds):
        port = one.labels | {"ifname": one.link.ifname}
        made.append(sample(r.DETOUR, port, one.opd.code in wrong.detour))
        if segment := wrong.behind.get(one.opd.code):
            made.append(sample(r.BEHIND, port | {"segment": segment}, 1))
        if (days := wrong.days.get(one.opd.code)) is not None:
            made.append(sample(r.DAYS, {**port, "cause": "fibre"}, days))
    if wrong.exchange:
        counts = {
            opd.code: wrong.phones.get(opd.code, len(telephones(opd.phones))) for opd in region.opds if opd.phones
        }
        made += [sample(r.REGISTERED, {"opd": code}, count) for code, count in counts.items()]
    return render(made)


def told(text: str, at: float = NOW) -> Told[Readings]:
    return Told(Readings.of(parse(text, WANTED, at)), at, "")


def facts(region: Region, wrong: Wrong = Wrong(), now: float = NOW) -> Facts:
    """Everything is known and good, but for what is wrong."""
    rates = {
        (one.router.name, one.link.ifname): Rate(wrong.bps.get(one.opd.code, 5e6), 1e6, now)
        for one in watched(region.opds)
    }
    keys = [(opd.code, one) for opd in region.opds for one in opd.backup]
    return Facts(
        now,
        ports=told(ports_text(region, wrong, now), now),
        own=told(own_text(region, wrong, now), now),
        rates=rates,
        backups=Told({f"{code}.{one.name}": now - 3600 for code, one in keys}, now, ""),
        drills=Told(tuple(drilled(code, one.name, now - 86400 * 3) for code, one in keys), now, ""),
        calls=Told((CallView("dinkes", "diskominfo", True, now - 3600, 0.2, 4.3, ()),), now, ""),
        drift=Told({one.name: Drifted(now - 600, False, {"_region": 0}) for one in region.servers}, now, ""),
        alerts=Told((), now, ""),
        runs=Told((), now, ""),
    )


def drilled(opd: str, name: str, at: float, *, proven: bool = True) -> DrillView:
    good = State.OK if proven else State.BAD
    return DrillView(
        f"d-{opd}-{name}", f"{opd}.json", "0" * 64, opd, name, at, proven, "" if proven else "rows differ",
        120.0, 14400.0, 3600.0, 86400.0, good,
    )  # fmt: skip
