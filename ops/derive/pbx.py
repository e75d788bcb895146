"""Every office with telephones → its PJSIP objects and dialplan on the exchange; and the region's frame around them.

Files are split by sorcery type, so that a change of a name re-parses one file, and are included one by one: a wildcard
`#include` defeats Asterisk's check for unchanged files. `#tryinclude`, because one missing `#include` would cost the
whole exchange its telephones at the next start. An office's context holds nothing but includes, emergency first:
Asterisk searches them in that order, so no pattern anywhere can shadow an emergency number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.catalogue import exchange
from ops.catalogue.phone import spoken
from ops.inventory.model import Opd, Phone, Phones, Region
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "pbx-config"
FOLDER = "/etc/asterisk/kominfo"
TYPES = ("endpoint", "auth", "aor", "dialplan")
NO_TELEPHONE = frozenset({"test", "group"})  # places that answer by themselves or ring others
RINGING_LEGS = 20  # most telephones that a group rings at once


def artifacts(region: Region) -> Iterable[Artifact]:
    host = region.numbering.pbx
    if all(server.name != host for server in region.servers):
        return
    because = region.line
    offices = [opd for opd in region.opds if opd.phones]
    for name, content in _frame(region, offices).items():
        yield Artifact(KIND, f"{host}/{REGION_SCOPE}.{name}.conf", content, because)
    for opd in offices:
        yield from _of_an_office(region, opd, host)


def telephones(phones: Phones | None) -> list[Phone]:
    """Extensions that a device registers for."""
    return [phone for phone in phones.extensions if phone.place not in NO_TELEPHONE] if phones else []


def secret_of(number: str) -> str:
    """The name of an extension's SIP password."""
    return f"voip/{number}"


# ---- one office


def _of_an_office(region: Region, opd: Opd, host: str) -> Iterator[Artifact]:
    assert opd.phones  # noqa: S101 # the caller chose such offices
    because = opd.phones.line
    contents = {
        "endpoint": _endpoints(region, opd),
        "auth": "".join(_auth(region.domain, phone) for phone in telephones(opd.phones)),
        "aor": "".join(_aor(phone) for phone in telephones(opd.phones)),
        "dialplan": _dialplan(opd, opd.phones),
    }
    for name, content in contents.items():
        if content:
            yield Artifact(KIND, f"{host}/{opd.code}.{name}.conf", content, because)


def _endpoints(region: Region, opd: Opd) -> str:
    """A template with what the office's telephones share, then one endpoint each. Only the office's own networks
    (and the station, for call tests) may speak for them, so nobody else where an office has none; a softphone may
    come from anywhere."""
    found = telephones(opd.phones)
    if not found:
        return ""
    near = sorted({str(link.lan) for link in opd.links})
    fence = ["deny=0.0.0.0/0", f"permit={region.station.address}/32", *(f"permit={lan}" for lan in near)]
    office, inside = f"opd-{opd.code}", f"opd-{opd.code}.inside"
    lines = [
        f"[{office}](!,kominfo-phone)",
        f"context=opd-{opd.code}",
        f"named_call_group={opd.code}",
        f"named_pickup_group={opd.code}",
        "",
        f"[{inside}](!,{office})",
        *fence,
        "",
    ]
    for phone in found:
        template = office if phone.place == "softphone" else inside
        lines += [
            f"[{phone.number}]({template})",
            f"auth={phone.number}",
            f"aors={phone.number}",
            f"callerid={caller_id(phone)}",
            "",
        ]
    return "\n".join(lines)


def _auth(realm: str, phone: Phone) -> str:
    """A digest is all that the exchange holds of a password."""
    ha1 = f"{{{{ha1:{phone.number}:{realm}:{secret_of(phone.number)}}}}}"
    return f"[{phone.number}](kominfo-digest)\nusername={phone.number}\npassword_digest=MD5:{ha1}\n\n"


def _aor(phone: Phone) -> str:
    return f"[{phone.number}]({'kominfo-softphone' if phone.place == 'softphone' else 'kominfo-contact'})\n\n"


def caller_id(phone: Phone) -> str:
    """`"Name" <number>` as a configuration value. `;` would begin a comment; quotes and backslashes would end the name
    early in Asterisk's own reader, so they become their harmless likenesses."""
    name = spoken(phone.name).replace('"', "'").replace("\\", "/").replace(";", "\\;")
    return f'"{name.strip()}" <{phone.number}>'


