"""What a drill starts gives way to others, and is else as if nothing stood before it."""

from __future__ import annotations

import os
from pathlib import Path

from backup.giving_way import GivingWay
from backup.verify import standing
from ops.system import hostpython
from ops.system.process import Ask, Local


def test_it_has_a_low_priority_or_a_small_share() -> None:
    where = GivingWay(Local())
    words = "import os; print(os.nice(0), open('/proc/self/cgroup').read())"
    said = where.run([Local.python, "-c", words], Ask(timeout=60)).must().out
    nice, cgroup = said.split(maxsplit=1)
    has_systemd = Path("/run/systemd/system").is_dir()
    assert int(nice) >= min(19, os.nice(0) + 15) or (has_systemd and ".scope" in cgroup)


def test_input_output_environment_and_exit_code_are_the_programs_own() -> None:
    where = GivingWay(Local())
    done = where.run(["sh", "-c", 'cat; echo "$X $1" >&2; exit 5', "sh", "a b"], Ask(input="isi", env={"X": "y"}))
    assert (done.code, done.out, done.err) == (5, "isi", "y a b\n")
    assert done.argv[:2] == ("sh", "-c")
    assert where.name == "localhost"


def test_functions_run_there(tmp_path: Path) -> None:
    asked = {"folder": str(tmp_path), "sets": str(tmp_path), "units": []}
    told = hostpython.call(GivingWay(Local()), hostpython.Call((standing,), "standing", asked, 60))
    assert told["free"] > 0
