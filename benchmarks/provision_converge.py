"""What a converge that changes nothing costs, by each gear: `python benchmarks/provision_converge.py TWIN [--pairs 2]`.

As root, on a twin whose servers are built (`ops provision --twin TWIN`). Pipelined Ansible and the fast gear (mitogen)
in turns, through `ops provision`: wall, CPU of this machine's side (Ansible and all that it starts, and the look at the
hosts afterwards) and CPU of the servers, less what they use while nobody asks anything of them. Goal: the fast gear
needs at most a quarter of either. Compare nothing across machines.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.jobs.provision import Extra, provision
from ops.system.ansible import RunSummary
from ops.world import World, attach

GROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")  # a hybrid machine's, or the only tree
QUIET = 10  # seconds over which the servers' own use is taken
GOAL = 0.25


@dataclass
class Cost:
    """Seconds: wall, CPU of the station, CPU of the servers."""

    wall: float = 0.0
    here: float = 0.0
    there: float = 0.0

    @property
    def cpu(self) -> float:
        return self.here + self.there

    def __str__(self) -> str:
        return f"{self.wall:.1f} s wall, {self.cpu:.1f} CPU-s ({self.here:.1f} here, {self.there:.1f} on servers)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("twin")
    parser.add_argument("--limit", default="", help="servers or groups, by commas (default: all)")
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--only", choices=["plain", "fast"])
    parser.add_argument("--slowest", type=int, default=0, help="also name so many tasks, by the time that hosts spent")
    asked = parser.parse_args()
    world, limit = attach(asked.twin), [word for word in asked.limit.split(",") if word]
    world.enter()
    rate = idle(world.name)
    say(f"load {os.getloadavg()[0]:.1f}; the servers alone use {rate:.3f} CPU-s a second, which is taken away")
    spent: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(asked.pairs):
        for gear in [asked.only] if asked.only else ["plain", "fast"]:
            cost, summary = converge(world, limit, gear == "fast", rate)
            spent[gear].append(cost)
            say(f"{gear}: {cost}; {told(summary)}")
            slowest(summary, asked.slowest)
    if not asked.only:
        ratios(spent)


def ratios(spent: dict[str, list[Cost]]) -> None:
    for name in ("wall", "cpu", "here", "there"):
        found = [
            getattr(fast, name) / getattr(plain, name)
            for plain, fast in zip(spent["plain"], spent["fast"], strict=True)
        ]
        goal = f" (goal {GOAL})" if name in ("wall", "cpu") else ""
        say(f"ratio fast / plain, {name}: {statistics.median(found):.3f}{goal}")


def converge(world: World, limit: Sequence[str], fast: bool, rate: float) -> tuple[Cost, RunSummary]:
    with cost(world.name, rate) as spent:
        summary = provision(world, limit, extra=Extra(fast=fast))
    changed = {name: host.changed for name, host in summary.hosts.items() if host.changed or host.error}
    if changed:
        sys.exit(f"this is no converge without changes: {changed}; {summary.record}")
    return spent, summary


def told(summary: RunSummary) -> str:
    tasks = sum(host.ok for host in summary.hosts.values())
    return f"{len(summary.hosts)} servers, {tasks} host·tasks, changed 0"


def slowest(summary: RunSummary, most: int) -> None:
    by: dict[str, list[float]] = defaultdict(list)
    for line in map(json.loads, summary.record.read_text(encoding="utf-8").splitlines()):
        if "state" in line:
            by[line["task"]].append(line.get("seconds", 0.0))
    for task, seconds in sorted(by.items(), key=lambda one: -sum(one[1]))[:most]:
        say(f"  {sum(seconds):6.1f} s on {len(seconds)} hosts: {task}")


@contextmanager
def cost(twin: str, rate: float) -> Iterator[Cost]:
    """What the block costs; `rate`: CPU seconds a second that the servers use anyway."""
    spent = Cost()
    there, here, wall = cpu_there(twin), cpu_here(), time.monotonic()
    yield spent
    spent.wall = time.monotonic() - wall
    spent.here = cpu_here() - here
    spent.there = max(cpu_there(twin) - there - rate * spent.wall, 0.0)


def idle(twin: str) -> float:
    before = cpu_there(twin)
    time.sleep(QUIET)
    return (cpu_there(twin) - before) / QUIET


def cpu_there(twin: str) -> float:
    """CPU seconds of all servers since they were booted."""
    for top in GROUPS:
        found = Path(top) / "kominfo-ops" / twin / "cpu.stat"
        if found.is_file():
            return int(found.read_text().split()[1]) / 1e6
    sys.exit(f"no cgroup of the twin {twin}: is it up?")


def cpu_here() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