def _dialplan(opd: Opd, phones: Phones) -> str:
    reception = next((phone.number for phone in phones.extensions if phone.place == "reception"), "")
    lines = [
        f"[opd-{opd.code}]",
        "include => kominfo-emergency",
        "include => kominfo-short-codes",
        "include => kominfo-numbers",
        "",
        "[kominfo-numbers]",
    ]
    for pattern in patterns(phones.range):
        lines.append(f"exten => {pattern},hint,PJSIP/${{EXTEN}}")
        lines.append(f"exten => {pattern},1,Gosub(kominfo-ring,s,1(${{EXTEN}},{reception}))")
    for phone in phones.extensions:
        if phone.place == "test":
            lines.append(f"exten => {phone.number},1,Goto(kominfo-test,s,1)")
        elif phone.place == "group":
            lines.append(f"exten => {phone.number},1,Gosub(kominfo-group,s,1({_members(phones)}))")
    return "\n".join([*lines, ""])


def _members(phones: Phones) -> str:
    """What a group rings: the office's desks and its reception, never the head."""
    numbers = [phone.number for phone in phones.extensions if phone.place in {"reception", "desk"}]
    return "&".join(f"PJSIP/{number}" for number in numbers[:RINGING_LEGS])


def patterns(numbers: str) -> list[str]:
    """A range `20100-20199` as the fewest Asterisk patterns that match exactly it: `_201XX`."""
    first, last = numbers.split("-")
    return [_pattern(prefix, len(first)) for prefix in _prefixes(int(first), int(last), 10 ** (len(first) - 1))]


def _prefixes(first: int, last: int, largest: int) -> Iterator[tuple[int, int, int]]:
    """(power of ten, first number in units of it, how many units follow without a carry), none above `largest`."""
    while first <= last:
        unit = 1
        while unit < largest and first % (unit * 10) == 0 and first + unit * 10 - 1 <= last:
            unit *= 10
        digit = first // unit % 10
        steps = min(9 - digit, (last - first + 1) // unit - 1)
        yield unit, first // unit, steps
        first += unit * (steps + 1)


def _pattern(part: tuple[int, int, int], digits: int) -> str:
    unit, head, steps = part
    free = len(str(unit)) - 1
    text = str(head).zfill(digits - free)
    last = text[-1] if steps == 0 else f"[{text[-1]}-{int(text[-1]) + steps}]"
    return f"_{text[:-1]}{'X' if (text[-1], steps) == ('0', 9) else last}{'X' * free}"


# ---- the region's frame


def _frame(region: Region, offices: list[Opd]) -> dict[str, str]:
    """What stands around the offices, one file per type."""
    here = {kind: [opd for opd in offices if kind == "dialplan" or telephones(opd.phones)] for kind in TYPES}
    listed = {kind: "".join(f"#tryinclude kominfo/{opd.code}.{kind}.conf\n" for opd in here[kind]) for kind in TYPES}
    return {
        "transport": _transport(region),
        "endpoint": exchange.ENDPOINT.format(domain=region.domain) + listed["endpoint"],
        "auth": exchange.AUTH.format(domain=region.domain) + listed["auth"],
        "aor": exchange.AOR + listed["aor"],
        "dialplan": exchange.EMERGENCY
        + _each(region.numbering.emergency, "Goto(kominfo-emergency-route,${EXTEN},1)")
        + _short_codes(region)
        + exchange.HANDLERS
        + listed["dialplan"],
    }


def _transport(region: Region) -> str:
    """Bound to the declared address: with a wildcard, Asterisk asks the DNS for its own name at every call.
    Not reloadable: a change of the transport holds only after a restart of Asterisk."""
    address = region.server(region.numbering.pbx).address
    return (
        f"[transport-udp]\ntype=transport\nprotocol=udp\nbind={address}:5060\ntos=cs3\ncos=3\n\n"
        f"[global]\ntype=global\nuser_agent=kominfo\ndefault_realm={region.domain}\n"
    )


def _each(numbers: Iterable[str], does: str) -> str:
    return "".join(f"exten => {number},1,{does}\n" for number in numbers)


def _short_codes(region: Region) -> str:
    """Short codes of the region: the code that is dialled → the number that rings. Pickup is always there."""
    codes = sorted((code, number) for code, number in region.numbering.short_codes.items() if code.isdigit())
    lines = [f"exten => {code},1,Goto(kominfo-numbers,{number},1)\n" for code, number in codes]
    return "\n[kominfo-short-codes]\nexten => *8,1,Pickup()\n" + "".join(lines)
