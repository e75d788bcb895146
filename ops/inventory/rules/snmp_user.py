"""SNMPv3 needs a user; v1 and v2c have none."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Declared, Region
from ops.inventory.polling import Snmp
from ops.inventory.walk import polled


def check(region: Region) -> Iterable[Finding]:
    asked: list[tuple[Declared, Snmp | None]] = [(region.access, region.access.snmp)]
    asked += [(one, one.snmp) for one in polled(region)]
    for owner, snmp in asked:
        if snmp and snmp.version == "3" and not snmp.user:
            yield Finding(owner, "snmp", "version 3 needs a user", "write user: <name>, as it stands on the device")
        if snmp and snmp.version != "3" and snmp.user:
            yield Finding(owner, "snmp", f"version {snmp.version} has no user", "write version: 3, or leave user out")
