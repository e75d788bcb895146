"""Recordings of devices in the common `.snmprec` form: one line per value, `OID|TYPE|VALUE`.

TYPE is the number of the value's SNMP type; `4x`: VALUE in hexadecimal, `4e`: with escapes. What a simulator would add
(`65:numeric|rate=…`) is read for the value that it starts from. A recording answers like the device (`walk`, `get`).
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from ops.errors import UsageError, one_line
from ops.system.ber import Oid, Tag, Value
from ops.system.snmp import Held, Walk

_NUMBERS = {Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIMETICKS, Tag.COUNTER64}
# What agents that count with a sign tell as -1 is meant as the greatest number.
_WRAPS = {Tag.COUNTER32: 2**32, Tag.GAUGE32: 2**32, Tag.TIMETICKS: 2**32, Tag.COUNTER64: 2**64}
_OPAQUE, _UINTEGER32 = 68, 71
_OPAQUE_FLOATS = {b"\x9f\x78\x04": "!f", b"\x9f\x79\x08": "!d"}  # net-snmp's floats within an Opaque
_ESCAPED = re.compile(rb"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}
_DOTTED = re.compile(r"\.?\d+(?:\.\d+)*")
_NUMBER = re.compile(r"[-+]?\d+")
_STARTS = re.compile(r"(?:^|[,\s])(?:value|initial|offset|min)=(-?\d+)")
_STEP_MOST = 2**32


@dataclass(frozen=True, slots=True)
class Recording:
    """`rows`: values by OID as numbers, sorted · `wrong`: what could not be read, as file:line: why."""

    rows: Mapping[Oid, Value]
    wrong: tuple[str, ...] = ()
    _order: Sequence[Oid] = field(default=(), repr=False)

    async def walk(self, oid: str) -> Walk:
        root = tuple(int(step) for step in oid.split("."))
        found: dict[str, Held] = {}
        for name in self._order[bisect_left(self._order, root) :]:
            if name[: len(root)] != root:
                break
            if len(name) > len(root):
                found[".".join(map(str, name))] = held(self.rows[name])
        return Walk(found)

    async def walks(self, oids: Sequence[str]) -> dict[str, Walk]:
        return {oid: await self.walk(oid) for oid in oids}

    async def get(self, oids: Sequence[str]) -> dict[str, Held]:
        asked = {oid: tuple(int(step) for step in oid.split(".")) for oid in oids}
        return {oid: value for oid, name in asked.items() if (value := held(self.rows.get(name))) is not None}


def recording(rows: Mapping[Oid, Value], wrong: Iterable[str] = ()) -> Recording:
    order = sorted(rows)
    return Recording({name: rows[name] for name in order}, tuple(wrong), order)


def read(path: Path) -> Recording:
    """The recording in a file, its lines in any order; the first of two lines for one OID counts.

    UsageError when the file cannot be read, or holds no line of that form.
    """
    try:
        lines = path.read_bytes().removeprefix(BOM_UTF8).split(b"\n")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a .snmprec file: --recording FILE") from None
    rows: dict[Oid, Value] = {}
    wrong: list[str] = []
    for at, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            name, value = _row(line.removesuffix(b"\r"))
            rows.setdefault(name, value)
        except ValueError as error:
            wrong.append(f"{path}:{at}: {one_line(str(error))}")
    if not rows:
        raise UsageError(wrong[0] if wrong else f"{path}: empty", "every line of a recording is OID|TYPE|VALUE")
    return recording(rows, wrong)


def held(value: Value | None) -> Held:
    """A value as a poll gives it."""
    if value is None:
        return None
    data = value.data
    if isinstance(data, tuple):
        return ".".join(map(str, data))
    if isinstance(data, bytes) and value.tag is Tag.IP_ADDRESS:
        return str(IPv4Address(data))
    if isinstance(data, bytes) and (form := _OPAQUE_FLOATS.get(data[:3])) and len(data) == 3 + struct.calcsize(form):
        return float(struct.unpack(form, data[3:])[0])
    return data


def line(name: Oid, value: Value) -> str:
    """One row as it stands in a file."""
    said = _text(value)
    return f"{'.'.join(map(str, name))}|{said[0]}|{said[1]}\n"


def _text(value: Value) -> tuple[str, str]:
    data = value.data
    if isinstance(data, bytes):
        if value.tag is Tag.IP_ADDRESS:
            return str(int(value.tag)), str(IPv4Address(data))
        plain = all(0x20 <= sign < 0x7F for sign in data)  # noqa: PLR2004 # printable ASCII
        return (str(int(value.tag)), data.decode()) if plain else (f"{int(value.tag)}x", data.hex())
    if isinstance(data, tuple):
        return str(int(value.tag)), ".".join(map(str, data))
    return str(int(value.tag)), "" if data is None else str(data)


def _row(raw: bytes) -> tuple[Oid, Value]:
    """ValueError says what is wrong with a line."""
    parts = raw.split(b"|", 2)
    if len(parts) != 3:  # noqa: PLR2004 # OID, type, value
        raise ValueError(f"not OID|TYPE|VALUE: {raw[:60].decode(errors='replace')}")
    oid, kind, said = parts[0].decode("ascii", "replace").strip(), parts[1].decode("ascii", "replace"), parts[2]
    if not _DOTTED.fullmatch(oid):
        raise ValueError(f"{oid[:60]}: no OID")
    name = tuple(int(step) for step in oid.strip(".").split("."))
    if max(name) >= _STEP_MOST:
        raise ValueError(f"{oid[:60]}: no OID has so large a number")
    kind, _, varied = kind.partition(":")
    form = kind.strip()[-1:] if kind.strip()[-1:] in {"x", "e"} else ""
    number = kind.strip().removesuffix(form)
    if not number.isdigit():
        raise ValueError(f"{kind[:20]}: no type; a number is wanted, such as 2, 4 or 65")
    return name, _value(int(number), form, _start(said) if varied else said)


def _start(said: bytes) -> bytes:
    """What a simulated value starts from: the first figure among the simulator's settings."""
    found = _STARTS.search(said.decode("ascii", "replace"))
    if not found:
        raise ValueError("a simulated value that says no figure to start from")
    return found[1].encode()


