"""Every web name → its zone on every DNS server; and the region's own zone above them, with the delegations.

An office's aliases answer below its own zone and, as the public knows them (`lpse.<domain>`), below the region's.
Knot keeps the serial that secondaries see (`zonefile-load: difference-no-serial`); the one written here only says which
content this is, so that equal declarations give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from ops.inventory.exchanges import exchanges
from ops.inventory.model import Opd, Region, Server, WebHost
from ops.plan.change import REGION_SCOPE, Artifact

KIND = "dns-zone"
FOLDER = "/etc/knot/kominfo"

Record = tuple[str, str, str]  # owner ("@" is the zone itself), type, data


def artifacts(region: Region) -> Iterable[Artifact]:
    for server in region.group("dns"):
        yield from _of_the_region(region, server.name)
        for opd in region.opds:
            yield from _of_an_office(region, opd, server.name)


def _of_the_region(region: Region, host: str) -> Iterable[Artifact]:
    because = region.line
    zone = _zone(region, region.domain, _region_records(region))
    yield Artifact(KIND, f"{host}/{REGION_SCOPE}.zone", zone, because)
    yield Artifact(KIND, f"{host}/{REGION_SCOPE}.conf", _stanza([(region.domain, f"{REGION_SCOPE}.zone")]), because)


def _of_an_office(region: Region, opd: Opd, host: str) -> Iterable[Artifact]:
    stanzas = []
    for web, file in zip(opd.web, _files(opd), strict=True):
        name = f"{web.name}.{region.domain}"
        zone = _zone(region, name, _web_records(region, web))
        yield Artifact(KIND, f"{host}/{file}", zone, web.line)
        stanzas.append((name, file))
    if stanzas:
        yield Artifact(KIND, f"{host}/{opd.code}.conf", _stanza(stanzas), opd.line)


def _files(opd: Opd) -> list[str]:
    """A zone file's name: the office's code; further zones of the same office carry their label too."""
    return [f"{opd.code}.zone" if at == 0 else f"{opd.code}.{web.name}.zone" for at, web in enumerate(opd.web)]


def _region_records(region: Region) -> list[Record]:
    records = [(server.name.lower(), "A", str(server.address)) for server in region.servers]
    records += [("station", "A", str(region.station.address))]
    records += [("provision", "A", str(server.address)) for server in region.group("web")[:1]]
    records += [("status", "A", str(server.address)) for server in region.group("web")[:1]]
    records += _pbx_records(region)
    for opd in region.opds:
        for web in opd.web:
            records += [(web.name, "NS", _ns(region, server)) for server in region.group("dns")]
            records += [(alias, "A", str(region.server(web.server).address)) for alias in web.aliases]
    return records


def _pbx_records(region: Region) -> list[Record]:
    """Phones find the exchange by name (RFC 3263), and by a higher number of priority the one that takes over. Only
    transports that it has: UDP, and TLS where telephones speak encrypted."""
    ways = [("_sip._udp", 5060), *([("_sips._tcp", 5061)] if region.numbering.security == "tls-srtp" else [])]
    records: list[Record] = []
    for at, server in enumerate(exchanges(region)):
        label = f"pbx{at + 1}" if at else "pbx"
        name = f"{label}.{region.domain}."
        records.append((label, "A", str(server.address)))
        records += [(owner, "SRV", f"{10 + 20 * at} 10 {port} {name}") for owner, port in ways]
    return records


def _web_records(region: Region, web: WebHost) -> list[Record]:
    address = str(region.server(web.server).address)
    return [(owner, "A", address) for owner in ("@", "www", *web.aliases)]


def _zone(region: Region, name: str, records: Sequence[Record]) -> str:
    """Zone file (RFC 1035 §5) of absolute name `name`; name servers live in the region's own zone."""
    servers = region.group("dns")
    lines = sorted({f"{owner} {kind} {data}" for owner, kind, data in records})
    lines = [f"@ NS {_ns(region, server)}" for server in servers] + lines
    if name == region.domain:
        lines += [f"ns{at} A {server.address}" for at, server in enumerate(servers, 1)]
    body = "\n".join(lines)
    first = _ns(region, servers[0]) if servers else f"ns1.{region.domain}."
    times = "3600 900 1209600 300"  # refresh, retry, expire, negative answers: seconds
    return (
        f"$ORIGIN {name}.\n$TTL 300\n"
        f"@ SOA {first} hostmaster.{region.domain}. {_serial(name, first, body)} {times}\n{body}\n"
    )


def _serial(*parts: str) -> int:
    """1 to 2^32-1, from the content alone."""
    found = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:4], "big")
    return found or 1


def _ns(region: Region, server: Server) -> str:
    at = [known.name for known in region.group("dns")].index(server.name) + 1
    return f"ns{at}.{region.domain}."


def _stanza(zones: Sequence[tuple[str, str]]) -> str:
    """Knot's configuration for zones: (name, file)."""
    return "zone:\n" + "".join(f"  - domain: {name}\n    file: {FOLDER}/{file}\n" for name, file in zones)
