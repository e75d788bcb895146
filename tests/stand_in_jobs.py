"""Jobs for tests of the engine: fast steps that write down what they do. Also the process that such runs are copies of.

Every line of the log file is one write: `<what> <run> <step> <pid> <monotonic seconds>`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.progress import Event, State
from ops.runs.inside import Inside, main
from ops.runs.model import Args, Job, Scope, Verdict, job, kinds
from ops.world import World

TICK = 0.01  # seconds between two signs of life in the log
ODD = "nul \0 half \ud800 whole \N{SNOWMAN}"  # what file names and programs may say
STUBBORN = "trap '' TERM; while :; do sleep 0.2; done"


def scope(_world: World | None, args: Args) -> Scope:
    """`hosts` are swept when a run goes on; `boxes` are locks only."""
    hosts = tuple(args.get("hosts", ()))
    locks = [f"host:{name}" for name in hosts] + [f"box:{name}" for name in args.get("boxes", ())]
    return Scope(tuple(args.get("opds", ())), hosts, tuple(locks))


def note(args: Args, what: str, run: str, step: str = "-") -> None:
    with Path(args["log"]).open("ab", buffering=0) as log:
        log.write(f"{what} {run} {step} {os.getpid()} {time.monotonic()}\n".encode())


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def busy(args: Args, run: str, step: str, seconds: float) -> None:
    """Work for so long, and show all the time that it does."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(TICK, left))
        note(args, "tick", run, step)


@job("steps", "does `steps` steps of `seconds` each", scope=scope)
def steps(run: Inside) -> Verdict:
    done = []
    note(run.args, "open", run.id)
    for number in range(int(run.args["steps"])):
        name = f"step-{number}"

        def work(name: str = name, number: int = number) -> dict[str, Any]:
            note(run.args, "begin", run.id, name)
            busy(run.args, run.id, name, float(run.args.get("seconds", 0.01)))
            note(run.args, "end", run.id, name)
            return {"number": number, "padding": "x" * int(run.args.get("bytes", 0))}

        kept = run.step(name, work)
        done.append([kept["number"], len(kept["padding"])])
        note(run.args, "kept", run.id, name)
        run.progress(Event("steps", name, State.OK, f"{number}"))
    note(run.args, "close", run.id)
    return Verdict({"done": done})


@job("waits", "one step that only waits `seconds`", scope=scope)
def waits(run: Inside) -> Verdict:
    note(run.args, "open", run.id)
    run.step("wait", lambda: time.sleep(float(run.args["seconds"])))
    note(run.args, "close", run.id)
    return Verdict({})


@job("fails", "fails, the first `times` times", scope=scope, attempts=3)
def fails(run: Inside) -> Verdict:
    run.step("before", lambda: note(run.args, "begin", run.id, "before"))
    note(run.args, "fail", run.id)
    if sum(line[0] == "fail" and line[1] == run.id for line in lines(Path(run.args["log"]))) <= run.args["times"]:
        raise OpsError("it did not work", "try another")
    return Verdict({"worked": True})


@job("dies", "its process dies without a word, the first `times` times", scope=scope)
def dies(run: Inside) -> Verdict:
    note(run.args, "die", run.id)
    if sum(line[0] == "die" and line[1] == run.id for line in lines(Path(run.args["log"]))) <= run.args["times"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return Verdict({})


@job("lingers", "says how it went, but a thread of it goes on", scope=scope)
def lingers(run: Inside) -> Verdict:
    threading.Thread(target=time.sleep, args=(600,)).start()
    return Verdict({"said": True})


@job("leaves", "ends well, but leaves a program running that goes on with the host", scope=scope)
def leaves(run: Inside) -> Verdict:
    note(run.args, "open", run.id)
    beat = "import sys, time; sys.path[:0] = sys.argv[1:2]; from stand_in_jobs import busy; busy({'log': sys.argv[2]}"
    beat += ", sys.argv[3], 'left', 600)"
    words = [sys.executable, "-c", beat, str(Path(__file__).parent), str(run.args["log"]), run.id]
    subprocess.run(["sh", "-c", 'setsid "$@" &', "sh", *words], check=True)  # nobody's child any more
    while not any(line[:3] == ["tick", run.id, "left"] for line in lines(Path(run.args["log"]))):
        time.sleep(0.02)
    return Verdict({})


@job("odd", "says what no text should hold", scope=scope)
def odd(run: Inside) -> Verdict:
    run.progress(Event("odd", ODD, State.OK, ODD))
    run.subject("host", "x", "ok", ODD)
    first = run.step("odd", lambda: {"text": ODD, ODD: (1, {2: "three"}, Path("/tmp"))})
    return Verdict({"first": first, "again": run.step("odd", dict)})


@job("leaks", "tells a secret in every way there is", scope=scope)
def leaks(run: Inside) -> Verdict:
    secret = run.world.secrets.get("canary")
    run.progress(Event(f"leak {secret}", secret, State.OK, f"it is {secret}"))
    run.subject("host", f"x {secret}", secret, secret)
    run.step("leak", lambda: {"deep": [secret, {secret: (secret, Path(f"/{secret}"))}], "padding": "x" * 100_000})
    for stream in (sys.stderr, sys.stdout):
        stream.write(f"said {secret}\n")
    threading.Thread(target=lambda: 1 / len(secret[:0]) if secret else 0, name=secret).start()
    if run.args.get("bug"):
        raise RuntimeError(secret)
    return Verdict({"result": (secret, Path(secret))}, OpsError(secret, secret))


@job("sleeps", "starts programs that do not want to end", scope=scope)
def sleeps(run: Inside) -> Verdict:
    subprocess.Popen(["setsid", "sh", "-c", STUBBORN], env={**os.environ})
    note(run.args, "begin", run.id)
    time.sleep(600)
    return Verdict({})


JOBS: dict[str, Job] = kinds([steps, waits, fails, dies, lingers, leaves, odd, leaks, sleeps])

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), JOBS.__getitem__))