def _value(kind: int, form: str, said: bytes) -> Value:
    if form == "x":
        said = bytes.fromhex(said.decode("ascii", "replace").strip())
    elif form == "e":
        said = _ESCAPED.sub(_unescaped, said)
    if kind == _OPAQUE:
        return Value(Tag.OCTETS, said)  # its floats are told by how they begin
    try:
        tag = Tag.GAUGE32 if kind == _UINTEGER32 else Tag(kind)
    except ValueError:
        raise ValueError(f"type {kind} is not known") from None
    return Value(tag, _data(tag, form, said))


def _unescaped(found: re.Match[bytes]) -> bytes:
    """What a sign behind a backslash stands for; an unknown one for itself."""
    kept = found[1]
    return bytes((int(kept[1:], 16),)) if len(kept) > 1 else _ESCAPES.get(kept, kept)


def _data(tag: Tag, form: str, said: bytes) -> int | bytes | Oid | None:
    if tag is Tag.OCTETS:
        return said
    text = said.decode("ascii", "replace").strip()
    if tag in _NUMBERS:
        if not form and not _NUMBER.fullmatch(text):
            raise ValueError(f"{text[:20]}: no whole number")
        number = int.from_bytes(said, "big") if form else int(text)
        return number % _WRAPS[tag] if tag in _WRAPS else number
    if tag is Tag.OID:
        if text and not _DOTTED.fullmatch(text.strip(".")):
            raise ValueError(f"{text[:60]}: no OID in numbers")
        return tuple(int(step) for step in text.strip(".").split(".")) if text else (0, 0)
    if tag is Tag.IP_ADDRESS:
        return said if form else IPv4Address(text).packed
    return None
