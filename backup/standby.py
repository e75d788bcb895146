"""The standby of a failover drill, as the station sees it: started, asked, switched to and back, taken away."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backup.hostside import pg, pg_prove, probing, programs, service_prove, standby_there
from ops.system import hostpython, http
from ops.system.process import Ask, Exec

SECONDS = 180.0
_THERE = (programs, pg, pg_prove, probing, service_prove, standby_there)
_AGAIN = 0.5  # seconds between looks
QUICK = Ask(timeout=60)


@dataclass(frozen=True)
class Standby:
    """Where it stands. `view`: (address, port) of the test view · `official`: those that serve the regency's names."""

    where: Exec
    folder: str
    address: str
    station: str
    name: str  # host name that people use
    zone: str
    owners: tuple[str, ...]  # names in the zone that lead to the service
    view: tuple[str, int]
    official: tuple[tuple[str, int], ...]
    port: int = 80


def stop(where: Exec, folder: str) -> None:
    """Nothing of a standby runs there any more. HostFailedError when it could not be ended."""
    _call(where, "stop", {"folder": folder})


def start(standby: Standby, units: Sequence[str]) -> None:
    _call(standby.where, "start", {"units": list(units), "station": standby.station, "port": standby.port})


def page(standby: Standby, address: str, probe: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of whoever has that address, asked from here by the service's name."""
    return probing.page(http.door(address, standby.port, probing.SECONDS), standby.name, probe)


def values(standby: Standby, database: Mapping[str, str], sockets: str, queries: Sequence[str]) -> list[dict[str, Any]]:
    about = {"run_as": database["run_as"], "sockets": sockets, "database": dict(database), "asked": list(queries)}
    return list(_call(standby.where, "queries", about))


def answers(standby: Standby, doors: Sequence[tuple[str, int]]) -> list[list[str]]:
    """What each of these name servers says of the service's name."""
    about = {"asked": [[address, str(port)] for address, port in doors], "name": standby.name}
    return list(_call(standby.where, "addresses", about))


def switch(standby: Standby, address: str) -> None:
    """The test view leads there now; nothing else is touched."""
    about = {"folder": f"{standby.folder}/dns", "zone": standby.zone, "owners": list(standby.owners)}
    _call(standby.where, "switch", {**about, "address": address})


def until_right(work: Any, patience: float) -> tuple[Any, list[str]]:
    """Ask until nothing is wrong or the patience (s) is over; what was said last, and what was wrong with it."""
    until = time.monotonic() + patience
    while True:
        said, wrong = work()
        if not any(wrong) or time.monotonic() >= until:
            return said, wrong
        time.sleep(_AGAIN)


def _call(where: Exec, function: str, about: Mapping[str, Any]) -> Any:
    return hostpython.call(where, hostpython.Call(_THERE, function, about, SECONDS))
