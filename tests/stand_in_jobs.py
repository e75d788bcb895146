"""Jobs for tests of the engine: fast steps that write down what they do. Also the process that such a run begins with.

Every line of the log file is one write: `<what> <run> <step> <pid> <monotonic seconds>`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ops.errors import OpsError
from ops.progress import Event, State
from ops.runs.inside import Inside, main
from ops.runs.model import Args, Job, Scope, Verdict, job, kinds
from ops.world import World


def scope(_world: World | None, args: Args) -> Scope:
    hosts = tuple(args.get("hosts", ()))
    return Scope(tuple(args.get("opds", ())), hosts, tuple(f"host:{name}" for name in hosts))


def note(args: Args, what: str, run: str, step: str = "-") -> None:
    with Path(args["log"]).open("ab", buffering=0) as log:
        log.write(f"{what} {run} {step} {os.getpid()} {time.monotonic()}\n".encode())


def lines(log: Path) -> list[list[str]]:
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


@job("steps", "does `steps` steps of `seconds` each", scope=scope)
def steps(run: Inside) -> Verdict:
    done = []
    note(run.args, "open", run.id)
    for number in range(int(run.args["steps"])):
        name = f"step-{number}"

        def work(name: str = name, number: int = number) -> dict[str, Any]:
            note(run.args, "begin", run.id, name)
            time.sleep(float(run.args.get("seconds", 0.01)))
            note(run.args, "end", run.id, name)
            return {"number": number, "padding": "x" * int(run.args.get("bytes", 0))}

        done.append(run.step(name, work)["number"])
        note(run.args, "kept", run.id, name)
        run.progress(Event("steps", name, State.OK, f"{number}"))
    note(run.args, "close", run.id)
    return Verdict({"done": done})


@job("fails", "fails, at once", scope=scope, attempts=2)
def fails(run: Inside) -> Verdict:
    note(run.args, "begin", run.id)
    raise OpsError("it did not work", "try another")


@job("leaks", "tells a secret in every way there is", scope=scope)
def leaks(run: Inside) -> Verdict:
    secret = run.world.secrets.get("canary")
    run.progress(Event("leak", "", State.OK, f"it is {secret}"))
    run.subject("host", "x", "ok", secret)
    run.step("leak", lambda: {"deep": [secret, {secret: secret}]})
    sys.stderr.write(f"stderr {secret}\n")
    if run.args.get("bug"):
        raise RuntimeError(secret)
    return Verdict({"result": secret}, OpsError(secret, secret))


@job("sleeps", "starts programs that do not want to end", scope=scope)
def sleeps(run: Inside) -> Verdict:
    stubborn = "trap '' TERM; while :; do sleep 0.2; done"
    subprocess.Popen(["setsid", "sh", "-c", stubborn], env={**os.environ})
    note(run.args, "begin", run.id)
    time.sleep(600)
    return Verdict({})


JOBS: dict[str, Job] = kinds([steps, fails, leaks, sleeps])

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), JOBS.__getitem__))
