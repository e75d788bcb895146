"""Mailboxes of extensions that declare one. They have no PIN: each is heard from its own extension only."""

from __future__ import annotations

import re

from ops.catalogue.phone import shown
from ops.inventory.model import Region

CONTEXT, CODE = "kominfo", "*97"
_NOT_IN_A_LINE = re.compile(r"[,;|=\[\]\\]")  # Asterisk's reader would take them for its own


def mailboxes(region: Region) -> str:
    """What app_voicemail reads of the region: `number => PIN,name`; "" when nobody declares a mailbox."""
    lines = [
        f"{phone.number} => ,{_NOT_IN_A_LINE.sub(' ', shown(phone.name))}\n"
        for opd in region.opds
        for phone in (opd.phones.extensions if opd.phones else ())
        if phone.voicemail
    ]
    return f"[{CONTEXT}]\n" + "".join(lines) if lines else ""


def wanted(region: Region) -> bool:
    return bool(mailboxes(region))
