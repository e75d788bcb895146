"""Every office with telephones → its PJSIP objects and dialplan on the exchange; and the region's frame around them.

Files are split by sorcery type, so that a change of a name re-parses one file, and are included one by one: a wildcard
`#include` defeats Asterisk's check for unchanged files. `#tryinclude`, because one missing `#include` would cost the
whole exchange its telephones at the next start. An office's context holds nothing but includes, emergency first:
Asterisk searches them in that order, so no pattern anywhere can shadow an emergency number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ops.catalogue import exchange, exchange_outside, voicemail
from ops.catalogue.exchange_office import caller_id, files, old_secret_of, secret_of, telephones
from ops.catalogue.exchange_patterns import patterns
from ops.inventory.exchanges import exchanges
from ops.inventory.model import Opd, Region, Server
from ops.plan.change import REGION_SCOPE, Artifact

__all__ = ["artifacts", "caller_id", "exchanges", "old_secret_of", "patterns", "secret_of", "telephones"]

KIND = "pbx-config"
FOLDER = "/etc/asterisk/kominfo"
TYPES = ("endpoint", "auth", "aor", "dialplan")


def artifacts(region: Region) -> Iterable[Artifact]:
    """The same release for every exchange: the one that stands by differs in its own address only."""
    servers = exchanges(region)
    offices = [opd for opd in region.opds if opd.phones] if servers else []
    of_offices = [*_of_offices(region, offices)]
    for server in servers:
        for name, content in _frame(region, offices, server).items():
            yield Artifact(KIND, f"{server.name}/{REGION_SCOPE}.{name}.conf", content, region.line)
        for name, content, because in of_offices:
            yield Artifact(KIND, f"{server.name}/{name}", content, because)


def _of_offices(region: Region, offices: Iterable[Opd]) -> Iterator[tuple[str, str, str]]:
    """(file, what is in it, where it was declared) of every office."""
    for opd in offices:
        assert opd.phones  # noqa: S101 # the caller chose such offices
        for name, content in files(region, opd, opd.phones).items():
            if content:
                yield f"{opd.code}.{name}.conf", content, opd.phones.line


def _frame(region: Region, offices: list[Opd], server: Server) -> dict[str, str]:
    """What stands around the offices, one file per type."""
    here = {kind: [opd for opd in offices if kind == "dialplan" or telephones(opd.phones)] for kind in TYPES}
    listed = {kind: "".join(f"#tryinclude current/{opd.code}.{kind}.conf\n" for opd in here[kind]) for kind in TYPES}
    plan = region.numbering
    outside = {kind: "".join(parts) for kind, parts in _outside(region).items()}
    found = {
        "transport": _transport(region, server),
        "endpoint": _telephone(region) + outside["endpoint"] + listed["endpoint"],
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


def _telephone(region: Region) -> str:
    """What all telephones share."""
    return exchange.ENDPOINT.format(domain=region.domain, transport=exchange.SECURITY[region.numbering.security])


def _transport(region: Region, server: Server) -> str:
    """Bound to the declared address: with a wildcard, Asterisk asks the DNS for its own name at every call.
    Not reloadable: a change of the transport holds only after a restart of Asterisk, which `ops voip restart` does."""
    encrypted = exchange.TRANSPORT_TLS.format(address=server.address, keys=exchange.KEYS)
    return (
        "; a change here needs a restart of Asterisk: calls that are up end\n"
        f"[transport-udp]\ntype=transport\nprotocol=udp\nbind={server.address}:5060\ntos=cs3\ncos=3\n\n"
        f"{encrypted if region.numbering.security == 'tls-srtp' else ''}"
        f"[global]\ntype=global\nuser_agent=kominfo\ndefault_realm={region.domain}\n"
    )


def _short_codes(region: Region) -> str:
    """Short codes of the region: the code that is dialled → the number that rings. Pickup is always there."""
    codes = sorted((code, number) for code, number in region.numbering.short_codes.items() if code.isdigit())
    lines = [f"exten => {code},1,Goto(kominfo-numbers,{number},1)\n" for code, number in codes]
    own = [f"exten => {voicemail.CODE},1,VoiceMailMain(${{CHANNEL(endpoint)}}@{voicemail.CONTEXT},s)\n"]
    return "\n[kominfo-short-codes]\nexten => *8,1,Pickup()\n" + "".join(lines + own * voicemail.wanted(region))
