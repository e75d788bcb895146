"""SIP PnP: a telephone that knows nobody asks the whole network where its file is (SUBSCRIBE, Event: ua-profile, to
224.0.1.75), and is told an address in a NOTIFY. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote

from ops.system.sip import dialog as sip
from ops.system.sip.message import Message, param, uri_of

GROUP, PORT = "224.0.1.75", 5060
_MAC = re.compile(r"(?:mac[:=]?)?([0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: MAC in lower case without colons, and what it says of itself (nobody checks that)."""

    mac: str
    vendor: str
    model: str


def asked(message: Message) -> Asked | None:
    """None: this is something else, or names no MAC, or says not where an answer shall go."""
    event = message.get("event") or message.get("o")  # its short form (RFC 6665 §8.4)
    if message.method != "SUBSCRIBE" or event.partition(";")[0].strip().lower() != "ua-profile":
        return None
    mac = _mac(message.uri) or _mac(uri_of(message.get("from")))
    if not mac or not uri_of(message.get("contact")):
        return None
    return Asked(mac, _word(param(event, "vendor")), _word(param(event, "model")))


def accepted(subscribe: Message, me: sip.Party, tag: str) -> Message:
    """200: there will be one NOTIFY and no more."""
    answer = sip.with_header(sip.reply(subscribe, 200, "OK", tag), "contact", me.contact)
    return sip.with_header(answer, "expires", "0")


def told(subscribe: Message, me: sip.Party, tag: str, url: str) -> Message:
    """The NOTIFY that says where its file is."""
    dialog = sip.accepted(subscribe, tag)
    notify = sip.request(me, "NOTIFY", dialog.target, dialog, 1)
    for name, value in (
        ("event", "ua-profile"),
        ("subscription-state", "terminated;reason=timeout"),
        ("content-type", "application/url"),
    ):
        notify = sip.with_header(notify, name, value)
    return replace(notify, body=url.encode())


def _mac(uri: str) -> str:
    user = unquote(uri.removeprefix("sip:").partition("@")[0])
    found = _MAC.fullmatch(user.strip())
    return re.sub("[:-]", "", found[1]).lower() if found else ""


def _word(text: str) -> str:
    """What a stranger says, fit for a line of a log."""
    return re.sub(r"[^A-Za-z0-9 ._-]", "", text)[:30]
