"""Every telephone with a MAC address → the file that it fetches when it is plugged in, and who may fetch it.

Such a file holds the telephone's password: it lies at an address with a token of its own, and the web server gives it
to the office's own networks only. The exchanges stand in it by address, not name: a telephone must ring when the DNS
is down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ops.catalogue import voicemail
from ops.catalogue.phone import model, render, shown
from ops.catalogue.provisioning import BOOKS, FILES, OFFICE_BOOK, Origin, devices, origin, token
from ops.derive.pbx import exchanges, secret_of
from ops.inventory.model import Opd, Phone, Region, Server
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "phone-file"
GUARD = "web-host"
SIP_PORT = 5060
SIP_TLS_PORT = 5061
REGISTER_SECONDS = 600
MANAGER = "pbx/manager"  # the name of a secret
CODECS = ("alaw", "g722")  # as ops/catalogue/exchange.py allows
_ZONES = {
    "Asia/Jakarta": ("WIB", 7),
    "Asia/Pontianak": ("WIB", 7),
    "Asia/Makassar": ("WITA", 8),
    "Asia/Jayapura": ("WIT", 9),
}


def artifacts(region: Region) -> Iterable[Artifact]:
    web, servers = origin(region), exchanges(region)
    if not web or not servers:
        return
    common = {"exchange": _exchange(region, servers), "clock": _clock(region)}
    for opd in region.opds:
        if opd.phones and devices(opd):
            guard = _guard(opd, region.provision.factory_ca)
            yield Artifact(GUARD, f"{web.host}/{opd.code}.provision", guard, opd.phones.line)
        for phone in opd.phones.extensions if opd.phones else ():
            if phone.mac and phone.model:
                mac = phone.mac.replace(":", "")
                values = {**common, "phone": _values(region, opd, phone), "site": _site(region, opd, web, phone)}
                yield Artifact(KIND, f"{web.host}/{opd.code}.{mac}.cfg", render(phone.model, values), phone.line)


def role_secrets(region: Region) -> set[str]:
    """By it the exporter may look at the exchange (role pbx)."""
    return {MANAGER} if exchanges(region) else set()


def _guard(opd: Opd, vendors: Collection[str]) -> str:
    """nginx: each telephone's own addresses, for the office's networks only; everything else below its token is 404.
    Telephones of `vendors` must show their factory's certificate."""
    allowed = "".join(f"    allow {link.lan};\n" for link in opd.links)
    return "".join(
        _addresses(opd, allowed, mac, name, _shown(mac) if model(name).vendor in vendors else "")
        for mac, name, _ in devices(opd)
    )


def _shown(mac: str) -> str:
    """nginx: only who shows a verified certificate whose subject holds that MAC, in whatever form."""
    spoken = "[:-]?".join(mac[at : at + 2] for at in range(0, len(mac), 2))
    named = f"(^|[^0-9a-f]){spoken}([^0-9a-f]|$)"
    return (
        f'if ($ssl_client_verify != SUCCESS) {{ return 403; }} if ($ssl_client_s_dn !~* "{named}") {{ return 403; }} '
    )


def _addresses(opd: Opd, allowed: str, mac: str, name: str, shown: str) -> str:
    about = model(name)
    files = {about.asks_for(mac): f"{FILES}/{opd.code}.{mac}.cfg"}
    if about.book:
        files[OFFICE_BOOK] = f"{BOOKS}/{opd.code}.{about.book}.xml"
        files[about.bookfile] = f"{BOOKS}/{REGION_SCOPE}.{about.book}.xml"
    inside = "".join(
        f"    location = /{token(mac)}/{asked} {{ {shown}alias {path}; }}\n" for asked, path in files.items()
    )
    return f"location ^~ /{token(mac)}/ {{\n{allowed}    deny all;\n    default_type text/plain;\n{inside}}}\n"


def _exchange(region: Region, servers: list[Server]) -> dict[str, object]:
    encrypted = region.numbering.security == "tls-srtp"
    port = SIP_TLS_PORT if encrypted else SIP_PORT
    return {
        "servers": [{"address": str(server.address), "port": port} for server in servers[:2]],
        "transport": "tls" if encrypted else "udp",
        "srtp": encrypted,
        "expires": REGISTER_SECONDS,
        "codecs": list(CODECS),
        "domain": region.domain,
        "emergency": list(region.numbering.emergency),
    }


