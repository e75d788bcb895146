"""Children: result, time limit, live lines, whole group ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.errors import OpsError, ToolMissingError
from ops.system import marked, threads
from ops.system.process import TIMED_OUT, Ask, run


def test_code_out_and_err_come_back() -> None:
    done = run(["sh", "-c", "cat; echo oops >&2; exit 3"], Ask(input="hello"))
    assert (done.code, done.out, done.err) == (3, "hello", "oops\n")
    with pytest.raises(OpsError, match="exit 3: oops"):
        done.must()


def test_lines_arrive_while_the_program_runs() -> None:
    lines: list[str] = []
    done = run([sys.executable, "-c", "print(1); print(2)"], Ask(on_line=lines.append))
    assert lines == ["1", "2"]
    assert done.ok


@pytest.mark.parametrize("live", [None, lambda _line: None])
def test_a_program_that_is_too_slow_is_ended_with_its_children(tmp_path: Path, live: object) -> None:
    script = f"(sleep 3; touch {tmp_path}/late) & sleep 30"
    assert run(["sh", "-c", script], Ask(timeout=0.3, on_line=live)).code == TIMED_OUT  # type: ignore[arg-type]
    time.sleep(3.2)
    assert not (tmp_path / "late").exists()


def test_a_missing_program_says_so() -> None:
    with pytest.raises(ToolMissingError, match="no-such-program"):
        run(["no-such-program"])


@pytest.mark.parametrize("live", [None, lambda _line: None])
def test_what_went_into_a_session_of_its_own_is_ended_too(tmp_path: Path, live: object) -> None:
    """And does not keep us waiting for the end of the output, which it holds open."""
    script = f"setsid sh -c 'echo $$ >{tmp_path}/far; exec sleep 300' & sleep 300"
    done = run(["sh", "-c", script], Ask(timeout=1, on_line=live))  # type: ignore[arg-type]
    assert done.code == TIMED_OUT
    assert not marked.started(int((tmp_path / "far").read_text()))


def test_children_carry_the_name_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(marked.MARK, "r1")
    name, own = run(["sh", "-c", f"echo ${marked.MARK}"]).out.strip().split("/")
    assert name == "r1"
    assert own.startswith("call-")


def test_threads_that_wait_for_programs_end_with_their_pool(tmp_path: Path) -> None:
    """Neither is the program waited for, nor does the next one begin."""
    interrupted: list[int] = []

    def work(number: int) -> None:
        try:
            run(["sh", "-c", f"echo $$ >{tmp_path}/{number}; exec sleep 300"], Ask(timeout=300))
        except KeyboardInterrupt:
            interrupted.append(number)
            raise

    def within() -> None:
        with threads.pool(1) as pool:
            list(pool.map(work, range(1, 3)))

    def interrupt() -> None:
        with threads.pool(2) as pool:
            pool.submit(work, 0)
            pool.submit(within)
            until(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in "01"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupt()
    assert set(interrupted) >= {0, 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]
    assert not [path for path in tmp_path.iterdir() if marked.started(int(path.read_text()))]


def test_input_arrives_whole_however_late_it_is_read() -> None:
    text = "0123456789" * 100_000
    script = "import sys, time; time.sleep(1); print(len(sys.stdin.read()))"

    def work() -> str:
        return run([sys.executable, "-c", script], Ask(input=text)).out.strip()

    with threads.pool(1) as pool:
        assert pool.submit(work).result(60) == work() == str(len(text))


def test_no_file_is_left_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    run(["cat"], Ask(input="x"))
    with pytest.raises(ToolMissingError):
        run(["no-such-program"], Ask(input="x"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
