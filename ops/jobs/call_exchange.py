"""At which exchange a test call's telephones are, and which one carried it."""

from __future__ import annotations

from dataclasses import replace

from ops.derive import pbx
from ops.inventory.model import Region
from ops.jobs.call_report import CallReport
from ops.system.sip.place import Account
from ops.world import World

SIP_PORT = 5060


def account(world: World, number: str) -> Account:
    """As in the telephone's own file: the exchange, and the one that takes over."""
    server, *others = [(str(one.address), SIP_PORT) for one in pbx.exchanges(world.region)]
    return Account(number, world.secrets.get(f"voip/{number}"), world.region.domain, server, tuple(others[:1]))


def named(region: Region, report: CallReport) -> CallReport:
    """The report with the exchange's name in the place of its address."""
    names = {str(server.address): server.name for server in pbx.exchanges(region)}
    return replace(report, exchange=names.get(report.exchange, report.exchange))


def stood_in(region: Region, exchange: str) -> str:
    """What to add when another one than the first carried the call; "" when it was the first."""
    first = region.numbering.pbx
    return f", by {exchange}: {first} does not answer" if exchange != first else ""
