"""A drill never restores on what looks like production. Pure.

What is declared is looked at before a drill begins, what the machine itself says before anything is written there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.inventory.model import Region

MAY = {"drc", "restore", "all", "ungrouped"}  # groups of hosts.yml that a drill server may be in
SERVICES = ["postgresql.service", "nginx.service", "asterisk.service", "knot.service", "kominfo-vault.service"]


def declared(region: Region, name: str) -> Iterator[str]:
    """Why a declared server is no place for drills; nothing when it is one."""
    server = region.server(name)
    if groups := sorted(set(server.groups) - MAY):
        yield f"{name} serves in {', '.join(groups)} (hosts.yml)"
    if sources := sorted(f"{opd.code}.{one.name}" for opd in region.opds for one in opd.backup if one.server == name):
        yield f"{name} is where {', '.join(sources)} live"
    if name == region.recovery.vault.server:
        yield f"{name} is the vault"


def standing(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    """Why the machine itself is not the drill server it should be. `told`: see `verify/standing.py`."""
    if str(told["hostname"]).partition(".")[0] != name.partition(".")[0]:
        yield f"it calls itself {told['hostname']}, not {name}"
    if told["sets"]:
        yield f"it is where {', '.join(one.removesuffix('.json') for one in told['sets'])} are backed up"
    if told["units"]:
        yield f"{', '.join(told['units'])} is enabled there"
