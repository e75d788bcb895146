"""Every telephone with a MAC address → the file that it fetches from the web server when it is plugged in.

Such a file holds the telephone's password: the web server hands an office's files to that office's own networks only.
The exchange stands in it by its address, not its name: a telephone must ring when the DNS is down.
"""

from __future__ import annotations

from collections.abc import Iterable

from ops.catalogue.phone import render, spoken
from ops.inventory.model import Opd, Phone, Region
from ops.plan.change import Artifact

KIND = "phone-file"
GUARD = "web-host"
SIP_PORT = 5060
REGISTER_SECONDS = 600
_OFFSETS = {"Asia/Jakarta": "+7", "Asia/Pontianak": "+7", "Asia/Makassar": "+8", "Asia/Jayapura": "+9"}


def artifacts(region: Region) -> Iterable[Artifact]:
    web = region.group("web")[:1]
    exchange = [server for server in region.servers if server.name == region.numbering.pbx]
    if not web or not exchange:
        return
    common: dict[str, dict[str, object]] = {
        "exchange": {"address": str(exchange[0].address), "port": SIP_PORT, "expires": REGISTER_SECONDS},
        "clock": {"offset": _OFFSETS.get(region.timezone, "+7")},
    }
    for opd in region.opds:
        if opd.phones and any(phone.mac for phone in opd.phones.extensions):
            yield Artifact(GUARD, f"{web[0].name}/{opd.code}.provision", _guard(opd), opd.phones.line)
        for phone in opd.phones.extensions if opd.phones else ():
            if phone.mac and phone.model:
                key = f"{web[0].name}/{opd.code}.{phone.mac.replace(':', '')}.cfg"
                content = render(phone.model, {**common, "phone": _values(opd, phone)})
                yield Artifact(KIND, key, content, phone.line)


def _guard(opd: Opd) -> str:
    """nginx: who may fetch the files whose names begin with the office's code."""
    allowed = "".join(f"    allow {link.lan};\n" for link in opd.links)
    return f"location ^~ /kominfo/{opd.code}. {{\n{allowed}    deny all;\n    default_type text/plain;\n}}\n"


def _values(opd: Opd, phone: Phone) -> dict[str, object]:
    """What a template knows of its telephone. Passwords are names of secrets; they go in as values, since their braces
    would be Jinja's own in a template."""
    mac = (phone.mac or "").replace(":", "")
    reception = (
        next((other.number for other in opd.phones.extensions if other.place == "reception"), "") if opd.phones else ""
    )
    return {
        "number": phone.number,
        "name": spoken(phone.name),
        "mac": mac,
        "password": f"{{{{secret:voip/{phone.number}}}}}",
        "admin_password": f"{{{{secret:phone/{mac}}}}}",
        "reception": reception,
    }
