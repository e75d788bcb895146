"""From a profile's optical tables and a device's rows to sensors, each joined to its port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from exporters.book import Book, text
from exporters.entities import Entities, read_entities
from exporters.ports import DevicePort, Names
from exporters.sensor import Guard, Sensor, guard_of, sensor_of
from ops.catalogue.optical import NAMED, OWN_ROOTS, POWERS, Column, Condition, Limit, Optic, Table

OBJECT_ID = "1.3.6.1.2.1.1.2.0"
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_LONGEST_SERIAL = 64
_GPON_SERIAL = 8  # ITU-T G.984.3: four letters of the maker and a number of four bytes


@dataclass(slots=True)
class Place:
    """The device as far as it is known: its ports, and its hardware once that was asked for."""

    book: Book
    ports: Mapping[int, DevicePort]
    names: Names
    _entities: Entities | None = field(default=None)

    async def entities(self) -> Entities:
        if self._entities is None:
            self._entities = await read_entities(self.book)
        return self._entities


@dataclass(frozen=True, slots=True)
class Row:
    """One index of a table. `steps`: its numbers by name; `said`: the same as people say them."""

    steps: Mapping[str, str]
    said: Mapping[str, str]


async def table_sensors(place: Place, table: Table) -> list[Sensor]:
    """The sensors of one table; none where the device does not have it."""
    root = await _root(place.book, table)
    if root is None:
        return []
    await place.book.columns(_oid(root, oid) for oid in _columns(table))
    found: list[Sensor] = []
    for optic, column in table.columns.items():
        found += await _column_sensors(place, table, optic, column, root)
    return found


async def _root(book: Book, table: Table) -> str | None:
    """Where the table's power columns begin; None where it has none."""
    powers = [table.columns[optic].oid for optic in table.columns if optic in POWERS]
    for root in _roots(book, table):
        if any(await book.columns(_oid(root, oid) for oid in powers)):
            return root
    return None


def _roots(book: Book, table: Table) -> Iterator[str]:
    own = text(book.values.get(OBJECT_ID)).strip(".")
    for root in table.roots or ("",):
        if root not in OWN_ROOTS:
            yield root
        elif _DOTTED.fullmatch(own):
            yield own if root == "object_id" else own.rpartition(".")[0]


def _columns(table: Table) -> Iterator[str]:
    """Every column that the table's figures depend on."""
    for column in table.columns.values():
        yield from (column.oid, *(limit.oid for limit in column.limits.values()))
        yield from (condition.oid for condition in (*column.only, *table.only))


async def _column_sensors(place: Place, table: Table, optic: Optic, column: Column, root: str) -> list[Sensor]:
    oid, form = _oid(root, column.oid), column.index or table.index
    found: list[Sensor] = []
    for index, raw in (await place.book.column(oid)).items():
        row = _row(form, index, table)
        if row is None:
            continue
        port, onu = await _joined(place, table, row, index, root)
        # a vendor's ifIndex is one even where ifTable does not (any more) have it
        ifindex, name = (port.ifindex, port.ifname) if port else (int(row.steps.get("ifindex", 0)), "")
        name = name or await _named(place, table, index, root) or await _hardware(place, row) or _spoken(table, row)
        limits = await _limits(place.book, column, row, root)
        guards = await _guards(place.book, (*table.only, *column.only), row, root)
        parts = len(column.parts(raw)) if column.lanes else 1
        for part in range(parts):
            lane = str(part + 1) if parts > 1 else table.lane or row.said.get("lane", "")
            found.append(
                sensor_of(
                    optic,
                    column,
                    f"{oid}.{index}",
                    ifindex=ifindex,
                    port=name,
                    lane=lane,
                    onu=onu,
                    side=table.side if onu else "",
                    part=part,
                    bursts=table.bursts,
                    guards=guards,
                    limits=limits,
                )
            )
    return found


async def _joined(place: Place, table: Table, row: Row, index: str, root: str) -> tuple[DevicePort | None, str]:
    """The port that a row is of, and its ONU."""
    port, onu = await _port(place, table, row, index, root), row.said.get("onu", "")
    if port and table.onu_name:
        found = re.search(table.onu_name, port.ifname) or re.search(table.onu_name, port.ifdescr)
        if found:
            return place.names.find(found["port"]) or port, found["onu"]
    return port, onu


