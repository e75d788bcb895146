"""What was changed by hand on real servers of the twin: all named with its reason, put right; nothing else named."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ops.jobs.drift_repair import repair
from ops.jobs.drift_sweep import CLEAN, Swept, servers, sweep
from ops.progress import silent
from ops.sweep.compare import NOBODY
from ops.system import netns
from ops.system.process import Ask
from ops.world import World, attach

pytestmark = pytest.mark.system
HOST = "dc-web"
PORT = 8099
# what a person does → the kind and the name that must be told of it
BY_ROLES = {
    "echo '# by hand' >>/etc/sudoers.d/50-kominfo": ("file", "/etc/sudoers.d/50-kominfo"),
    "chmod 0666 /etc/chrony/chrony.conf": ("file", "/etc/chrony/chrony.conf"),
    "chown www-data /etc/ssh/sshd_config.d/50-kominfo.conf": ("file", "/etc/ssh/sshd_config.d/50-kominfo.conf"),
    "rm /usr/local/sbin/kominfo-firewall": ("file", "/usr/local/sbin/kominfo-firewall"),
    "chmod 0777 /srv/www": ("directory", "/srv/www"),
    "ln -sfn /usr/share/zoneinfo/UTC /etc/localtime": ("link", "/etc/localtime"),
    "touch /etc/nginx/sites-enabled/default": ("absent", "/etc/nginx/sites-enabled/default"),
    "systemctl stop nginx.service": ("unit", "nginx.service"),
    "systemctl --quiet disable prometheus-node-exporter.service": ("unit", "prometheus-node-exporter.service"),
    "nft insert rule inet kominfo input tcp dport 8099 accept": ("firewall", "inet kominfo"),
}
BY_ARTEFACTS = {
    "echo '# by hand' >>/etc/nginx/kominfo/dinkes.conf": ("file", "/etc/nginx/kominfo/dinkes.conf"),
    "chmod 0600 /etc/nginx/kominfo/disdik.conf": ("file", "/etc/nginx/kominfo/disdik.conf"),
}
BY_HAND = {  # nothing declares it; how it goes away again
    "useradd --shell /bin/bash tamu": ("account", "tamu", "userdel tamu"),
    "touch /etc/sudoers.d/99-tamu": ("folder", "/etc/sudoers.d", "rm /etc/sudoers.d/99-tamu"),
    "nft add table ip tamu": ("firewall", "ip tamu", "nft delete table ip tamu"),
    "systemd-run --quiet --collect --unit=tamu python3 -m http.server 8099": (
        "port",
        f"tcp 0.0.0.0:{PORT}",
        "systemctl stop tamu.service",
    ),
}
FOLLOWS = {("port", "tcp 0.0.0.0:80"), ("port", "tcp 0.0.0.0:443"), ("port", "tcp [::]:80"), ("port", "tcp [::]:443")}


@pytest.fixture
def world(applied: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The twin's world, this thread inside its station; afterwards nothing that was done by hand is left."""
    monkeypatch.setenv("OPS_STATE", os.fspath(applied.state))
    made = dataclasses.replace(attach(applied.name), inventory=applied.inventory)
    with netns.inside(f"{applied.name}.station"):
        yield made
        shell(made, [f"{gone} 2>/dev/null || true" for _, _, gone in BY_HAND.values()])
        if (left := sweep(made, [HOST]))[0].state != CLEAN:  # other tests need this server
            repair(made, left, silent)
        made.fleet.close()


def shell(world: World, lines: list[str]) -> None:
    world.fleet.on(HOST).run(["sh", "-e", "-s"], Ask(input="\n".join(lines) + "\n")).must()


def named(found: Swept) -> set[tuple[str, str]]:
    return {(item.kind, item.name) for item in found.items}


def listens(world: World) -> bool:
    return world.fleet.on(HOST).run(["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{PORT}"]).ok


def test_what_was_changed_by_hand_is_named_put_right_and_nothing_else(applied: Any, world: World) -> None:
    before = {one.host: [f"{item.kind} {item.name}: {item.what}" for item in one.items] or one.why
              for one in sweep(world, servers(world)) if one.state != CLEAN}  # fmt: skip
    assert before == {}

    shell(world, [*BY_ROLES, *BY_ARTEFACTS, *BY_HAND])
    end = time.monotonic() + 60
    while not listens(world):  # its Python begins
        assert time.monotonic() < end
    (found,) = sweep(world, [HOST])
    planted = {*BY_ROLES.values(), *BY_ARTEFACTS.values(), *((kind, name) for kind, name, _ in BY_HAND.values())}
    assert named(found) - FOLLOWS == planted
    because = {(item.kind, item.name): item.because for item in found.items}
    assert all(because[one].startswith("role ") for one in BY_ROLES.values())
    assert all("/opd/" in because[one] for one in BY_ARTEFACTS.values())
    assert all(because[kind, name].startswith((NOBODY, "role common")) for kind, name, _ in BY_HAND.values())
    tags = found.repair["tags"]
    assert {"firewall", "web"} < set(tags), "and the tag of the machine's own settings"
    assert {"monitoring", "dns", "database", "backup"}.isdisjoint(tags)

    shown = applied.on_twin("drift", "repair", "--host", HOST, code=4)
    assert f"{HOST}: would converge {', '.join(tags)}" in shown
    shell(world, [gone for _, _, gone in BY_HAND.values()])
    applied.on_twin("drift", "repair", "--host", HOST, "--yes", "--reason", "what a person changed by hand")
    (after,) = sweep(world, [HOST])
    assert (after.state, named(after)) == (CLEAN, set())
