"""One office's telephones on the exchange: its PJSIP objects and its dialplan, as texts.

An office's context holds nothing but includes, emergency first: Asterisk searches them in that order, so no pattern
anywhere can shadow an emergency number.
"""

from __future__ import annotations

from ops.catalogue import exchange_rings, voicemail
from ops.catalogue.exchange_patterns import patterns
from ops.catalogue.phone import shown
from ops.inventory.model import Opd, Phone, Phones, Region
from ops.inventory.telephony import NO_CLASS

NO_TELEPHONE = frozenset({"test", "group"})  # places that answer by themselves or ring others
RINGING_LEGS = 20  # most telephones that a group rings at once


def telephones(phones: Phones | None) -> list[Phone]:
    """Extensions that a device registers for."""
    return [phone for phone in phones.extensions if phone.place not in NO_TELEPHONE] if phones else []


def secret_of(number: str) -> str:
    """The name of an extension's SIP password."""
    return f"voip/{number}"


def old_secret_of(number: str) -> str:
    """The name of the password that holds beside it while telephones change (`ops voip rotate`); nobody's otherwise."""
    return f"voip/{number}.old"


def files(region: Region, opd: Opd, phones: Phones) -> dict[str, str]:
    """What the office adds to the files of each type; "" where it has nothing of that type."""
    return {
        "endpoint": _endpoints(region, opd),
        "auth": "".join(_auth(region.domain, phone) for phone in telephones(phones)),
        "aor": "".join(_aor(phone) for phone in telephones(phones)),
        "dialplan": _dialplan(region, opd, phones),
    }


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
    early in Asterisk's own reader, so they become their harmless likenesses. Else the name is as telephones show it."""
    name = shown(phone.name).replace('"', "'").replace("\\", "/").replace(";", "\\;")
    return f'"{name}" <{phone.number}>'


def _dialplan(region: Region, opd: Opd, phones: Phones) -> str:
    """In `kominfo-numbers`, which all share, stand patterns only. What a single number does stands in a context of its
    office: for every extension that Asterisk adds it walks over all that are in the same context."""
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
    inside, mine = f"kominfo-office-{opd.code}", patterns(phones.range)
    for pattern in mine:
        lines.append(f"exten => {pattern},hint,PJSIP/${{EXTEN}}")
        lines.append(f"exten => {pattern},1,Goto({inside},${{EXTEN}},1)")
    lines += ["", f"[{inside}]"]
    lines += [f"exten => {pattern},1,Gosub(kominfo-ring,s,1(${{EXTEN}},{reception}))" for pattern in mine]
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