def _clock(region: Region) -> dict[str, object]:
    """Indonesia's zones have no summer time, so an offset says it all. `posix` counts the other way round."""
    name, hours = _ZONES.get(region.timezone, _ZONES["Asia/Jakarta"])
    servers = region.group("time")[:1]
    return {
        "offset": f"+{hours}",
        "hours": f"+{hours:02}:00",
        "seconds": hours * 3600,
        "posix": f"{name}-{hours}",
        "server": str(servers[0].address) if servers else "",
    }


def _site(region: Region, opd: Opd, web: Origin, phone: Phone) -> dict[str, object]:
    """What surrounds the telephone. No firmware: an upgrade is nothing that may happen by itself."""
    assert phone.model  # noqa: S101 # the caller chose such telephones
    assert phone.mac  # noqa: S101
    mac = phone.mac.replace(":", "")
    about, url = model(phone.model), web.of(mac)
    return {
        "url": url,
        "file": about.asks_for(mac),
        "book": f"{url}{OFFICE_BOOK}",
        "book_name": shown(opd.code),
        "region_book": f"{url}{about.bookfile}",
        "region_name": shown(region.name),
        "authority": web.authority(about.root),
        "vlan": (opd.phones.vlan if opd.phones else None) or 0,
        "firmware": "",
    }


def _values(region: Region, opd: Opd, phone: Phone) -> dict[str, object]:
    """What a template knows of its telephone. Passwords are names of secrets; they go in as values, since their braces
    would be Jinja's own in a template."""
    mac = (phone.mac or "").replace(":", "")
    secret = secret_of(phone.number)
    return {
        "number": phone.number,
        "name": shown(phone.name),
        "mac": mac,
        "password": f"{{{{secret:{secret}}}}}",
        "digest": f"{{{{ha1:{phone.number}:{region.domain}:{secret}}}}}",
        "admin_password": f"{{{{secret:phone/{mac}}}}}",
        "lamps": _lamps(region, opd, phone),
        "voicemail": voicemail.CODE if phone.voicemail else "",
    }


def _lamps(region: Region, opd: Opd, phone: Phone) -> list[dict[str, object]]:
    """Lamps beside the screen, as many as there are keys: the declared ones; else the office's reception, then the
    region's short codes. `place`: the key's number; 1 is the line."""
    codes = region.numbering.short_codes
    if phone.lamps:
        declared = sorted((int(key), number) for key, number in phone.lamps.items())
        return [{"place": key, "number": codes.get(number, number), "label": number} for key, number in declared]
    return _wished(region, opd, phone)[: max(0, model(phone.model or "").keys - 1)]


def _wished(region: Region, opd: Opd, phone: Phone) -> list[dict[str, object]]:
    """Lamps that a telephone gets by itself, were its keys enough."""
    found = [(other.number, other.number) for other in (opd.phones.extensions if opd.phones else ()) if _rings(other)]
    found += [(number, code) for code, number in sorted(region.numbering.short_codes.items())]
    others = [pair for pair in found if pair[0] != phone.number]
    return [{"place": at, "number": number, "label": label} for at, (number, label) in enumerate(others, start=2)]


def _rings(phone: Phone) -> bool:
    return phone.place == "reception"


def cut_off(region: Region) -> dict[str, tuple[int, list[str]]]:
    """Model → how many telephones of it have too few keys for the lamps that they get by themselves, and the labels of
    those that some of them lack. No reason to refuse: whoever wants other ones declares `lamps`."""
    found: dict[str, tuple[int, list[str]]] = {}
    for opd in region.opds:
        for phone in opd.phones.extensions if opd.phones else ():
            if phone.model and not phone.lamps:
                lost = [str(one["label"]) for one in _wished(region, opd, phone)[model(phone.model).keys - 1 :]]
                count, labels = found.get(phone.model, (0, []))
                if lost:
                    found[phone.model] = (count + 1, sorted({*labels, *lost}))
    return found


def softphone_file(region: Region, phone: Phone) -> str:
    """What a softphone (Linphone) is given once: the digest instead of the password, and nothing of an office."""
    exchange = _exchange(region, exchanges(region))
    if exchange["srtp"]:  # Linphone's TLS (mbedTLS 2) finds no address in a certificate, only names
        names = [f"{server.name}.{region.domain}" for server in exchanges(region)[:2]]
        exchange["servers"] = [{"address": name, "port": SIP_TLS_PORT} for name in names]
    values = {
        "number": phone.number,
        "name": shown(phone.name),
        "digest": f"{{{{ha1:{phone.number}:{region.domain}:{secret_of(phone.number)}}}}}",
    }
    return render("linphone", {"phone": values, "exchange": exchange})
