"""Every office with telephones → its PJSIP objects and dialplan on the exchange; and the region's frame around them.

Files are split by sorcery type, so that a change of a name re-parses one file, and are included one by one: a wildcard
`#include` defeats Asterisk's check for unchanged files. `#tryinclude`, because one missing `#include` would cost the
whole exchange its telephones at the next start. An office's context holds nothing but includes, emergency first:
Asterisk searches them in that order, so no pattern anywhere can shadow an emergency number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.catalogue import exchange, exchange_outside, exchange_rings, voicemail
from ops.catalogue.exchange_patterns import patterns
from ops.catalogue.phone import spoken
from ops.inventory.model import Opd, Phone, Phones, Region, Server
from ops.inventory.telephony import NO_CLASS
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "pbx-config"
FOLDER = "/etc/asterisk/kominfo"
TYPES = ("endpoint", "auth", "aor", "dialplan")
NO_TELEPHONE = frozenset({"test", "group"})  # places that answer by themselves or ring others
RINGING_LEGS = 20  # most telephones that a group rings at once


def artifacts(region: Region) -> Iterable[Artifact]:
    """The same release for every exchange: the one that stands by differs in its own address only."""
    for server in exchanges(region):
        yield from _of_an_exchange(region, server)


def exchanges(region: Region) -> list[Server]:
    """The exchange, then the others of its group, which take over; none when the exchange itself is not declared."""
    first = [server for server in region.servers if server.name == region.numbering.pbx]
    return [*first, *(one for one in region.group("pbx") if one not in first)] if first else []


def _of_an_exchange(region: Region, server: Server) -> Iterator[Artifact]:
    offices = [opd for opd in region.opds if opd.phones]
    for name, content in _frame(region, offices, server).items():
        yield Artifact(KIND, f"{server.name}/{REGION_SCOPE}.{name}.conf", content, region.line)
    for opd in offices:
        yield from _of_an_office(region, opd, server.name)


def telephones(phones: Phones | None) -> list[Phone]:
    """Extensions that a device registers for."""
    return [phone for phone in phones.extensions if phone.place not in NO_TELEPHONE] if phones else []


def secret_of(number: str) -> str:
    """The name of an extension's SIP password."""
    return f"voip/{number}"


def old_secret_of(number: str) -> str:
    """The name of the password that holds beside it while telephones change (`ops voip rotate`); nobody's otherwise."""
    return f"voip/{number}.old"


# ---- one office


def _of_an_office(region: Region, opd: Opd, host: str) -> Iterator[Artifact]:
    assert opd.phones  # noqa: S101 # the caller chose such offices
    because = opd.phones.line
    contents = {
        "endpoint": _endpoints(region, opd),
        "auth": "".join(_auth(region.domain, phone) for phone in telephones(opd.phones)),
        "aor": "".join(_aor(phone) for phone in telephones(opd.phones)),
        "dialplan": _dialplan(region, opd, opd.phones),
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
        *_shown_outside(region, opd),
        "",
        f"[{inside}](!,{office})",
        *fence,
        "",
    ]
    for phone in found:
        template = office if phone.place == "softphone" else inside
        lines += [
            f"[{phone.number}]({template}{_class(region, opd, phone)})",
            f"auth={phone.number},{phone.number}-old",
            f"aors={phone.number}",
            f"callerid={caller_id(phone)}",
            *([f"mailboxes={phone.number}@{voicemail.CONTEXT}"] if phone.voicemail else []),
            "",
        ]
    return "\n".join(lines)


def _shown_outside(region: Region, opd: Opd) -> list[str]:
    """What an office's calls carry outside; without a trunk there is no outside."""
    if not region.numbering.trunks or not opd.phones or not opd.phones.caller_id:
        return []
    carried = {"CID": opd.phones.caller_id, "OPD": opd.code, "OPD_CALLS": opd.phones.outbound_calls}
    return [f"set_var=KOMINFO_{name}={value}" for name, value in carried.items()]


def _class(region: Region, opd: Opd, phone: Phone) -> str:
    """The template of an extension's class, to stand behind the office's own."""
    name = phone.outbound or (opd.phones.outbound if opd.phones else None)
    return f",kominfo-class-{name}" if name and name != NO_CLASS and region.numbering.trunks else ""


def _auth(realm: str, phone: Phone) -> str:
    """A digest is all that the exchange holds of a password; the one before holds, too, until a rotation ends."""
    number, made = phone.number, ""
    for name, secret in ((number, secret_of(number)), (f"{number}-old", old_secret_of(number))):
        ha1 = f"{{{{ha1:{number}:{realm}:{secret}}}}}"
        made += f"[{name}](kominfo-digest)\nusername={number}\npassword_digest=MD5:{ha1}\n\n"
    return made


def _aor(phone: Phone) -> str:
    return f"[{phone.number}]({'kominfo-softphone' if phone.place == 'softphone' else 'kominfo-contact'})\n\n"


def caller_id(phone: Phone) -> str:
    """`"Name" <number>` as a configuration value. `;` would begin a comment; quotes and backslashes would end the name
    early in Asterisk's own reader, so they become their harmless likenesses."""
    name = spoken(phone.name).replace('"', "'").replace("\\", "/").replace(";", "\\;")
    return f'"{name.strip()}" <{phone.number}>'


