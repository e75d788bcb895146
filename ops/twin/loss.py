"""Lose a share of an office's packets, each way, where they arrive: with nft, because many kernels lack netem.

A drop where packets leave would show up as an error to the program that sends them; a bad fibre does not.
"""

from __future__ import annotations

import hashlib

from ops.errors import OpsError
from ops.system import netns
from ops.system.process import Ask, run
from ops.twin.layout import End, Layout

_SHARES = 10_000  # percent in steps of 0.01


def set_loss(twin: str, layout: Layout, opd: str, percent: float) -> int:
    """Lose `percent` of what arrives at either end of every link of an office; 0 mends. The number of links."""
    wires = [wire for wire in layout.wires if wire.kind == "drop" and wire.name.startswith(f"{opd}/")]
    for wire in wires:
        for end in wire.ends:
            _at(f"{twin}.{end.space}", end, percent)
    return len(wires)


def has_netem(twin: str) -> bool:
    """Whether this kernel could also delay packets."""
    name = f"{twin}.station"
    if not netns.existing(name):
        return False
    probe = run(["tc", "-n", name, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"])
    if probe.ok:
        run(["tc", "-n", name, "qdisc", "del", "dev", "lo", "root"])
    return probe.ok


def _at(namespace: str, end: End, percent: float) -> None:
    table = f"loss_{hashlib.sha256(end.ifname.encode()).hexdigest()[:12]}"
    rules = [f"table inet {table}", f"delete table inet {table}"]  # the first line makes the second never fail
    if percent:
        share = round(percent * _SHARES / 100)
        some = f"numgen random mod {_SHARES} < {share} " if share < _SHARES else ""
        drop = f'iifname "{end.ifname}" {some}drop'
        hook = "type filter hook prerouting priority -400"
        rules.append(f"table inet {table} {{\n chain arriving {{\n {hook};\n {drop}\n }}\n}}")
    done = run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], Ask(input="\n".join(rules) + "\n"))
    if not done.ok:
        raise OpsError(f"nft in {namespace}: {done.err.strip().splitlines()[0]}", "apt-get install -y nftables")
