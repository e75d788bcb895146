"""Which servers are telephone exchanges, the one that telephones go to first in front."""

from __future__ import annotations

from ops.inventory.model import Region, Server


def exchanges(region: Region) -> list[Server]:
    """The exchange, then the others of its group, which take over; none when the exchange itself is not declared."""
    first = [server for server in region.servers if server.name == region.numbering.pbx]
    return [*first, *(one for one in region.group("pbx") if one not in first)] if first else []
