"""Children: result, time limit, live lines, whole group ended."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from ops.errors import OpsError, ToolMissingError
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
