"""A page that shows what was found: one self-contained HTML file. Missing data is shown as missing, never as good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.inventory.model import Opd, Region

TEMPLATES = Path(__file__).parent / "templates"
NONE = "–"


@dataclass(frozen=True)
class Figure:
    """One large figure. `state`: ok, bad, or none where there is no data."""

    value: str
    id: str
    en: str
    state: str


@dataclass(frozen=True)
class Row:
    """One line of what was shown."""

    name: tuple[str, str]  # Indonesian, English
    held: bool | None
    figure: str
    seconds: str

    @property
    def state(self) -> str:
        return {True: "ok", False: "bad", None: "none"}[self.held]

    @property
    def word(self) -> str:
        return {True: "terbukti / held", False: "gagal / failed", None: "tidak dicoba / not tried"}[self.held]


@dataclass(frozen=True)
class Measured:
    """Latest figures by office code; an office without a figure is simply missing."""

    up: Mapping[str, float]
    rx_dbm: Mapping[str, float]
    download_bps: Mapping[str, float]
    backed_up: Sequence[str]  # offices all of whose sets were backed up within their RPO


@dataclass(frozen=True)
class Status:
    """Everything on the page."""

    region: str
    made: str
    figures: Sequence[Figure]
    parts: Sequence[Row]
    offices: Sequence[Mapping[str, str]]


def build(region: Region, made: str, parts: Sequence[Row], measured: Measured) -> Status:
    """Pure: what the page says. `made`: local time as it is to be read."""
    up = sum(value > 0 for value in measured.up.values())
    wanted = sum(bool(opd.links) for opd in region.opds)
    covered = len(measured.backed_up)
    held = sum(part.held is True for part in parts)
    figures = [
        Figure(f"{up}/{wanted}", "tautan hidup", "links up", _state(up, wanted, known=bool(measured.up))),
        Figure(f"{held}/{len(parts)}", "bagian terbukti", "parts held", _state(held, len(parts))),
        Figure(
            f"{covered}/{len(region.opds)}",
            "dicadangkan dalam RPO",
            "backed up within RPO",
            _state(covered, len(region.opds)),
        ),
        Figure(str(sum(_phones(opd) for opd in region.opds)), "telepon dinyatakan", "phones declared", "none"),
    ]
    return Status(region.name, made, figures, parts, [_office(opd, measured) for opd in region.opds])


def write(status: Status, path: Path) -> Path:
    """Write the page; returns its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 # 0.1 s

    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(env.get_template("status.html.j2").render(status=status), encoding="utf-8")
    fresh.replace(path)
    return path


def _state(good: int, wanted: int, *, known: bool = True) -> str:
    if not known or not wanted:
        return "none"
    return "ok" if good == wanted else "bad"


def _office(opd: Opd, measured: Measured) -> dict[str, str]:
    up = measured.up.get(opd.code)
    contract = " + ".join(_mbit(link.contract.download) for link in opd.links) or NONE
    return {
        "name": opd.name,
        "link_state": "none" if up is None else "ok" if up else "bad",
        "link": "tidak ada data / no data" if up is None else "hidup / up" if up else "putus / down",
        "rx": _figure(measured.rx_dbm.get(opd.code), "{:.1f}"),
        "contract": contract,
        "use": NONE if opd.code not in measured.download_bps else _mbit(measured.download_bps[opd.code]),
        "phones": str(_phones(opd)),
        "backup": _backup(opd),
        "backup_state": "none" if not opd.backup else "ok" if opd.code in measured.backed_up else "bad",
    }


def _backup(opd: Opd) -> str:
    if opd.backup:
        return ", ".join(one.name for one in opd.backup)
    return f"tidak, sampai {opd.no_backup.until} / none until then" if opd.no_backup else NONE


def _phones(opd: Opd) -> int:
    return sum(phone.mac is not None for phone in opd.phones.extensions) if opd.phones else 0


def _figure(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value).replace(".", ",")


def _mbit(bps: float) -> str:
    return f"{bps / 1e6:.1f}".replace(".", ",").removesuffix(",0") + " Mbit/s"
