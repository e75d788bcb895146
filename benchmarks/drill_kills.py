"""kill -9 at random moments of a real drill: how many go on and prove, what was repeated, what was left behind.

    sudo nice .venv/bin/python benchmarks/drill_kills.py --kills 30 [--seed 1] [--set dokumen-dinkes]
    OPS_STATE=… sudo -E nice .venv/bin/python benchmarks/drill_kills.py --kills 30 --twin NAME --failover layanan

On a loopback twin of its own (sources, vault and drills are folders of this machine), with the real `ops`, restic and
job engine. Killed are the command, the run's own process, or all of them; `ops drill resume` goes on, unless the
command itself did. Prints one line a kill, then the counts.

With --service or --failover: drills of a whole service on a twin that is up, whose sets are backed up.
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
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from limits import over

ROOT = Path(__file__).parents[1]
OPS = str(Path(sys.executable).parent / "ops")
INVENTORY = str(ROOT / "inventories/batubara")
NAME = f"dk{os.getpid()}"
VICTIMS = ("the command", "the run's process", "all")
PATIENCE = 120.0  # seconds
FIRST = ("went on and proved", "not proven", "finished steps repeated")


class Rig:
    def __init__(self, state: Path, wanted: tuple[str, ...], twin: str = "") -> None:
        """`wanted`: what is drilled, in the command's words; `twin`: one that is up, else a loopback twin of ours."""
        self.state, self.wanted, self.twin = state, wanted, twin or NAME
        self.env = {**os.environ, "OPS_STATE": str(state), **({} if twin else {"OPS_LOOPBACK": "1"})}

    def argv(self, *words: str) -> list[str]:
        return [OPS, *words, "--twin", self.twin, "-i", INVENTORY, "--json", "-q"]

    def json(self, *words: str) -> Any:
        done = subprocess.run(self.argv(*words), env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def start(self) -> subprocess.Popen[str]:
        out = subprocess.PIPE
        words = self.argv("drill", "run", *self.wanted)
        return subprocess.Popen(words, env=self.env, cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL, text=True)

    def ours(self) -> dict[int, bool]:
        """Processes of a run (not the twin's own): number → whether it is the run itself, not what it has started."""
        mark, found = f"OPS_STATE={self.state}".encode(), {}
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                values = path.read_bytes().split(b"\0")
                if mark in values and any(one.startswith(b"OPS_RUN_ID=1") for one in values):
                    found[int(path.parent.name)] = b"python" in (path.parent / "cmdline").read_bytes()
        return found

    def steps(self, run: str) -> dict[str, tuple[int, float]]:
        """Of a run: step → (how often it was begun, when it ended)."""
        told = self.json("jobs", "show", run)["steps"]
        return {one["name"]: (one["begun"], one["ended"]) for one in told if one["ended"]}

    def newest(self) -> dict[str, Any]:
        runs = [one for one in self.json("jobs", "list") if one["kind"].startswith("drill")]
        return max(runs, key=lambda one: one["created"], default={})


def kill(number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


def once(rig: Rig, chance: random.Random, seconds: float, found: Counter[str]) -> str:
    before = rig.newest().get("id")
    command, what = rig.start(), chance.choice(VICTIMS)
    after = chance.uniform(0.05, 1.0) * seconds
    with suppress(subprocess.TimeoutExpired):
        command.wait(after)
        found["ended before the kill"] += 1
        return f"{what} after {after:.1f} s: it had ended"
    victims = list(rig.ours()) if what != "the command" else []
    if what == "the run's process":
        victims = victims[:1]
    for victim in victims:
        kill(victim)
    if what != "the run's process":
        command.kill()
    done: list[dict[str, Any]] = []
    out, _ = command.communicate()
    old = rig.newest()
    if old.get("id") == before:
        found["killed before it was asked for"] += 1
        return f"{what} after {after:.1f} s: before it was asked for"
    if command.returncode == 0:
        done, kept = json.loads(out), {}
        how = "the command went on by itself"
    else:
        end = time.monotonic() + PATIENCE
        while rig.ours() and time.monotonic() < end:  # what a killed command has started ends by itself
            time.sleep(0.2)
        kept = {name: one[1] for name, one in rig.steps(old["id"]).items()}
        done = rig.json("drill", "resume", old["id"])
        how = f"resumed with {len(kept)} steps kept"
    now = rig.steps(rig.newest()["id"])
    found["went on and proved"] += [one["proven"] for one in done] == [True]
    found["not proven"] += [one["proven"] for one in done] != [True]
    found["finished steps repeated"] += sum(now[name][1] != ended for name, ended in kept.items())
    return f"{what} after {after:.1f} s: {how}"


def left(rig: Rig, room: Path) -> Counter[str]:
    end = time.monotonic() + PATIENCE
    while rig.ours() and time.monotonic() < end:
        time.sleep(0.2)
    state = rig.state / "twin" / NAME
    index = (state / "evidence/index.jsonl").read_text().splitlines()
    return Counter({
        "processes left": len(rig.ours()),
        "folders left in the drill's room": len(list(room.iterdir())) if room.exists() else 0,
        "shelves left": len(list((state / "drills").glob("*.shelf"))),
        "records written twice": len(index) - len({json.loads(line)["file"] for line in index}),
    })  # fmt: skip


def left_there(rig: Rig) -> Counter[str]:
    """What is left on the twin's drill server."""
    script = (
        "sudo ls /srv/kominfo-dril[l] | wc -l; ls /run/systemd/system | grep -c kominfo-standby; "
        "sudo nft list ruleset | grep -c kominfo-standby; pgrep -f '[/]srv/kominfo-drill' | wc -l"
    )
    words = [OPS, "twin", "ssh", "--name", rig.twin, "drc-restore", script]
    said = subprocess.run(words, env=rig.env, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    names = ("folders", "units", "openings of the firewall", "processes")
    return Counter({f"{name} left on the drill server": int(said[at]) for at, name in enumerate(names)})


def on_twin(args: argparse.Namespace, found: Counter[str]) -> None:
    wanted = ("--failover", args.failover) if args.failover else ("--service", args.service)
    rig, chance = Rig(Path(os.environ["OPS_STATE"]), wanted, args.twin), random.Random(args.seed)
    begun = time.monotonic()
    rig.json("drill", "run", *wanted)
    seconds = time.monotonic() - begun
    print(f"seed {args.seed}; {' '.join(wanted)} takes {seconds:.1f} s here", flush=True)
    end = time.monotonic() + args.minutes * 60
    while found["went on and proved"] + found["not proven"] < args.kills and time.monotonic() < end:
        print(once(rig, chance, seconds, found), flush=True)
    found.update(left_there(rig))
    found["shelves left"] = len(list((rig.state / "twin" / args.twin / "drills").glob("*.shelf")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", default="dokumen-dinkes")
    parser.add_argument("--twin", default="", help="a twin that is up, for --service and --failover")
    parser.add_argument("--service", default="")
    parser.add_argument("--failover", default="")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no kill after so long")
    args = parser.parse_args()
    found = Counter[str]()
    if args.service or args.failover:
        on_twin(args, found)
    else:
        on_loopback(args, found)
    for what in FIRST:
        print(f"{found.setdefault(what, 0):4} {what}")
    for what, count in found.items():
        if what not in FIRST:
            print(f"{count:4} {what}")
    return over(*((what, count, 0) for what, count in found.items() if what in FIRST[1:] or "left" in what.split()))


def on_loopback(args: argparse.Namespace, found: Counter[str]) -> None:
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="drill-kills-") as name:
        rig = Rig(Path(name), ("--set", args.set))
        up = [OPS, "twin", "up", "--name", NAME, "-i", INVENTORY]
        subprocess.run(up, env=rig.env, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        try:
            rig.json("backup", "seed", "--set", args.set)
            rig.json("backup", "run", "--set", args.set)
            begun = time.monotonic()
            rig.json("drill", "run", "--set", args.set)
            seconds = time.monotonic() - begun
            print(f"seed {args.seed}; one drill takes {seconds:.1f} s here", flush=True)
            while found["went on and proved"] + found["not proven"] < args.kills:
                print(once(rig, chance, seconds, found), flush=True)
            world = json.loads((rig.state / "twin" / NAME / "world.json").read_text())
            found.update(left(rig, Path(world["facts"]["room"]) / "d"))
        finally:
            subprocess.run([OPS, "twin", "down", "--name", NAME], env=rig.env, cwd=ROOT, check=False)


if __name__ == "__main__":
    sys.exit(main())
