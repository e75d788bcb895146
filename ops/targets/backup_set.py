"""What each source host backs up, where to and with which key."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.model import Region
from ops.targets.host_files import HostFiles, Service


def _sources(region: Region) -> Iterable[str]:
    """Every server that could hold a set: also those that held one until their last one was no longer declared."""
    groups = {"database", "app", "web", "pbx", "monitoring", "dns"}
    declared = {one.server for opd in region.opds for one in opd.backup}
    return declared | {server.name for server in region.servers if groups & set(server.groups)}


TARGET = HostFiles("backup-set", _sources, "/etc/kominfo/backup", Service(folder="0700"))
