"""Every office → the variables that Ansible sees for it. The inventory plugin serves the very same.

`opd_<code>` belongs to the group of that name (the servers that serve the office). `server_variables` is the same
knowledge turned round: what one server must hold, for the roles that build it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ops.inventory.exchanges import exchanges
from ops.inventory.model import Opd, Region, WebHost
from ops.plan.change import Artifact

KIND = "ansible-vars"
HOST = "station"
DOCUMENTS = "/srv/www"  # where a web server keeps the offices' pages, a folder each

_UNREADABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def artifacts(region: Region) -> Iterable[Artifact]:
    for opd in region.opds:
        yield Artifact(KIND, f"{HOST}/{opd.code}.yml", _text({group(opd): variables(region, opd)}), opd.line)


def _text(value: dict[str, Any]) -> str:
    """YAML in its JSON form, far faster to write than block style. What YAML 1.1 would not read back is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    text = text.replace("{{", "{\\u007b")  # a declared name must not name a secret
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def group(opd: Opd) -> str:
    """The Ansible group of an office; names of groups and variables take no dash."""
    return "opd_" + opd.code.replace("-", "_")


def servers(region: Region, opd: Opd) -> list[str]:
    """The servers that hold something of this office (DNS and monitoring servers hold something of all)."""
    own = {web.server for web in opd.web} | {declared.server for declared in opd.backup}
    if opd.phones:
        own |= {server.name for server in region.group("pbx")}
    return sorted(own)


def web_names(region: Region, web: WebHost) -> list[str]:
    """Every name that a virtual host answers to, the first being its own."""
    own = f"{web.name}.{region.domain}"
    inside = [f"{label}.{own}" for label in ("www", *web.aliases)]
    return [own, *inside, *(f"{alias}.{region.domain}" for alias in web.aliases)]


def variables(region: Region, opd: Opd) -> dict[str, Any]:
    return {
        "code": opd.code,
        "name": opd.name,
        "kind": opd.kind,
        "kecamatan": opd.kecamatan,
        "domains": [f"{web.name}.{region.domain}" for web in opd.web],
        "servers": servers(region, opd),
        "routers": [
            {"name": router.name, "address": str(router.address), "model": router.model} for router in opd.routers
        ],
        "networks": [str(link.lan) for link in opd.links],
        "links": [
            {
                "name": link.name,
                "router": link.router,
                "ifname": link.ifname,
                "upstream": link.contract.upstream,
                "download_bits_per_second": link.contract.download,
                "upload_bits_per_second": link.contract.upload,
            }
            for link in opd.links
        ],
        "extensions": [phone.number for phone in opd.phones.extensions] if opd.phones else [],
        "backup": [
            {"name": one.name, "kind": one.kind, "server": one.server, "source": one.source} for one in opd.backup
        ],
    }


def region_variables(region: Region) -> dict[str, Any]:
    """What every host may know of the region: variable `kominfo_region`."""
    plan = region.addresses
    return {
        "code": region.code,
        "name": region.name,
        "domain": region.domain,
        "timezone": region.timezone,
        "networks": {
            "datacentre": str(plan.datacentre),
            "drc": str(plan.drc),
            "transport": str(plan.transport),
            "offices": str(plan.offices),
        },
        "station": {"address": str(region.station.address), "exporter_port": region.station.exporter_port},
        "pbx": region.numbering.pbx,
        "trunks": sorted({str(address) for trunk in region.numbering.trunks for address in trunk.servers}),
        "vault": {
            "server": region.recovery.vault.server,
            "port": region.recovery.vault.port,
            "writers": sorted({one.server for opd in region.opds for one in opd.backup}),
        },
        "dns": [str(server.address) for server in region.group("dns")],
        "monitoring": [str(server.address) for server in region.group("monitoring")],
        "servers": {server.name: str(server.address) for server in region.servers},
        "factory_ca": list(region.provision.factory_ca),
    }


def server_variables(region: Region, server: str) -> dict[str, Any]:
    """What one server must hold for the offices: databases, document folders, pages, certificates."""
    databases = [
        {"name": one.source, "owner": one.source, "opd": opd.code}
        for opd in region.opds
        for one in opd.backup
        if one.server == server and one.kind == "postgresql"
    ]
    folders = [
        {"path": one.source, "opd": opd.code}
        for opd in region.opds
        for one in opd.backup
        if one.server == server and one.kind == "files"
    ]
    sites = [
        {"path": f"{DOCUMENTS}/{opd.code}", "opd": opd.code}
        for opd in region.opds
        if any(web.server == server for web in opd.web)
    ]
    timers = [
        {"set": f"{opd.code}.{one.name}", **_timer(one.schedule, region.timezone)}
        for opd in region.opds
        for one in opd.backup
        if one.server == server and region.recovery.taken_by == "hosts"
    ]
    certificates = [
        {"name": web.name, "names": web_names(region, web)}
        for opd in region.opds
        for web in opd.web
        if web.server == server
    ]
    if region.numbering.security == "tls-srtp":
        certificates += [
            {"name": "exchange", "names": [f"{one.name}.{region.domain}", str(one.address)]}
            for one in exchanges(region)
            if one.name == server
        ]
    return {
        "kominfo_databases": databases,
        "kominfo_folders": folders,
        "kominfo_sites": sites,
        "kominfo_certificates": certificates,
        "kominfo_backup_timers": timers,
    }


def _timer(schedule: str, timezone: str) -> dict[str, str]:
    """When systemd begins a set's backup: at night or between full hours, spread so that hosts do not come at once."""
    calendar = {"hourly": "*-*-* *:05:00", "daily": "*-*-* 01:00:00", "weekly": "Sun *-*-* 01:00:00"}[schedule]
    return {"calendar": f"{calendar} {timezone}", "delay": "10min" if schedule == "hourly" else "45min"}


def role_secrets(region: Region) -> Iterable[str]:
    """Secrets that roles need to build servers: the owners of databases."""
    for opd in region.opds:
        for one in opd.backup:
            if one.kind == "postgresql":
                yield f"postgresql/{one.source}"
