"""Killed, paused, upgraded, without its database: nothing is lost, nothing done twice, nobody has to help."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_rig import cluster, sql
from backup_rig import rig as backup_rig
from job_rig import LONG, Rig, ended_twice, repeated, rig, together, until

from ops.runs import audit, queue
from ops.runs.leases import MACHINE_VARIABLE
from ops.runs.model import RunState

DONE = [[number, 0] for number in range(4)]
FIRST = "first"


@pytest.fixture
def jobs(database_url: str, tmp_path: Path) -> Iterator[Rig]:
    with rig(database_url, tmp_path / "rig") as made:
        yield made


def well_done(made: Rig, *runs: str, places: tuple[str, ...] = ("a",)) -> None:
    """All have ended well, and what must never happen has not."""
    for done in made.ended(*runs):
        assert (done.state, done.result) == (RunState.DONE, {"done": DONE}), done
    made.quit()
    assert repeated(made.log) == []
    assert together(made.log, {run: list(places) for run in runs}) == []
    assert made.all("SELECT * FROM lock") == []
    assert audit.problems(made.database) == []
    assert until(lambda: not made.processes(), "all processes to end")


def in_a_step(made: Rig, run: str, step: str = "step-1") -> int:
    """The number of the process of a run that is in that step."""
    return int(until(lambda: made.said("begin", run, step), f"{step} to begin")[-1][3])


def test_a_run_whose_process_is_killed_goes_on(jobs: Rig) -> None:
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    jobs.work()
    os.kill(in_a_step(jobs, run), signal.SIGKILL)
    well_done(jobs, run)
    assert [len(jobs.said("begin", run, f"step-{number}")) for number in range(4)] == [1, 2, 1, 1]


def test_a_run_goes_on_although_the_process_that_processes_are_copies_of_is_killed(jobs: Rig) -> None:
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    jobs.work()
    process = in_a_step(jobs, run)
    nursery = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(nursery, signal.SIGKILL)
    in_a_step(jobs, run, "step-2")
    os.kill(process, signal.SIGKILL)
    well_done(jobs, run)


def test_a_run_whose_process_is_ended_by_others_goes_on(jobs: Rig) -> None:
    """As when the machine shuts down: everything is told to end, the runs before their worker."""
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    jobs.work()
    os.kill(in_a_step(jobs, run), signal.SIGTERM)
    well_done(jobs, run)


def test_a_killed_workers_runs_go_to_another(jobs: Rig) -> None:
    first = jobs.work(FIRST)
    runs = [jobs.ask(steps=4, seconds=0.4, boxes=["a"]), jobs.ask(steps=4, seconds=0.1, boxes=["a"])]
    in_a_step(jobs, runs[0])
    jobs.work("second")
    first.kill()
    well_done(jobs, *runs)
    assert {"worker died", "resumed"} <= {row["act"] for row in jobs.all("SELECT act FROM audit")}


def test_a_worker_that_is_killed_and_started_again_goes_on(jobs: Rig) -> None:
    first = jobs.work()
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    in_a_step(jobs, run)
    first.kill()
    first.wait()
    jobs.work()
    well_done(jobs, run)


def test_a_worker_that_goes_in_order_leaves_its_runs_to_others(jobs: Rig) -> None:
    first = jobs.work(FIRST)
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    in_a_step(jobs, run)
    first.terminate()
    assert first.wait(LONG) == 0
    assert jobs.all("SELECT * FROM executor") == []
    jobs.work("second")
    well_done(jobs, run)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # several machines share no file
def test_a_machine_that_is_gone_is_replaced_by_another_one(jobs: Rig) -> None:
    """Nothing but the beats that stay away tells it."""
    first = jobs.work(FIRST, **{MACHINE_VARIABLE: "one"})
    run = jobs.ask(steps=4, seconds=0.4, boxes=["a"])
    in_a_step(jobs, run)
    jobs.work("second", **{MACHINE_VARIABLE: "two"})
    first.kill()
    well_done(jobs, run)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # half a minute of waiting: once will do
def test_a_paused_worker_is_fenced_off(jobs: Rig) -> None:
    """It wakes up when others have done its work, and neither writes nor starts anything for it."""
    first = jobs.work(FIRST)
    run = jobs.ask(steps=4, seconds=6, boxes=["a"])
    process = in_a_step(jobs, run)
    first.send_signal(signal.SIGSTOP)
    jobs.work("second")
    until(lambda: any(int(line[3]) != process for line in jobs.said("open", run)), "another to take over")
    first.send_signal(signal.SIGCONT)
    well_done(jobs, run)
    assert len(jobs.said("open", run)) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the same
def test_a_paused_worker_that_nobody_replaced_goes_on_itself(jobs: Rig) -> None:
    first = jobs.work()
    run = jobs.ask(steps=4, seconds=3, boxes=["a"])
    process = in_a_step(jobs, run)
    first.send_signal(signal.SIGSTOP)
    until(lambda: not Path(f"/proc/{process}").exists(), "its process to give up")
    first.send_signal(signal.SIGCONT)
    well_done(jobs, run)


def test_a_cancelled_run_of_a_killed_worker_is_cancelled(jobs: Rig) -> None:
    first = jobs.work(FIRST)
    run = jobs.ask("sleeps", boxes=["a"])
    until(lambda: jobs.said("begin", run), "it to begin")
    first.send_signal(signal.SIGSTOP)
    queue.cancel(jobs.database, run, "budi")
    first.kill()
    jobs.work("second")
    assert jobs.ended(run)[0].state is RunState.CANCELLED
    jobs.quit()
    assert jobs.all("SELECT * FROM lock") == []
    assert until(lambda: not jobs.processes(), "all processes to end")


UPGRADED = '''
# a comment, and another order of things
from stand_in_jobs import *
from dataclasses import replace


def flow(run):
    """Another function than before: step-0 is still called so, there is one more, and the last ones are faster."""
    note(run.args, "open", run.id)
    first = run.step("step-0", lambda: note(run.args, "begin", run.id, "step-0"))
    more = run.step("added", lambda: note(run.args, "begin", run.id, "added") or {{"more": 1}})
    last = run.step("step-1", lambda: {{"number": 1, "padding": ""}})
    return Verdict({{"done": [first, more, last]}})


JOBS = {{"steps": replace(JOBS["steps"], flow=flow, version={version}, accepts={accepts})}}

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), JOBS.__getitem__))
'''


def test_a_run_survives_an_upgrade_in_the_middle(jobs: Rig) -> None:
    """A step more, a comment, another function: finished steps are kept by their names."""
    old = jobs.work()
    run = jobs.ask(steps=4, seconds=1)
    in_a_step(jobs, run)
    old.terminate()
    old.wait(LONG)
    (jobs.folder / "upgraded.py").write_text(UPGRADED.format(version=2, accepts=(1,)))
    jobs.module = "upgraded"
    jobs.work()
    (done,) = jobs.ended(run)
    kept = {"number": 0, "padding": ""}
    assert done.result == {"done": [kept, {"more": 1}, {"number": 1, "padding": ""}]}
    assert repeated(jobs.log) == []
    assert len(jobs.said("begin", run, "added")) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the same
def test_a_run_that_the_new_version_does_not_take_waits_for_the_old_one(jobs: Rig) -> None:
    old = jobs.work()
    run = jobs.ask(steps=4, seconds=1, boxes=["a"])
    in_a_step(jobs, run)
    old.terminate()
    old.wait(LONG)
    (jobs.folder / "upgraded.py").write_text(UPGRADED.format(version=2, accepts=()))
    jobs.module = "upgraded"
    new = jobs.work("new")
    until(lambda: jobs.all("SELECT * FROM executor"), "the new worker")
    assert jobs.run(run).state is RunState.WAITING
    jobs.module = "stand_in_jobs"
    jobs.work("old")
    well_done(jobs, run)
    assert new.returncode == 0


def test_a_database_that_is_away_for_a_while(tmp_path: Path) -> None:
    """Shorter than the lease: nobody notices. Longer: the runs end, and go on when it is back. Without an operator."""
    with backup_rig() as made, cluster(made.folder) as words:
        sql(words, "postgres", "CREATE DATABASE jobs")
        server = Server(made.folder)
        with rig(f"postgresql://{words[3]}@/jobs?host={words[1]}", tmp_path / "rig") as jobs:
            jobs.work("one")
            jobs.work("two")
            runs = [jobs.ask(steps=4, seconds=2, boxes=["a"]), jobs.ask(steps=4, seconds=2, boxes=["b"])]
            processes = [in_a_step(jobs, run) for run in runs]
            server.stop()
            server.start()
            for run, process in zip(runs, processes, strict=True):
                assert in_a_step(jobs, run, "step-2") == process
            server.stop()
            until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), "the runs to end")
            server.start()
            for run, place in zip(runs, "ab", strict=True):
                assert jobs.ended(run)[0].result == {"done": DONE}
                assert together(jobs.log, {run: [place]}) == []
            jobs.quit()
            assert repeated(jobs.log) == []
            assert ended_twice(jobs.log) <= 2  # a step may end while its database is away
            assert audit.problems(jobs.database) == []
            assert jobs.all("SELECT * FROM lock") == []


class Server:
    """The throw-away PostgreSQL of `cluster`, stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._data, self._sockets = folder / "pg", folder / "s"
        self._programs = max(Path("/usr/lib/postgresql").glob("*/bin"))

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        options = f"-k {self._sockets} -c listen_addresses= -F"
        self._control("start", "-o", options, "-l", str(self._data / "again.log"))

    def _control(self, *words: str) -> None:
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        argv = [*become, str(self._programs / "pg_ctl"), "-D", str(self._data), "-w", *words]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd="/")
