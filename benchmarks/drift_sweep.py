"""What a sweep costs: `python benchmarks/drift_sweep.py TWIN [-n HOSTS]`, as root, on a twin whose servers are built.

Side by side on the same servers: CPU seconds (here, and of the servers' sshd with all that it started) and bytes on the
wire of a sweep and of a playbook that only looks (`--check --diff`); things changed by hand; and a fleet of many names.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ops.jobs import drift_manifest
from ops.jobs.drift_repair import repair
from ops.jobs.drift_sweep import CLEAN, Swept, sweep
from ops.jobs.provision import provision
from ops.progress import silent
from ops.system.process import Ask
from ops.system.ssh import Fleet
from ops.world import World, attach

ROUNDS = 5
BY_HAND = {  # what a person does → the kind that must be told; all of it a role's, so that a repair undoes it
    "echo '# by hand' >>/etc/sudoers.d/50-kominfo": "file",
    "chmod 0666 /etc/chrony/chrony.conf": "file",
    "rm /usr/local/sbin/kominfo-firewall": "file",
    "chmod 0777 /etc/ssh/authorized_keys.d": "directory",
    "ln -sfn /usr/share/zoneinfo/UTC /etc/localtime": "link",
    "systemctl stop prometheus-node-exporter.service": "unit",
    "nft insert rule inet kominfo input tcp dport 8099 accept": "firewall",
}
STRANGE = {  # nothing declares it: what is done, the kind, how it is undone
    "useradd --shell /bin/bash tamu": ("account", "userdel tamu"),
    "touch /etc/sudoers.d/99-tamu": ("folder", "rm /etc/sudoers.d/99-tamu"),
    "gpasswd --add daemon sudo": ("group", "gpasswd --delete daemon sudo"),
    "nft add table ip tamu": ("firewall", "nft delete table ip tamu"),
    "mkdir -p /root/.ssh; echo x >>/root/.ssh/authorized_keys": ("keys", "rm /root/.ssh/authorized_keys"),
}


@dataclass
class Cost:
    """CPU seconds here and on the servers, wall seconds, bytes both ways."""

    here: float = 0.0
    there: float = 0.0
    wall: float = 0.0
    bytes: int = 0

    def show(self, what: str, of: int) -> None:
        cpu = (self.here + self.there) / of
        print(
            f"{what}: {self.wall:.1f} s wall; a host: {cpu:.2f} CPU-s ({self.here / of:.2f} here, "
            f"{self.there / of:.2f} there), {self.bytes / of / 1000:.1f} kB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("twin")
    parser.add_argument("-n", type=int, default=1000, help="names of the large fleet (0: none)")
    parser.add_argument("--no-check", action="store_true", help="without the playbook")
    asked = parser.parse_args()
    world = attach(asked.twin)
    world.enter()
    hosts = [path.stem for path in sorted((world.state / drift_manifest.FOLDER).glob("*.json"))]
    print(f"load {os.getloadavg()[0]:.1f}; {len(hosts)} servers: {', '.join(hosts)}")
    costs(world, hosts, asked.no_check)
    planted(world, hosts[0])
    if asked.n:
        many(world, hosts, asked.n)


def costs(world: World, hosts: Sequence[str], no_check: bool) -> None:
    """A sweep beside a playbook that looks, on the same servers."""
    sweep(world, hosts)  # modules are loaded
    found: list[list[Swept]] = []
    with cost(world, hosts) as ours:
        for _ in range(ROUNDS):
            found.append(sweep(world, hosts))
            world.fleet.close()
    ours.show(f"sweep (mean of {ROUNDS})", ROUNDS * len(hosts))
    false = sum(len(one.items) for once in found for one in once)
    unknown = sum(one.state != CLEAN and not one.items for once in found for one in once)
    print(f"named on the clean fleet: {false} of 0; unknown: {unknown}")
    if not no_check:
        with cost(world, hosts) as theirs:
            provision(world, hosts, check=True, progress=silent)
        theirs.show("ansible-playbook --check, through ops provision", len(hosts))
        ratio = [
            (a / ROUNDS) / b
            for a, b in (
                (ours.here + ours.there, theirs.here + theirs.there),
                (ours.wall, theirs.wall),
                (ours.bytes, theirs.bytes),
            )
        ]
        print(f"ratio sweep / playbook: CPU {ratio[0]:.4f}, wall {ratio[1]:.4f}, bytes {ratio[2]:.4f}")


def planted(world: World, host: str) -> None:
    """Things done by hand, what is named of them, and what is left after a repair."""
    run(world, host, [*BY_HAND, *STRANGE])
    (found,) = sweep(world, [host])
    kinds = [*BY_HAND.values(), *(kind for kind, _ in STRANGE.values())]
    told = [item.kind for item in found.items if item.kind != "port"]
    missing = [kind for kind in set(kinds) if told.count(kind) < kinds.count(kind)]
    without = [item.name for item in found.items if not item.because]
    print(
        f"{host}: {len(kinds)} things of {len(set(kinds))} kinds by hand; "
        f"named {len(told)}, not named {missing or 'none'}"
    )
    print(f"without a because: {without or 'none'}")
    run(world, host, [undo for _, undo in STRANGE.values()])
    began = time.monotonic()
    errors = repair(world, [found], silent)
    (after,) = sweep(world, [host])
    print(f"repair: {time.monotonic() - began:.1f} s, errors {errors or 'none'}, left {len(after.items)}")


def many(world: World, hosts: Sequence[str], number: int) -> None:
    """A fleet of many names, all of them these few servers."""
    names = {f"sim-{at:04d}": hosts[at % len(hosts)] for at in range(number)}
    fleet = Fleet({name: world.fleet.logins[host] for name, host in names.items()}, world.ssh_key, world.known_hosts)
    large = replace(world, state=world.state / "many")
    large.__dict__["fleet"] = fleet
    for name, host in names.items():
        manifest = drift_manifest.read(world, host)
        assert manifest
        drift_manifest.write(large, replace(manifest, host=name))
    with cost(world, hosts) as spent:
        found = sweep(large, list(names))
    spent.show(f"{number} names", number)
    states = [one.state for one in found]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"clean {states.count(CLEAN)} of {number}; most memory {most:.0f} MB")


@contextmanager
def cost(world: World, hosts: Sequence[str]) -> Iterator[Cost]:
    """What the block costs. The asking itself is measured beforehand and taken away."""
    spent = Cost()
    once, before = asking(world, hosts), there(world, hosts)
    here, wall, wire = cpu_here(), time.monotonic(), wired()
    yield spent
    world.fleet.close()
    spent.wall, spent.here, spent.bytes = time.monotonic() - wall, cpu_here() - here, wired() - wire
    spent.there = there(world, hosts) - before - once


def asking(world: World, hosts: Sequence[str]) -> float:
    first = there(world, hosts)
    return there(world, hosts) - first


def there(world: World, hosts: Sequence[str]) -> float:
    """CPU seconds of the servers' sshd and all that it has waited for."""
    script = "read -r p </run/sshd.pid; cat /proc/$p/stat"
    total = 0.0
    for host in hosts:
        said = world.fleet.on(host).run(["sh", "-c", script]).must().out
        total += sum(map(int, said.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")
    world.fleet.close()
    time.sleep(1)  # until sshd has waited for the sessions
    return total


def cpu_here() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def wired() -> int:
    """Bytes on the station's interfaces, both ways."""
    rows = [line.split(":") for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]]
    fields = {name.strip(): values.split() for name, values in rows}
    return sum(int(one[0]) + int(one[8]) for name, one in fields.items() if name != "lo")


def run(world: World, host: str, lines: Sequence[str]) -> None:
    world.fleet.on(host).run(["sh", "-e", "-s"], Ask(input="\n".join(lines) + "\n")).must()


if __name__ == "__main__":
    main()
