"""A standby on the drill server: start what Ansible placed there, ask it, and take all of it away again.

The units' names never change: one failover drill at a time, and whoever cleans up needs to know nothing else.
"""

# ruff: noqa: PTH107, PTH110, PTH118 # names on hosts need not be text
from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from typing import Any

from backup.hostside import probing, programs, service_prove

UNITS = ("kominfo-standby-web.service", "kominfo-standby-database.service", "kominfo-standby-dns.service")
UNIT_FOLDER = "/run/systemd/system"  # gone when the machine starts again
OPENING = "kominfo-standby"  # comment of the one rule of the firewall that lets the station in
_CHAIN = ["inet", "kominfo", "input"]
_SECONDS = 60.0
_SETTLED = 1.0  # seconds that a unit must run to be believed
_NAMES_SECONDS = 15.0  # until a name server that was just started has read its zone
_AGAIN = 0.25


def start(*, units: list[str], station: str, port: int) -> dict[str, Any]:
    """Start the units, and let the station in (nobody else). RuntimeError names a unit that does not run."""
    _must(["systemctl", "daemon-reload"])
    _must(["systemctl", "start", *units])
    _stay(units)
    _close()
    if programs.run(["nft", "list", "chain", *_CHAIN], timeout=_SECONDS)["code"] == 0:
        rule = ["ip", "saddr", station, "tcp", "dport", str(port), "accept", "comment", f'"{OPENING}"']
        _must(["nft", "insert", "rule", *_CHAIN, *rule])
    return {"units": units}


def stop(*, folder: str) -> dict[str, Any]:
    """Nothing of a standby runs, listens or is let in any more; {stopped}. It bears being repeated."""
    _close()
    there = [name for name in UNITS if os.path.exists(os.path.join(UNIT_FOLDER, name))]
    if there:
        programs.run(["systemctl", "stop", *there], timeout=_SECONDS)
        for name in there:
            os.remove(os.path.join(UNIT_FOLDER, name))
        _must(["systemctl", "daemon-reload"])
        programs.run(["systemctl", "reset-failed", *there], timeout=_SECONDS)
    return {"stopped": there, "folder": folder}


def queries(*, run_as: str, sockets: str, database: dict[str, str], asked: list[str]) -> list[dict[str, Any]]:
    """The answers of queries to the standby's database."""
    return [probing.value(run_as, service_prove.where(sockets, database), one) for one in asked]


def addresses(*, asked: list[list[str]], name: str) -> list[list[str]]:
    """What each name server (address, port) says of a name: its addresses, sorted. RuntimeError when one is silent."""
    return [_addresses(server, port, name) for server, port in asked]


def switch(*, folder: str, zone: str, owners: list[str], address: str) -> dict[str, Any]:
    """The test view answers with this address from now on, in one step; {zone, address}."""
    control = ["knotc", "-c", f"{folder}/knot.conf", "-s", f"{folder}/run/knot.sock"]
    programs.run([*control, "zone-abort", zone], timeout=_SECONDS)  # what a killed one left open
    _must([*control, "zone-begin", zone])
    for owner in owners:
        _must([*control, "zone-unset", zone, owner, "A"])
        _must([*control, "zone-set", zone, owner, "300", "A", address])
    _must([*control, "zone-commit", zone])
    return {"zone": zone, "address": address}


def _stay(units: Sequence[str]) -> None:
    """RuntimeError when one of them ends at once: what it said stands in the journal."""
    until = time.monotonic() + _SETTLED
    while time.monotonic() < until:
        for unit in units:
            if programs.run(["systemctl", "is-active", "--quiet", unit], timeout=_SECONDS)["code"] != 0:
                told = programs.run(["journalctl", "-u", unit, "-n", "4", "-o", "cat", "--no-pager"], timeout=_SECONDS)
                raise RuntimeError(f"{unit} does not run: {' / '.join(told['out'].strip().splitlines())}")
        time.sleep(_AGAIN)


def _addresses(server: str, port: str, name: str) -> list[str]:
    argv = ["kdig", "+short", "+timeout=3", "+retry=2", f"@{server}", "-p", port, name, "A"]
    until = time.monotonic() + _NAMES_SECONDS
    while True:
        done = programs.run(argv, timeout=_SECONDS)
        silent = done["code"] != 0 or "WARNING" in done["out"] + done["err"]
        if not silent or time.monotonic() >= until:
            break
        time.sleep(_AGAIN)
    if silent:
        said = (done["err"].strip() or done["out"].strip() or "no answer").splitlines()[-1]
        raise RuntimeError(f"{server} port {port}: {said}")
    return sorted(done["out"].split())


def _close() -> None:
    """Take our opening out of the firewall."""
    told = programs.run(["nft", "-a", "list", "chain", *_CHAIN], timeout=_SECONDS)["out"]
    for handle in re.findall(rf'comment "{OPENING}" # handle (\d+)', told):
        _must(["nft", "delete", "rule", *_CHAIN, "handle", handle])


def _must(argv: Sequence[str]) -> None:
    done = programs.run(argv, timeout=_SECONDS)
    if done["code"] != 0:
        said = (done["err"].strip() or done["out"].strip() or f"exit {done['code']}").splitlines()
        raise RuntimeError(f"{' '.join(argv[:4])}: {said[-1]}")
