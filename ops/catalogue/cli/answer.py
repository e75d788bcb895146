"""What a device answered on its command line, as numbers. Pure: text in, rows out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import textfsm  # type: ignore[import-untyped]

from ops.catalogue.cli.platform import Cell, Dialogue, Platform, Quantity, template_text
from ops.catalogue.device import plain

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_RECEIVED: tuple[Quantity, ...] = ("receive_power_dbm", "olt_receive_power_dbm")


@dataclass(frozen=True)
class Row:
    """What is known of one lane of a port or of an ONU. `lane` and `onu` are empty where there is none."""

    port: str
    onu: str
    lane: str
    values: Mapping[Quantity, float]


def rows(platform: Platform, dialogue: Dialogue, text: str) -> list[Row]:
    """The rows of an answer; those of one port, ONU and lane as one. ValueError when no template fits."""
    merged: dict[tuple[str, str, str], dict[Quantity, float]] = {}
    question = dialogue.question
    text = plain(text)
    for pattern, instead in question.unwrap.items():
        text = re.sub(pattern, instead, text)
    for record in records(question.templates, text):
        words = {**{key: _joined(value) for key, value in record.items()}, **dialogue.words}
        place = (question.port.format(**words).strip(), question.onu.format(**words).strip())
        lane = str(words.get(question.lane, "")) if question.lane else ""
        for key, values in _by_lane(question.values, record, lane):
            merged.setdefault((*place, key), {}).update(values)
    found = [
        Row(port, onu, "" if lane == "1" and (port, onu, "2") not in merged else lane, _lit(values, platform.dark))
        for (port, onu, lane), values in merged.items()
        if port
    ]
    return [row for row in found if row.values]


def records(templates: Iterable[str], text: str) -> list[dict[str, Any]]:
    """What the first template that fits finds. One that meets a line it does not know does not fit."""
    why = ""
    for name in templates:
        try:
            parsed: list[dict[str, Any]] = textfsm.TextFSM(io.StringIO(template_text(name))).ParseTextToDicts(text)
        except textfsm.TextFSMError as error:
            why = str(error)
            continue
        if parsed:
            return parsed
    if why:
        raise ValueError(f"the answer has another form: {why}")
    return []


def _by_lane(
    cells: Mapping[Quantity, Cell], record: Mapping[str, Any], lane: str
) -> Iterator[tuple[str, dict[Quantity, float]]]:
    """Values by lane: a cell of several numbers is one per lane; what is said once belongs to every lane."""
    columns = {name: _numbers(cell, _joined(record.get(cell.column, ""))) for name, cell in cells.items()}
    lanes = max((len(found) for found in columns.values()), default=0)
    for number in range(lanes):
        key = str(number + 1) if lanes > 1 else lane
        values = {name: found[number if len(found) > 1 else 0] for name, found in columns.items() if found}
        kept = {name: value for name, value in values.items() if value is not None}
        if kept:
            yield key, kept


def _numbers(cell: Cell, text: str) -> list[float | None]:
    """The numbers of a cell, None for a lane without one (N/A, --). Empty when it holds no number at all."""
    if cell.yes is not None:
        return [float(bool(re.fullmatch(cell.yes, text)))] if text else []
    found = [_NUMBER.search(part) for part in text.split("|")]
    if not any(found):
        return []
    return [float(one[0]) / cell.divide if one else None for one in found]


def _joined(value: object) -> str:
    return "|".join(str(one) for one in value) if isinstance(value, list) else str(value)


def _lit(values: dict[Quantity, float], dark: float) -> dict[Quantity, float]:
    """Without a figure that means darkness; `rx_loss` says whether the port, or the ONU, gets light. Where there is no
    light at all there is no module: an empty cage is no alarm."""
    lost = values.get("rx_loss") == 1
    for name in _RECEIVED:
        if name in values and (values[name] <= dark or (lost and name == "receive_power_dbm")):
            del values[name]
            lost = lost or name == "receive_power_dbm"
    if "receive_power_dbm" in values or (lost and "transmit_power_dbm" in values):
        values["rx_loss"] = float(lost)
    else:
        values.pop("rx_loss", None)
    return values