async def _port(place: Place, table: Table, row: Row, index: str, root: str) -> DevicePort | None:
    port = place.ports.get(int(row.steps["ifindex"])) if "ifindex" in row.steps else None
    named = "" if port else await _named(place, table, index, root)
    port = port or place.names.find(named) or place.names.inside(named)
    if port or "ifindex" in row.steps:
        return port
    if "entity" in row.steps:
        return (await place.entities()).port_of(row.steps["entity"], place.names, place.ports)
    if table.port_index:
        made = _filled(table.port_index, row)
        return place.ports.get(int(made)) if made.isdecimal() else None
    found = (place.names.find(name) for name in _called(table, row))
    return next((port for port in found if port), None)


async def _named(place: Place, table: Table, index: str, root: str) -> str:
    """What the device itself calls the port of a row, where the vendor's table says so."""
    return text((await place.book.column(_oid(root, table.port_name))).get(index)) if table.port_name else ""


async def _hardware(place: Place, row: Row) -> str:
    return (await place.entities()).called(row.steps["entity"]) if "entity" in row.steps else ""


def _called(table: Table, row: Row) -> list[str]:
    """What the port may be called by the profile's rule."""
    return [_filled(name, row) for name in table.port]


def _filled(pattern: str, row: Row) -> str:
    return pattern.format(**{**dict.fromkeys(NAMED, ""), **row.said})


def _spoken(table: Table, row: Row) -> str:
    """A name for a port that the device's own tables do not tell."""
    names = [f"{step} {row.said[step]}" for step in ("pon", "entity", "ifindex") if step in row.said]
    return next(iter([*_called(table, row), *names]), "")


async def _limits(book: Book, column: Column, row: Row, root: str) -> dict[Limit, float]:
    found: dict[Limit, float] = {}
    for name, limit in column.limits.items():
        raw = (await book.column(_oid(root, limit.oid))).get(_index(limit.index, row) or row.steps[""])
        value = limit.value(raw)
        if value is not None:
            found[name] = value
    return found


async def _guards(book: Book, conditions: Iterable[Condition], row: Row, root: str) -> tuple[Guard, ...]:
    """The companions that the device has for this row."""
    found = []
    for condition in conditions:
        oid, index = _oid(root, condition.oid), _index(condition.index, row) or row.steps[""]
        if index in await book.column(oid):
            found.append(guard_of(condition, f"{oid}.{index}"))
    return tuple(found)


def _oid(root: str, oid: str) -> str:
    return root + oid if oid.startswith(".") else oid


def _index(form: str, row: Row) -> str:
    """An index made of a row's steps; empty for an empty form."""
    return ".".join(step if step.isdigit() else row.steps.get(step, "") for step in form.split(".")) if form else ""


def _row(forms: str, index: str, table: Table) -> Row | None:
    """The steps of an index by the first of the profile's forms that fits; step '' is the index itself."""
    for form in forms.split(" or "):
        steps = _steps(form, index)
        if steps is not None:
            said = {name: step for name, step in steps.items() if name}
            if "serial" in steps:
                said["onu"] = _serial(steps["serial"].split("."))
            if "path" in steps:
                said["onu"] = steps["path"]
            return Row(steps, said | dict(_unpacked(table, steps)))
    return None


def _steps(form: str, index: str) -> dict[str, str] | None:
    wanted, given = form.split("."), index.split(".")
    steps = {"": index}
    if wanted[-1] in {"serial", "path"}:
        at = len(wanted) - 1
        steps[wanted[-1]] = ".".join(given[at:])
        wanted, given = wanted[:-1], given[:at]
    if len(wanted) != len(given) or "" in steps.values():
        return None
    for want, step in zip(wanted, given, strict=True):
        if want.isdigit() and step != want:
            return None
        if not want.isdigit() and want != "any":
            steps[want] = step
    return steps


def _serial(numbers: list[str]) -> str:
    """Text that stands in an index as one number per sign, with or without its length before it.

    GPON's serial numbers are told as people know them: ELTX6200002A.
    """
    signs = [int(step) for step in numbers]
    if signs and signs[0] == len(signs) - 1:
        signs = signs[1:]
    said = ["" if sign > 126 or sign <= 32 else chr(sign) for sign in signs[:_LONGEST_SERIAL]]  # noqa: PLR2004 # ASCII
    if len(said) == _GPON_SERIAL and not all(said) and max(signs) <= 0xFF:  # noqa: PLR2004 # a byte
        return "".join(said[:4]) + bytes(signs[4:]).hex().upper()
    return "".join(sign or f"{number:02x}" for sign, number in zip(said, signs, strict=False))


def _unpacked(table: Table, steps: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for step, parts in table.split.items():
        if step in steps:
            for name, part in parts.items():
                yield name, str(part.part(int(steps[step])))
