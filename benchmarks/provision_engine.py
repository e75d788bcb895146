"""What driving and recording Ansible costs: `python benchmarks/provision_engine.py [--hosts 100] [--pairs 2]`.

1. Hosts × tasks of `debug` by bare ansible-playbook (its output thrown away) and by `run_playbook`, in turns: CPU of
   everything on this machine that each of them starts, and files that are left. Goal: ≤ 10 % more, one record, no
   event files.
2. A record of 1,000 hosts × 40 tasks read while it grows: the memory of who reads it. Goal: ≤ 60 MB.
Each figure is a ratio or an absolute of the same run; compare nothing across machines.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
DRIVER = """
from pathlib import Path
from ops.progress import silent
from ops.system.ansible import Place, Play, run_playbook
from ops.system.ssh import Fleet
folder = Path({folder!r})
key = folder / "none"
place = Place(folder / "hosts.yml", folder / "state", key, key, Fleet({{}}, key, key))
done = run_playbook(Play(str(folder / "play.yml"), place, forks=5), silent)
assert done.complete, done.error
import resource
(folder / "memory").write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""
READER = """
import resource, sys
from pathlib import Path
from ops.progress import silent
from ops.system.ansible_record import Record
record = Record(Path({record!r}), silent)
record.pump()
assert len(record.hosts()) == {hosts}, len(record.hosts())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def cost(argv: list[str], **options: object) -> tuple[float, float]:
    """CPU seconds of the program and all its children, and wall seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - begun


def prepare(folder: Path, hosts: int, tasks: int) -> None:
    names = {f"h{n}": LOCAL for n in range(hosts)}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"hosts": names}}))
    told = [{"name": f"T{n}", "ansible.builtin.debug": {"msg": f"task {n}"}} for n in range(tasks)]
    (folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": told}]))


def driving(folder: Path, hosts: int, tasks: int, pairs: int) -> None:
    prepare(folder, hosts, tasks)
    program = str(Path(sys.executable).parent / "ansible-playbook")
    bare = [program, "-i", str(folder / "hosts.yml"), "--forks", "5", str(folder / "play.yml")]
    ours = [sys.executable, "-c", textwrap.dedent(DRIVER).format(folder=str(folder))]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PYTHONPATH": str(ROOT)}
    ratios = []
    for _ in range(pairs):
        plain, wall = cost(bare, env=environment)
        own, own_wall = cost(ours, env=environment)
        ratios.append(own / plain)
        sys.stdout.write(f"bare {plain:.1f} CPU-s {wall:.1f} s · driven {own:.1f} CPU-s {own_wall:.1f} s\n")
    left = [path for path in (folder / "state").rglob("*.jsonl") if path.is_file()]
    records = [path for path in left if path.parent.name == "runs" and "manifests" not in path.parts]
    sys.stdout.write(
        f"{hosts * tasks} host·tasks: median ratio of CPU {statistics.median(ratios):.3f}; "
        f"files per run {len(records) / pairs:g} (a record), event files {len(left) - len(records)}; "
        f"memory of the driver {float((folder / 'memory').read_text()):.1f} MB\n"
    )


def reading(folder: Path, hosts: int, tasks: int) -> None:
    record = folder / "big.jsonl"
    message = "x" * 200
    with record.open("w") as out:
        for task in range(tasks):
            for host in range(hosts):
                out.write(json.dumps({"begin": f"role : task {task}", "host": f"h{host}"}) + "\n")
                line = {"host": f"h{host}", "task": f"role : task {task}", "state": "changed", "seconds": 0.4}
                change = {"path": "/etc/x", "text": message * 5, "digest": "d" * 64}
                out.write(json.dumps({**line, "about": ["/etc/x"], "changes": [change]}) + "\n")
    argv = [sys.executable, "-c", READER.format(record=str(record), hosts=hosts)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    size = record.stat().st_size / 1e6
    sys.stdout.write(
        f"{hosts} hosts × {tasks} tasks, a record of {size:.0f} MB: read with {float(said.stdout):.1f} MB\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--only", choices=["driving", "reading"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.only != "driving":
            reading(folder, 1000, 40)
        if asked.only != "reading":
            driving(folder, asked.hosts, asked.tasks, asked.pairs)


if __name__ == "__main__":
    main()
