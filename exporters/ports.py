"""The ports of a device by IF-MIB (RFC 2863), also of one that knows ifTable only (RFC 1213)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from exporters.book import Book, number, text
from ops.system.snmp import Held

IF_TABLE, IFX_TABLE = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
IF_DESCR, IF_SPEED, IF_OPER = f"{IF_TABLE}.2", f"{IF_TABLE}.5", f"{IF_TABLE}.8"
IF_IN, IF_OUT = f"{IF_TABLE}.10", f"{IF_TABLE}.16"
IF_NAME, IF_HC_IN, IF_HC_OUT = f"{IFX_TABLE}.1", f"{IFX_TABLE}.6", f"{IFX_TABLE}.10"
IF_HIGH_SPEED, IF_ALIAS = f"{IFX_TABLE}.15", f"{IFX_TABLE}.18"
OPER = {1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown"}
_NAMES = (IF_NAME, IF_DESCR, IF_ALIAS)
_STATE = (IF_OPER, IF_HIGH_SPEED, IF_SPEED, IF_HC_IN, IF_HC_OUT, IF_IN, IF_OUT)
Columns = dict[str, Mapping[str, Held]]
_GAP = re.compile(r"(?<=[Tt]hernet) +(?=\d)|(?<=[Gg]ig[Ee]) +(?=\d)")
_SLOT = re.compile(r"subslot (?P<slot>\d+/\d+) transceiver (?:container )?(?P<place>\d+)", re.IGNORECASE)
_LETTERS = "abcdefghijklmnopqrstuvwxyz-"
_SHORTEST = 2  # letters of a port's kind: gi, te, hu
_KINDS = (  # what one kind of port is called
    frozenset({"fa", "fe", "fastethernet"}),
    frozenset({"g", "ge", "gi", "gig", "gigabitethernet", "gigaethernet"}),
    frozenset({"te", "xe", "xge", "tengige", "tengigabitethernet"}),
)
_KIND = frozenset[str]().union(*_KINDS)
_NAMED = re.compile(r"[A-Za-z][\w./:-]*\d|\d+(?:/\d+)+")  # Te1/1/1, xe-0/0/0, 1/1/1; not a lane's lonely 3


@dataclass(frozen=True, slots=True)
class DevicePort:
    """`ifname`: ifDescr where there is no ifName. Speed in bit/s, octets since the device counts, None: unsaid."""

    ifindex: int
    ifname: str
    ifdescr: str
    ifalias: str
    oper: str = "unknown"
    speed_bps: int | None = None
    in_octets: int | None = None
    out_octets: int | None = None


async def read_ports(book: Book, *, state: bool = True) -> dict[int, DevicePort]:
    """Every port by ifIndex.

    Without `state` names only, ifDescr only where the device has no ifName: what a poll asks for anyway is not walked.
    """
    wanted = (*_NAMES, *_STATE) if state else (IF_NAME,) if await book.column(IF_NAME) else (IF_DESCR,)
    columns: Columns = dict(zip(wanted, await book.columns(wanted), strict=True))
    indices = sorted({int(index) for column in columns.values() for index in column if index.isdigit()})
    return {index: _port(str(index), columns) for index in indices}


async def named_ports(
    book: Book, ports: Mapping[int, DevicePort], wanted: Sequence[str], *, descr: bool
) -> dict[int, DevicePort]:
    """The same ports, those called `wanted` with their ifAlias; all with ifDescr where one is not found without it.

    `descr`: with ifDescr in any case, because what is plugged in is named by it.
    """
    known = dict(ports)
    if descr or set(wanted) - {port.ifname for port in ports.values()}:
        descrs = await book.column(IF_DESCR)
        known = {index: replace(port, ifdescr=text(descrs.get(str(index)))) for index, port in ports.items()}
    names = set(wanted)
    asked = {f"{IF_ALIAS}.{index}": index for index, port in known.items() if names & {port.ifname, port.ifdescr}}
    aliases = await book.get(list(asked)) if asked else {}
    return known | {asked[oid]: replace(known[asked[oid]], ifalias=text(value)) for oid, value in aliases.items()}


def _port(index: str, columns: Columns) -> DevicePort:
    def said(oid: str) -> Held:
        return columns.get(oid, {}).get(index)

    descr = text(said(IF_DESCR))
    fast, slow = number(said(IF_HIGH_SPEED)), number(said(IF_SPEED))
    return DevicePort(
        int(index),
        text(said(IF_NAME)) or descr,
        descr,
        text(said(IF_ALIAS)),
        OPER.get(number(said(IF_OPER)) or 0, "unknown"),
        fast * 1_000_000 if fast else slow if slow is not None else fast,
        _count(said(IF_HC_IN), said(IF_IN)),
        _count(said(IF_HC_OUT), said(IF_OUT)),
    )


def _count(wide: Held, narrow: Held) -> int | None:
    """What a port has counted. A counter has no sign, whatever a device makes of its first bit.

    Some devices count 64 bits in ifTable too: what is above 32 bits is told as they tell it.
    """
    for value, size in ((number(wide), 2**64), (number(narrow), 2**32)):
        if value is not None:
            return value % (2**64 if value >= size else size)
    return None


class Names:
    """Ports by what people and MIBs call them."""

    def __init__(self, ports: Iterable[DevicePort]) -> None:
        self._by_name: dict[str, DevicePort] = {}
        for port in ports:
            for name in (port.ifname, port.ifdescr):
                self._by_name.setdefault(_plain(name), port)
        self._by_name.pop("", None)

    def find(self, name: str) -> DevicePort | None:
        """The port that is called so, whatever the case of letters and spaces."""
        return self._by_name.get(_plain(name))

    def inside(self, sentence: str) -> DevicePort | None:
        """The port that is named in a sentence: 'Te1/1/1 Receive Power Sensor', 'DOM RX Power for Ethernet49'."""
        for named in _NAMED.findall(_GAP.sub("", sentence)):
            parts = named.split("-")
            for many in range(len(parts), 0, -1):
                port = self.find("-".join(parts[:many]))
                if port is not None:
                    return port
        return self._in_slot(sentence) or self._shortened(sentence)

    def _shortened(self, sentence: str) -> DevicePort | None:
        """The only port that is named in a sentence in a longer or a shorter form: Te1/1/1, TenGigE1/1/1."""
        for named in _NAMED.findall(_GAP.sub("", sentence)):
            letters, number = _parts(_plain(named).partition("-")[0])
            if len(letters) < _SHORTEST or ("/" not in number and letters not in _KIND):
                continue
            found = set()
            for name, port in self._by_name.items():
                known, place = _parts(name)
                if place == number and _alike(letters, known, whole="/" not in number):
                    found.add(port)
            if len(found) == 1:
                return found.pop()
        return None

    def _in_slot(self, sentence: str) -> DevicePort | None:
        """The port that a module's place speaks of: 'subslot 0/0 transceiver 2' is GigabitEthernet0/0/2."""
        slot = _SLOT.search(sentence)
        if slot is None:
            return None
        number = f"{slot['slot']}/{slot['place']}"
        found = {port for name, port in self._by_name.items() if name.lstrip(_LETTERS) == number}
        return found.pop() if len(found) == 1 else None


def _alike(letters: str, known: str, *, whole: bool) -> bool:
    """Whether two words name one kind of port; by how they begin only where the number (1/0/1) speaks for itself."""
    if any({letters, known} <= kind for kind in _KINDS):
        return True
    return not whole and len(known) >= _SHORTEST and (known.startswith(letters) or letters.startswith(known))


def _parts(name: str) -> tuple[str, str]:
    """A plain name's letters and what comes behind them."""
    letters = len(name) - len(name.lstrip(_LETTERS))
    return name[:letters], name[letters:]


def _plain(name: str) -> str:
    return "".join(name.split()).lower()
