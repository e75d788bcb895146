"""A recording of a device: what discovery needs, or all of it, in `.snmprec` form and without secrets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from exporters.book import Book, Source
from exporters.discovery import DESCRIPTION, LAST_CHANGE, NAME, UPTIME
from exporters.entities import ALIAS, ENTITY
from exporters.optical_tables import OBJECT_ID
from exporters.secret_columns import secret_index, secret_place, secret_text
from ops.system.ber import Tag, Value, oid
from ops.system.snmp import Held
from ops.system.snmprec import line

SYSTEM, INTERFACES, IF_MIB = "1.3.6.1.2.1.1", "1.3.6.1.2.1.2", "1.3.6.1.2.1.31"
SENSORS, MIB_2, ENTERPRISES = "1.3.6.1.2.1.99", "1.3.6.1.2.1", "1.3.6.1.4.1"
SERIAL = f"{ENTITY}.11"
_CONTACT, _LOCATION = "1.3.6.1.2.1.1.4.", "1.3.6.1.2.1.1.6."  # names, telephone numbers, sometimes a login
_ADDRESSES = ("1.3.6.1.2.1.3.", "1.3.6.1.2.1.4.", "1.3.6.1.2.1.6.", "1.3.6.1.2.1.7.")  # who talks with whom
_ASSIGNED = 6  # steps of an OID up to the number of an enterprise: 1.3.6.1.4.1.<n>
_COUNTER32 = {*range(10, 15), *range(16, 21)}  # columns of ifTable
_COUNTER64 = set(range(6, 14))  # columns of ifXTable
_MAX32 = 2**32
_BYTES_OF_IPV4 = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """`secrets`: values that must not stand in it, whatever MIB they come from."""

    everything: bool = False
    serials: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """`hidden`: values left out because they may be secret. `broken`: why a walk was cut short, or nothing."""

    text: str
    values: int
    hidden: int
    broken: str


async def record(source: Source, wanted: Wanted) -> Taken:
    """Walk a device. HostFailedError when it is silent.

    Without `everything`: system, ports, hardware, sensors, and the vendor's tables as a whole.
    """
    book = Book(source)
    said = await book.get([DESCRIPTION, OBJECT_ID, UPTIME, NAME, LAST_CHANGE])
    roots = [MIB_2] if wanted.everything else [SYSTEM, INTERFACES, IF_MIB, ENTITY, ALIAS, SENSORS]
    for root in [*roots, *_vendors(str(said.get(OBJECT_ID, "")))]:
        await book.column(root)
    kept = {name: value for name, value in book.values.items() if value is not None and _keep(name, value, wanted)}
    rows = sorted((oid(name), value) for name, value in kept.items())
    text = "".join(line(name, typed(name, value)) for name, value in rows)
    return Taken(text, len(rows), len(book.values) - len(rows), book.broken)


def _vendors(object_id: str) -> Iterable[str]:
    """The enterprise that the device says it is of; a device that says none is walked as a whole."""
    steps = object_id.strip(".").split(".")
    known = object_id.startswith(f"{ENTERPRISES}.") and len(steps) > _ASSIGNED
    return [".".join(steps[: _ASSIGNED + 1])] if known else [ENTERPRISES]


def _keep(name: str, value: Held, wanted: Wanted) -> bool:
    """Whether a value may be handed on."""
    if name.startswith((_CONTACT, _LOCATION, *_ADDRESSES)) or (name.startswith(f"{SERIAL}.") and not wanted.serials):
        return False
    if secret_place(name) or secret_index(name, wanted.secrets):
        return False
    return not isinstance(value, bytes) or not secret_text(value, wanted.secrets)


def typed(name: tuple[int, ...], value: Held) -> Value:
    """A value with its SNMP type again, which a poll does not keep: by IF-MIB, else the narrowest that holds it."""
    if isinstance(value, bytes):
        return Value(Tag.OCTETS, value)
    if isinstance(value, str):
        steps = tuple(int(step) for step in value.split("."))
        address = len(steps) == _BYTES_OF_IPV4 and max(steps) < 256 and steps[:3] != (1, 3, 6)  # noqa: PLR2004 # a byte
        return Value(Tag.IP_ADDRESS, bytes(steps)) if address else Value(Tag.OID, steps)
    if isinstance(value, float):
        return Value(Tag.OCTETS, f"{value:g}".encode())
    number = value or 0
    return Value(_number_tag(name, number), number)


def _number_tag(name: tuple[int, ...], number: int) -> Tag:
    if name[:9] == (1, 3, 6, 1, 2, 1, 1, 3, 0) or name[:9] == (1, 3, 6, 1, 2, 1, 31, 1, 5):
        return Tag.TIMETICKS
    if name[:9] == (1, 3, 6, 1, 2, 1, 2, 2, 1) and name[9] in _COUNTER32 and number < _MAX32:
        return Tag.COUNTER32
    if (name[:10] == (1, 3, 6, 1, 2, 1, 31, 1, 1, 1) and name[10] in _COUNTER64) or number >= _MAX32:
        return Tag.COUNTER64
    return Tag.INTEGER if -_MAX32 // 2 <= number < _MAX32 // 2 else Tag.GAUGE32
