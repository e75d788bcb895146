"""One office's change from the file to the machines: `python benchmarks/provision_one_office.py TWIN -i INVENTORY`.

As root, on a twin that is built and applied. In a copy of the inventory one office is changed (its contract, then a
web name more), planned and applied by the real commands, and undone. Each is timed from the start of `ops plan` to
the end of `ops apply`: wall, CPU of the commands, CPU of the servers. Every server is asked which files are newer.
Goal: 20 s, and nothing on any host but the office's.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from provision_converge import cpu_there, say

from ops.system import netns
from ops.world import attach

GOAL = 20.0
NOT_ALL = 6  # exit code when a host did not answer or failed; what failed is printed
MARK = "touch /run/kominfo-benchmark; sleep 0.1"
NEWER = "find /etc /srv /usr/local -newer /run/kominfo-benchmark -type f | wc -l"


class Twin:
    """The real `ops` on a twin, with another folder as its inventory."""

    def __init__(self, name: str, inventory: Path, opd: str) -> None:
        self.name, self.inventory, self.opd = name, inventory, opd

    def ops(self, *words: str) -> Any:
        argv = [str(Path(sys.executable).parent / "ops"), *words, "--json", "-q"]
        done = subprocess.run(
            [*argv, "--twin", self.name, "-i", str(self.inventory)], capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, NOT_ALL):
            sys.exit(f"ops {' '.join(words)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def plan(self) -> Any:
        """Of this office alone: a twin may hold no more."""
        return self.ops("plan", "--opd", self.opd)

    def settled(self) -> None:
        plan = self.plan()
        if plan["changes"]:
            say(f"first of all {len(plan['changes'])} changes that the twin still lacks")
            self.ops("apply", plan["checksum"], "--reason", "before a benchmark")


def contract(text: str) -> str:
    return re.sub(r"download: \d+M", "download: 33M", text, count=1)


def name(text: str) -> str:
    return re.sub(r"(?m)^  - name: (\w+)\n(    server: \S+\n)", r"\g<0>    aliases: [zz-\1]\n", text, count=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("twin")
    parser.add_argument("-i", dest="inventory", type=Path, required=True)
    parser.add_argument("--opd", default="dinkes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / asked.inventory.name
        shutil.copytree(asked.inventory, copy)
        twin, office = Twin(asked.twin, copy, asked.opd), copy / "opd" / f"{asked.opd}.yml"
        twin.settled()
        declared = office.read_text(encoding="utf-8")
        for what, changed in (("its contract", contract), ("a web name more", name)):
            measured(twin, office, f"{asked.opd}: {what}", changed)
            office.write_text(declared, encoding="utf-8")
            twin.settled()


def measured(twin: Twin, office: Path, what: str, changed: Callable[[str], str]) -> None:
    before = office.read_text(encoding="utf-8")
    after = changed(before)
    assert after != before, f"{what}: nothing to change in {office}"
    office.write_text(after, encoding="utf-8")
    touched(twin, MARK)
    there, here, begun = cpu_there(twin.name), cpu_children(), time.monotonic()
    plan = twin.plan()
    planned = time.monotonic() - begun
    results = twin.ops("apply", plan["checksum"])["results"]
    wall = time.monotonic() - begun
    here, there = cpu_children() - here, cpu_there(twin.name) - there
    hosts = sorted({one["host"] for one in results})
    kinds = sorted({one["kind"] for one in plan["changes"]})
    failed = sorted({f"{one['host']}: {one['error']}" for one in results if one["error"]})
    newer = touched(twin, NEWER)
    say(f"{what}: {wall:.1f} s ({planned:.1f} s of it the plan; goal {GOAL:.0f}), load {os.getloadavg()[0]:.0f}")
    say(f"  CPU {here:.1f} s here, {there:.1f} s on servers")
    say(f"  {len(results)} changes on {', '.join(hosts)}: {', '.join(kinds)}")
    say(f"  files that are newer: {newer or 'none'}; failed: {failed or 'none'}")
    if set(newer) - set(hosts):
        sys.exit("a host was touched that is not the office's")


def touched(twin: Twin, script: str) -> dict[str, int]:
    """What a script says on every server that is up, where it is not 0."""
    world = attach(twin.name)
    with netns.inside(f"{twin.name}.station"):
        said = {host: world.fleet.on(host).run(["sh", "-c", script]).must().out for host in sorted(world.fleet.logins)}
        world.fleet.close()
    return {host: int(out) for host, out in said.items() if int(out or 0)}


def cpu_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
