"""A restic that is cut off: told to end it frees the repository; killed it leaves a lock for the next one to remove."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backup_rig import CANARY, Rig, item, restic_program, rig

from backup import take
from ops.system import leftovers, marked
from ops.system.leftovers import MARK

TESTS = Path(__file__).parents[1]
SLOW = 400 << 30  # bytes of nothing: minutes of reading, no space


@pytest.fixture
def there() -> Iterator[Rig]:
    with rig() as made:
        (made.folder / "source").mkdir()
        (made.folder / "source" / "a").write_text("a")
        yield made


def locks(there: Rig) -> list[Path]:
    return [
        path for path in (there.repository / "locks").iterdir() if "tmp" not in path.name
    ]  # written first, then named


def until(holds: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def station(there: Rig, run: str) -> subprocess.Popen[bytes]:
    """A process of its own that backs the slow file up; its repository is locked when this returns."""
    there.restic().ensure()
    with (there.folder / "slow").open("wb") as file:
        file.truncate(SLOW)
    code = (
        f"import sys; sys.path[:0] = [{str(TESTS)!r}, {str(TESTS.parent)!r}]\n"
        "from pathlib import Path\nfrom backup_rig import Rig\n"
        f"restic = Rig(Path({str(there.folder)!r}), Path({str(there.repository)!r})).restic()\n"
        f"restic.backup([*restic.backup_words('h', ['t']), {str(there.folder / 'slow')!r}])\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, MARK: run}, start_new_session=True)
    until(lambda: locks(there))
    return child


@pytest.fixture
def run() -> Iterator[str]:
    name = f"test-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    marked.end(name, 0)


def test_told_to_end_it_frees_the_repository(there: Rig, run: str) -> None:
    child = station(there, run)
    assert leftovers.end_here(run, grace=60) >= 3, "station, helper, restic"
    child.wait(30)
    assert locks(there) == []


def test_so_it_does_when_its_station_is_killed(there: Rig, run: str) -> None:
    child = station(there, run)
    child.kill()
    child.wait()
    until(lambda: locks(there) == [])
    until(lambda: leftovers.end_here(run, grace=60) == 0)


def test_the_next_backup_removes_the_lock_of_a_killed_one(there: Rig, run: str) -> None:
    source = item("files", str(there.folder / "source"))
    assert take.take(there.places, source).ok
    child = station(there, run)
    words = f"{restic_program()}\0--password-file"
    (killed,) = [pid for pid in marked.titled(words) if run in marked._runs(pid)]
    os.kill(killed, signal.SIGKILL)
    child.wait(30)
    there.places.ledger.append({"event": "begun", "of": source.key, "run": "run-0", "at": time.time(), "by": "test"})
    assert len(locks(there)) == 1, "the test did not leave a lock"
    assert take.take(there.places, source).ok
    assert locks(there) == []


def test_a_lock_that_a_living_restic_holds_stays(there: Rig, run: str) -> None:
    child = station(there, run)
    assert there.restic().unlock() == 1
    assert len(locks(there)) == 1
    assert child.poll() is None
    leftovers.end_here(run, grace=0)
    child.wait(30)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root (a process namespace)")
def test_a_number_that_another_program_has_now_is_not_signalled(there: Rig, tmp_path: Path) -> None:
    """restic asks with HUP whether the owner of a lock lives. Here that is number 1, which is no restic."""
    there.restic().ensure()
    with (there.folder / "slow").open("wb") as file:
        file.truncate(SLOW)
    (tmp_path / "password").write_text(CANARY)
    words = ["-r", str(there.repository), "--password-file", str(tmp_path / "password"), "--no-cache", "backup"]
    alone = ["unshare", "--pid", "--fork", "--kill-child", restic_program()]
    child = subprocess.Popen([*alone, *words, str(there.folder / "slow")], stdout=subprocess.DEVNULL)
    until(lambda: locks(there))
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert there.restic().unlock() == 1
    assert len(locks(there)) == 1, "it was left until it is old enough"
