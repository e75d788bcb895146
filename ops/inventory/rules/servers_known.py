"""Every server that is named exists in hosts.yml, in the group that does such work."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.nearest import nearest_or_all
from ops.inventory.walk import backups, webs

_GROUPS = {"postgresql": "database", "mariadb": "mariadb"}  # of servers that hold sets of such a kind


def check(region: Region) -> Iterable[Finding]:
    servers = {server.name: server.groups for server in region.servers}
    for thing, key, name, group in _named(region):
        if name not in servers:
            hint = nearest_or_all(name, servers, "server")
            yield Finding(thing, key, f"{name} is no server of hosts.yml", hint)
        elif group and group not in servers[name]:
            able = sorted(known for known, groups in servers.items() if group in groups)
            what = f"{name} is not in the group {group} of hosts.yml"
            yield Finding(thing, key, what, f"servers of that group: {', '.join(able) or 'none'}")


def _named(region: Region) -> Iterable[tuple[Declared, str, str, str]]:
    """Thing, its key, the server named there, and the group it must be in ("" for any)."""
    yield region.numbering, "pbx", region.numbering.pbx, "pbx"
    yield region.recovery.vault, "server", region.recovery.vault.server, "vault"
    yield region.recovery.drills, "server", region.recovery.drills.server, "restore"
    if region.recovery.copy_to:
        yield region.recovery.copy_to, "server", region.recovery.copy_to.server, ""
    if any(kept.kind.startswith("mariadb") for _, kept in backups(region)):
        yield region.recovery.drills, "server", region.recovery.drills.server, "restore_mariadb"
    for _, web in webs(region):
        yield web, "server", web.server, "web"
    for _, kept in backups(region):
        yield kept, "server", kept.server, _GROUPS.get(kept.kind.partition("-")[0], "")
