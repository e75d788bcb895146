"""kill -9 in the middle of real jobs: restic backups, drills and playbooks on a twin, at seeded random moments.

    sudo .venv/bin/python benchmarks/jobs_real_kills.py --kills 30

Boots a twin of its own and takes it down. Prints what was killed when, then the counts that must all be 0: jobs lost,
finished steps done again, two jobs on one host at the same time, locks left (in the job database, in the vault's
repositories), processes left (here, on the servers).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OPS = str(Path(sys.executable).parent / "ops")
INVENTORY = str(ROOT / "inventories/batubara")
NAME = "kills"
WORDS = (
    ("backup", "run", "--set", "simpus"),
    ("backup", "run", "--set", "simpus,dokumen-dinkes"),
    ("backup", "run", "--set", "dokumen-dinkes"),
    ("drill", "run", "--set", "simpus"),
    ("provision", "--limit", "dc-web", "--tags", "common"),
    ("provision", "--limit", "dc-db,dc-app", "--tags", "common"),
)
SERVERS = ("dc-db", "dc-app", "dc-web", "drc-restore", "drc-vault")


class Rig:
    """`ops` on the twin, and the service that is killed."""

    def __init__(self, state: Path) -> None:
        self.env = {**os.environ, "OPS_STATE": str(state)}
        self.log = (state / "serve.log").open("ab")
        self.service: subprocess.Popen[bytes] | None = None

    def ops(self, *words: str) -> str:
        done = subprocess.run([OPS, *words], env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ops(*words, "--twin", NAME, "-i", INVENTORY, "--json", "-q"))

    def start(self) -> None:
        argv = [OPS, "serve", "--no-exporter", "--twin", NAME, "-i", INVENTORY]
        self.service = subprocess.Popen(argv, env=self.env, cwd=ROOT, stderr=self.log, start_new_session=True)

    def kill(self, what: str) -> None:
        """The worker, one run's process, or all of them at once."""
        assert self.service
        ours = Path("/proc/self/ns/pid").readlink()  # the servers' own processes are not this machine's
        runs = [pid for pid in marked(self.env["OPS_STATE"]) if namespace(pid) == ours]
        if what != "a run's process":
            self.service.kill()
        first = [pid for pid in runs if parent(pid) not in runs]  # not the programs that it has started
        for pid in first[:1] if what == "a run's process" else runs * (what == "all"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if what != "a run's process":
            self.service.wait()


def namespace(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def marked(state: str) -> list[int]:
    """Processes of this machine that belong to a run of this benchmark: others may have theirs here."""
    found, ours = [], f"OPS_STATE={state}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            values = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if ours in values and any(value.startswith(b"OPS_RUN_ID=1") for value in values):
            found.append(int(path.parent.name))
    return found


def finished(rig: Rig, runs: list[str]) -> dict[tuple[str, str], float]:
    """When each step that has ended did so."""
    stories = [rig.json("jobs", "show", run) for run in runs]
    return {(one["id"], step["name"]): step["ended"] for one in stories for step in one["steps"] if step["ended"]}


def campaign(rig: Rig, kills: int, seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    runs: list[str] = []
    done: dict[tuple[str, str], float] = {}
    again = 0
    rig.start()
    for number in range(kills):
        waiting = [run for run in rig.json("jobs", "list") if run["state"] in {"waiting", "running"}]
        while len(waiting) < 3:
            words = chance.choice(WORDS)
            run = rig.json(*words, "--enqueue")["run"]
            runs.append(run)
            waiting.append(run)
        time.sleep(chance.uniform(0.5, 6.0))
        what = chance.choice(["the worker", "a run's process", "all"])
        rig.kill(what)
        seen = finished(rig, runs[-8:])
        again += sum(done.get(key, ended) != ended for key, ended in seen.items())
        done.update(seen)
        print(f"kill {number + 1}: {what}; {len(runs)} jobs asked for, {len(done)} steps finished", flush=True)
        if what != "a run's process":
            rig.start()
    return {**settle(rig, runs), "finished steps done again": again + changed(rig, runs, done)}


def changed(rig: Rig, runs: list[str], done: dict[tuple[str, str], float]) -> int:
    now = finished(rig, runs)
    return sum(now.get(key) != ended for key, ended in done.items())


def settle(rig: Rig, runs: list[str]) -> dict[str, int]:
    """Wait until all have ended, then count what must not be."""
    end = time.monotonic() + 900
    while time.monotonic() < end:
        told = [rig.json("jobs", "show", run) for run in runs]
        if all(one["ended"] for one in told):
            break
        time.sleep(2)
    lost = [one for one in told if one["state"] != "done"]
    for one in lost:
        print("NOT DONE", one["id"], one["kind"], one["state"], one["error"])
    assert rig.service
    rig.service.terminate()
    rig.service.wait()
    return {
        "jobs lost": len(lost),
        "two jobs on one host": sum(overlaps(told)),
        "locks left in the job database": locks(rig),
        "processes left here": len(marked(rig.env["OPS_STATE"])),
        "processes left on the servers": sum(left_on(rig, server) for server in SERVERS),
    }


def overlaps(told: list[dict[str, Any]]) -> Iterator[int]:
    """Runs that share a lock hold it from their start to their end, crashes included."""
    for number, one in enumerate(told):
        for other in told[number + 1 :]:
            shared = set(one["locks"]) & set(other["locks"])
            yield int(bool(shared) and one["started"] < other["ended"] and other["started"] < one["ended"])


def locks(rig: Rig) -> int:
    from ops.runs.tables import open_database  # noqa: PLC0415

    with open_database(Path(rig.env["OPS_STATE"]) / "twin" / NAME).read() as tx:
        return int((tx.one("SELECT count(*) AS n FROM lock") or {"n": 0})["n"])


def left_on(rig: Rig, server: str) -> int:
    script = "grep -lazx 'OPS_RUN_ID=1[0-9a-f]*' /proc/[0-9]*/environ 2>/dev/null | wc -l"
    return int(rig.ops("twin", "ssh", "--name", NAME, server, "--", "sudo", "sh", "-c", f'"{script}"'))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=20261122)
    asked = parser.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="ops-kills-") as folder:
        rig = Rig(Path(folder))
        rig.ops("twin", "up", "--name", NAME, "-i", INVENTORY, "--opd", "dinkes", "-q")
        try:
            rig.ops("provision", "--twin", NAME, "-i", INVENTORY, "-q")
            apply_what_is_there(rig)
            rig.ops("backup", "seed", "--twin", NAME, "-i", INVENTORY, "--set", "simpus,dokumen-dinkes", "-q")
            rig.json("backup", "run", "--set", "simpus,dokumen-dinkes")
            begun = time.monotonic()
            counts = campaign(rig, asked.kills, asked.seed)
            print(f"{asked.kills} kills in {time.monotonic() - begun:.0f} s, seed {asked.seed}")
            for name, count in counts.items():
                print(f"{count:6} {name}")
        finally:
            rig.ops("twin", "down", "--name", NAME, "-q")
    return int(any(counts.values()))


def apply_what_is_there(rig: Rig) -> None:
    """The twin has one office: what is for the others' routers cannot be applied, and need not be."""
    common = ("--twin", NAME, "-i", INVENTORY, "--json", "-q")
    plan = json.loads(subprocess.run([OPS, "plan", *common], env=rig.env, cwd=ROOT, stdout=-1, check=False).stdout)
    subprocess.run(
        [OPS, "apply", plan["checksum"], *common, "--reason", "first build"],
        env=rig.env, cwd=ROOT, stdout=-3, stderr=-3, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
