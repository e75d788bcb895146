"""A run that is cancelled, or whose process was killed: nothing of it goes on, here or on hosts, and all is clean."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.system import leftovers, marked, netns
from ops.system.leftovers import MARK, Ended
from ops.world import attach

pytestmark = pytest.mark.system
FILES, DATABASE = "dokumen-dinkes", "simpus"
HOSTS = {FILES: "dc-app", DATABASE: "dc-db"}
BIG = "/srv/opd/dinkes/besar.bin"
FILL = {
    FILES: f"sudo dd if=/dev/urandom of={BIG} bs=1M count=50 status=none",
    DATABASE: 'sudo -u postgres psql -q simpus -c "CREATE TABLE IF NOT EXISTS besar AS SELECT md5(g::text) || '
    'md5((g * 7)::text) AS isi FROM generate_series(1, 600000) g"',
}
CLEAR = {FILES: f"sudo rm -f {BIG}", DATABASE: "sudo -u postgres psql -q simpus -c 'DROP TABLE IF EXISTS besar'"}
EITHER = pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])


@pytest.fixture(scope="module")
def protected(applied: Any) -> Any:
    applied.on_twin("backup", "seed", "--set", f"{FILES},{DATABASE}")
    applied.on_twin("backup", "run", "--set", f"{FILES},{DATABASE}")
    return applied


@pytest.fixture(params=[FILES, DATABASE])
def slow(protected: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    with slowed(protected, request.param):
        yield request.param


@contextmanager
def slowed(regency: Any, name: str) -> Iterator[None]:
    """A set that takes half a minute to back up: much that is new, over a thin line."""
    wire = ["ip", "netns", "exec", f"{regency.name}.{HOSTS[name]}", "tc", "qdisc"]
    thin = ["root", "tbf", "rate", "8mbit", "burst", "64kb", "latency", "100ms"]
    there(regency, HOSTS[name], FILL[name])
    subprocess.run([*wire, "add", "dev", "eth0", *thin], check=True)
    try:
        yield
    finally:
        subprocess.run([*wire, "del", "dev", "eth0", "root"], check=True)
        there(regency, HOSTS[name], CLEAR[name])


@EITHER
def test_a_backup(protected: Any, slow: str, how: signal.Signals) -> None:
    host = HOSTS[slow]
    with working(protected, "backup", "run", "--set", slow) as run:
        until(lambda: seen(run, "restic", "--tag") and (slow == FILES or seen(run, "pg_dump")))
        ended = cancel(protected, run, how)
    assert ended.clean
    assert left(protected, run, host) == ""
    assert there(protected, host, "pgrep -a 'restic|pg_dump|psql' || true") == ""
    if slow == DATABASE:
        until(lambda: sessions(protected) == "0")
    assert locks(protected) == ""


def test_the_next_backup_clears_up_after_a_restic_that_was_killed(protected: Any) -> None:
    with slowed(protected, FILES), working(protected, "backup", "run", "--set", FILES) as run:
        until(lambda: seen(run, "restic", "--tag") and locks(protected))
        for pid in [*here(run), *seen(run, "restic", "--tag")]:
            os.kill(pid, signal.SIGKILL)
        assert end(protected, run).clean
    assert locks(protected) != "", "the test did not leave a lock"
    protected.on_twin("backup", "run", "--set", FILES)
    assert locks(protected) == ""


@pytest.mark.parametrize("how", [signal.SIGTERM])
def test_a_drill(protected: Any, how: signal.Signals) -> None:
    with working(protected, "drill", "run", "--set", DATABASE) as run:
        until(lambda: seen(run, "/bin/postgres", "/srv/kominfo-drill"))
        assert cancel(protected, run, how).clean
    assert left(protected, run, "drc-restore") == ""
    assert there(protected, "drc-restore", "pgrep -af '[/]srv/kominfo-drill' || true") == ""
    if how == signal.SIGTERM:
        assert there(protected, "drc-restore", "sudo ls /srv/kominfo-drill") == "", "it cleans up itself"
    assert protected.json("drill", "run", "--set", DATABASE)[0]["proven"] is True
    assert there(protected, "drc-restore", "sudo ls /srv/kominfo-drill") == ""


@pytest.mark.parametrize("how", [signal.SIGKILL])  # test_jobs cancels one
def test_a_provision(protected: Any, how: signal.Signals) -> None:
    with working(protected, "provision", "--limit", "dc-web") as run:
        until(lambda: set(seen(run, "python3")) - set(here(run)))  # one of Ansible's modules, on the host
        assert cancel(protected, run, how).clean
    assert left(protected, run, "dc-web") == ""
    assert there(protected, "dc-web", "pgrep -af '[A]nsiballZ' || true") == ""
    assert not folders_of_the_dead()
    again = protected.json("provision", "--limit", "dc-web")
    assert again["complete"]
    assert not again["hosts"]["dc-web"]["error"]


@contextmanager
def working(regency: Any, *words: str) -> Iterator[str]:
    """An `ops` command as the worker starts its runs: marked. Gone afterwards, whatever happens."""
    run = f"cancelled-{os.getpid()}-{time.monotonic_ns()}"
    argv = [
        str(Path(sys.executable).parent / "ops"),
        *words,
        "--twin",
        regency.name,
        "-i",
        str(regency.inventory),
        "-q",
    ]
    child = subprocess.Popen(argv, env={**regency.environment(), MARK: run}, stderr=subprocess.DEVNULL)
    try:
        yield run
    finally:
        marked.end(run, 0)
        child.kill()
        child.wait()


def cancel(regency: Any, run: str, how: signal.Signals) -> Ended:
    """TERM to the command, or KILL to everything that the run has on this machine; then end what is left."""
    mine = here(run)
    first = min(mine, key=lambda pid: int(marked.started(pid) or sys.maxsize))
    for pid in [first] if how == signal.SIGTERM else mine:
        os.kill(pid, how)
    return end(regency, run)


def end(regency: Any, run: str) -> Ended:
    with pytest.MonkeyPatch.context() as patch, netns.inside(f"{regency.name}.station"):
        patch.setenv("OPS_STATE", str(regency.state))
        world = dataclasses.replace(attach(regency.name), inventory=regency.inventory)
        ended = leftovers.end_run(run, world.fleet, list(world.fleet.logins))
        world.fleet.close()
    assert not here(run)
    return ended


def seen(run: str, *words: str) -> list[int]:
    """Processes of the run with these words in their command line, on this machine and in the twin's servers."""
    return [
        pid
        for pid in marked._numbers()
        if all(word.encode() in marked._read(pid, "cmdline") for word in words) and run in marked._runs(pid)
    ]


def here(run: str) -> list[int]:
    return [pid for pid in seen(run) if marked._root(pid) == marked._root(os.getpid())]


def left(regency: Any, run: str, host: str) -> str:
    """As the host itself sees it."""
    return there(regency, host, f"sudo grep -lazs {MARK}=.*{run} /proc/[0-9]*/environ || true")


def locks(regency: Any) -> str:
    return there(regency, "drc-vault", "sudo find /srv/restic -path '*/locks/*' -type f")


def sessions(regency: Any) -> str:
    """How many the database server has with the source's database."""
    ask = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'simpus'"
    return there(regency, "dc-db", f'sudo -u postgres psql -Atc "{ask}"')


def folders_of_the_dead() -> list[Path]:
    found = Path("/run/kominfo-ops-runs").glob("*-*")
    return [path for path in found if not marked.started(int(path.name.partition("-")[0]))]


def there(regency: Any, host: str, command: str) -> str:
    return str(regency.ops("twin", "ssh", "--name", regency.name, host, command)).strip()


def until(holds: Callable[[], object], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
