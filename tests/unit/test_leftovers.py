"""A run is ended with all that it started: whatever session, parent or environment its processes have now."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ssh_rig import host

from ops.system import hidden, leftovers, marked
from ops.system.leftovers import MARK, Ended
from ops.system.ssh import Fleet, Login

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run() -> Iterator[str]:
    name = f"test-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    marked.end(name, 0)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with host(tmp_path) as found:
        yield found


def start(run: str, script: str, **env: str) -> subprocess.Popen[bytes]:
    """A shell script in the run's environment, in a session of its own."""
    return subprocess.Popen(["bash", "-c", script], env={**os.environ, MARK: run, **env}, start_new_session=True)


def python(run: str, script: str) -> subprocess.Popen[str]:
    env = {**os.environ, MARK: run, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", script], env=env, stdout=subprocess.PIPE, text=True)


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return bool(marked.started(pid))


def pids(folder: Path, *names: str) -> list[int]:
    """The numbers that a script wrote into files, once they are all there."""
    until(lambda: all((folder / name).exists() and (folder / name).read_text().strip() for name in names))
    return [int((folder / name).read_text()) for name in names]


def test_grandchildren_in_sessions_of_their_own_orphans_and_those_that_hear_no_term_are_ended(
    run: str, tmp_path: Path
) -> None:
    child = start(
        run,
        f"""cd {tmp_path}
        setsid bash -c 'echo $$ >session; sleep 300' &
        (setsid bash -c 'echo $$ >orphan; sleep 300' &)
        bash -c 'trap "" TERM; echo $$ >deaf; while :; do sleep 0.1; done' &
        env -i /bin/sh -c 'echo $$ >bare; sleep 300; :' &
        wait""",
    )
    found = [child.pid, *pids(tmp_path, "session", "orphan", "deaf", "bare")]
    assert leftovers.end_here(run, grace=0.5) >= len(found)
    assert [pid for pid in found if alive(pid)] == []
    assert child.wait(30) == -signal.SIGTERM


def test_a_run_ends_what_it_started_and_lives_on_itself(run: str) -> None:
    code = f"""
import subprocess
from ops.system import leftovers
child = subprocess.Popen(["sleep", "300"], start_new_session=True)
print(leftovers.end_here({run!r}), child.wait(), flush=True)
"""
    with python(run, code) as child:
        said, _ = child.communicate(timeout=60)
    assert (said.split(), child.returncode) == (["1", "-15"], 0)


def test_named_processes_are_spared(run: str) -> None:
    kept, ended = start(run, "exec sleep 300"), start(run, "exec sleep 300")
    until(lambda: all(one.pid in marked.titled("sleep") for one in (kept, ended)))
    assert leftovers.end_here(run, but=[kept.pid]) == 1
    assert ended.wait(30) == -signal.SIGTERM
    assert kept.poll() is None
    assert leftovers.end_here(run) == 1
    kept.wait(30)


def test_a_run_within_a_run_ends_alone_or_with_it_and_names_are_not_mixed_up(run: str) -> None:
    names = (f"{run}/{run}-play", run, f"{run}0")
    inner, outer, other = (start(name, "exec sleep 300") for name in names)
    until(lambda: all(one.pid in marked.titled("sleep") for one in (inner, outer, other)))
    assert leftovers.end_here(f"{run}-play") == 1
    inner.wait(30)
    assert outer.poll() is None
    assert leftovers.end_here(run) == 1
    outer.wait(30)
    assert other.poll() is None
    assert leftovers.end_here(f"{run}0") == 1
    other.wait(30)


def test_who_puts_things_in_order_has_its_time_and_so_has_what_it_starts_for_that(run: str, tmp_path: Path) -> None:
    tidy = "trap : TERM; sleep 0.5; touch tidy"
    child = start(
        run, f"""cd {tmp_path}; trap "bash -c '{tidy}'; touch done; exit 7" TERM; touch ready; sleep 300 & wait"""
    )
    until((tmp_path / "ready").exists)
    leftovers.end_here(run, grace=60)
    assert child.wait(30) == 7
    assert (tmp_path / "tidy").exists()
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("name", ["", "a/b"])
def test_what_is_no_name_ends_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a run"):
        leftovers.end_here(name)


def test_what_runs_on_a_host_is_marked_and_ended_there(fleet: Fleet, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, run)
    script = "setsid sleep 300 & echo begun; exec sleep 300"
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(fleet.on("h").run, ["bash", "-c", script])
        until(lambda: len(of(run, "sleep")) == 2)
        ended = leftovers.end_there(run, fleet, ["h", "undeclared"])
        assert ended.there["h"] >= 2
        assert (ended.silent, ended.left, ended.clean) == ((), {}, True)
        assert long.result(30).out == "begun\n"
    assert of(run, "sleep") == []


def of(run: str, program: str) -> list[int]:
    return [pid for pid in marked.titled(program) if run in marked._runs(pid)]


def test_a_host_that_never_answers_is_named_and_not_waited_for(fleet: Fleet, run: str) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        fleet.logins["mute"] = Login("127.0.0.1", "kominfo", mute.getsockname()[1], become=False)
        assert leftovers.end_there(run, fleet, ["mute"], seconds=1.0) == Ended(0, {}, ("mute",))


def test_a_connection_that_died_unnoticed_is_opened_anew(fleet: Fleet, run: str) -> None:
    fleet.on("h").run(["true"]).must()
    kept = fleet.on("h")._client
    assert kept
    transport = kept.get_transport()
    assert transport
    transport.close()
    assert leftovers.end_there(run, fleet, ["h"], seconds=30).there == {"h": 0}


def test_a_world_without_servers_has_nobody_to_ask(fleet: Fleet, run: str) -> None:
    fleet.absent = "no servers"
    assert leftovers.end_there(run, fleet, ["h"]) == Ended()


def test_a_whole_run_is_ended_here_before_it_is_there(fleet: Fleet, run: str, tmp_path: Path) -> None:
    """Its own process has it all put in order: what it starts for that on a host is not disturbed."""
    child = start(run, f"cd {tmp_path}; trap 'sleep 1; touch done; exit 7' TERM; touch ready; sleep 300 & wait")
    until((tmp_path / "ready").exists)
    far = subprocess.Popen(["sleep", "300"], env={MARK: f"{run}/call-1"}, start_new_session=True)
    until(lambda: of(run, "sleep"))
    ended = leftovers.end_run(run, fleet, ["h"])
    assert (tmp_path / "done").exists()
    assert child.wait(30) == 7
    assert far.wait(30) == -signal.SIGTERM
    assert ended.here >= 2
    assert (ended.there, ended.clean) == ({"h": 0}, True), "both are one machine in this test"


def test_secrets_of_a_killed_run_go_and_so_do_the_connections_it_kept(run: str) -> None:
    code = """
import subprocess, time
from ops.system import hidden
with hidden.folder("x") as folder:
    (folder / "variables.json").write_text("secret")
    title = f"ssh: {folder}/cp/1 [mux]"  # a kept connection's has nothing else
    subprocess.Popen(["bash", "-c", f"exec -a '{title}' sleep 300"], env={}, start_new_session=True)
    print(folder, flush=True)
    time.sleep(300)
"""
    with python(run, code) as child:
        assert child.stdout
        folder = Path(child.stdout.readline().strip())
        until(lambda: marked.titled(f"ssh: {folder}/cp/"))
        hidden.forget_dead()
        assert folder.is_dir(), "its owner lives"
        child.kill()
        child.wait()
        leftovers.end_here(run)
        assert not folder.exists()
        until(lambda: not marked.titled(f"ssh: {folder}/cp/"))