def _dialplan(region: Region, opd: Opd, phones: Phones) -> str:
    reception = next((phone.number for phone in phones.extensions if phone.place == "reception"), "")
    lines = [
        f"[opd-{opd.code}]",
        "include => kominfo-emergency",
        "include => kominfo-short-codes",
        "include => kominfo-numbers",
        *(["include => kominfo-outside"] if region.numbering.trunks else []),
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
        elif phone.voicemail:
            lines.append(f"exten => {phone.number},1,Gosub(kominfo-mailbox,s,1({phone.number}))")
        elif phone.forward:
            lines.append(f"exten => {phone.number},1,Gosub(kominfo-ring,s,1({phone.number},,{phone.forward}))")
    return "\n".join([*lines, ""]) + _groups_and_menus(region, phones)


def _groups_and_menus(region: Region, phones: Phones) -> str:
    """Their extensions, then a context for each menu."""
    known = {phone.number for opd in region.opds for phone in telephones(opd.phones)}
    hours = {one.name: one.open for one in region.numbering.hours}
    menus = [
        exchange_rings.menu(one, hours.get(one.hours or "", ()), region.numbering.holidays) for one in phones.menus
    ]
    return "".join(
        [
            *(exchange_rings.group(one, known) for one in phones.groups),
            *(f"exten => {one.number},1,Goto(kominfo-menu-{one.number},s,1)\n" for one in phones.menus),
            *menus,
        ]
    )


def _members(phones: Phones) -> str:
    """What a group rings: the office's desks and its reception, never the head."""
    numbers = [phone.number for phone in phones.extensions if phone.place in {"reception", "desk"}]
    return "&".join(f"PJSIP/{number}" for number in numbers[:RINGING_LEGS])


# ---- the region's frame


def _frame(region: Region, offices: list[Opd], server: Server) -> dict[str, str]:
    """What stands around the offices, one file per type."""
    here = {kind: [opd for opd in offices if kind == "dialplan" or telephones(opd.phones)] for kind in TYPES}
    listed = {kind: "".join(f"#tryinclude current/{opd.code}.{kind}.conf\n" for opd in here[kind]) for kind in TYPES}
    plan = region.numbering
    outside = {kind: "".join(parts) for kind, parts in _outside(region).items()}
    found = {
        "transport": _transport(region, server),
        "endpoint": exchange.ENDPOINT.format(domain=region.domain) + outside["endpoint"] + listed["endpoint"],
        "auth": exchange.AUTH.format(domain=region.domain) + outside["auth"] + listed["auth"],
        "aor": exchange.AOR + outside["aor"] + listed["aor"],
        "dialplan": exchange.EMERGENCY
        + _emergency(region)
        + _short_codes(region)
        + exchange.HANDLERS
        + (exchange_outside.dialplan(plan, _direct(region)) if plan.trunks else "")
        + listed["dialplan"],
    }
    boxes = {"voicemail": voicemail.mailboxes(region)} if voicemail.wanted(region) else {}
    return found | boxes | ({"identify": outside["identify"]} if plan.trunks else {})


def _outside(region: Region) -> dict[str, list[str]]:
    """What trunks and classes add to the files of each type."""
    plan = region.numbering
    classes = [exchange_outside.class_template(one) for one in plan.classes] if plan.trunks else []
    return {
        "endpoint": [*classes, *(exchange_outside.endpoint(one, region.domain) for one in plan.trunks)],
        "auth": [exchange_outside.auth(one) for one in plan.trunks],
        "aor": [exchange_outside.aor(one) for one in plan.trunks],
        "identify": [exchange_outside.identify(one) for one in plan.trunks],
    }


def _direct(region: Region) -> dict[str, str]:
    return {number: rung for opd in region.opds if opd.phones for number, rung in opd.phones.direct_dial.items()}


def _emergency(region: Region) -> str:
    """Where the regency answers an emergency number itself, its call centre rings first and the trunk comes second."""
    centre = region.numbering.call_centre
    lines = [
        f"exten => {number},1,Goto(kominfo-{'call-centre' if number in centre else 'emergency-route'},${{EXTEN}},1)\n"
        for number in region.numbering.emergency
    ]
    if centre:
        lines.append("\n[kominfo-call-centre]\n")
    for number, rung in sorted(centre.items()):
        lines.append(f"exten => {number},1,Dial(Local/{rung}@kominfo-numbers/n,30)\n")
        lines.append(' same => n,GotoIf($["${DIALSTATUS}"="ANSWER"]?end)\n')
        lines.append(" same => n,Goto(kominfo-emergency-route,${EXTEN},1)\n same => n(end),Hangup(${HANGUPCAUSE})\n")
    return "".join(lines)


def _transport(region: Region, server: Server) -> str:
    """Bound to the declared address: with a wildcard, Asterisk asks the DNS for its own name at every call.
    Not reloadable: a change of the transport holds only after a restart of Asterisk."""
    return (
        "; a change here needs a restart of Asterisk: calls that are up end\n"
        f"[transport-udp]\ntype=transport\nprotocol=udp\nbind={server.address}:5060\ntos=cs3\ncos=3\n\n"
        f"[global]\ntype=global\nuser_agent=kominfo\ndefault_realm={region.domain}\n"
    )


def _short_codes(region: Region) -> str:
    """Short codes of the region: the code that is dialled → the number that rings. Pickup is always there."""
    codes = sorted((code, number) for code, number in region.numbering.short_codes.items() if code.isdigit())
    lines = [f"exten => {code},1,Goto(kominfo-numbers,{number},1)\n" for code, number in codes]
    own = [f"exten => {voicemail.CODE},1,VoiceMailMain(${{CHANNEL(endpoint)}}@{voicemail.CONTEXT},s)\n"]
    return "\n[kominfo-short-codes]\nexten => *8,1,Pickup()\n" + "".join(lines + own * voicemail.wanted(region))
