"""The moment at which mariadb-backup holds all commits is used while it lasts, or the backup fails."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backup.hostside import mariadb_physical, run_set

# Speaks and writes as mariadb-backup does. `waits`: whether its moment holds more data than a small pipe takes.
_STAND_IN = """
import os, sys
def say(text): os.write(2, f"[00] 2026-11-22 09:47:24 {text}\\n".encode())
def data(size): os.write(1, b"x" * size)
waits = sys.argv[1] == "waits"
data(300000); say("Starting BACKUP STAGE FLUSH")
for number in range(60): say(f"Streaming ./sys/table_{number:03}.frm to <STDOUT>"); data(300); say("        ...done")
say("Starting BACKUP STAGE BLOCK_COMMIT"); say("Acquired locks for BACKUP STAGE BLOCK_COMMIT")
if waits:
    for _ in range(6): data(8192)
say("Starting BACKUP STAGE END"); say("Executing BACKUP STAGE END")
data(5000); say(sys.argv[2])
"""


def pumped(*words: str) -> tuple[list[str], int, bytes]:
    """(what was taken, bytes handed on, what it said)."""
    taken: list[str] = []
    out = os.open(os.devnull, os.O_WRONLY)
    copy = subprocess.Popen(
        [sys.executable, "-I", "-c", _STAND_IN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with copy:
        try:
            pump = mariadb_physical.Pump(copy, out, lambda: taken.append("snapshot"))
            said = pump.run()
        finally:
            os.close(out)
            copy.kill()
    return taken, pump.bytes, said


def test_the_snapshot_is_taken_once_and_all_data_is_handed_on() -> None:
    taken, handed_on, said = pumped("waits", "completed OK!")
    assert (taken, handed_on) == (["snapshot"], 300000 + 60 * 300 + 6 * 8192 + 5000)
    assert said.endswith(b"completed OK!\n")


def test_a_moment_that_was_not_held_fails_the_backup() -> None:
    for _ in range(20):  # whoever is quick enough may still have seen it
        try:
            pumped("hurries", "completed OK!")
        except RuntimeError as error:
            assert "was missed" in str(error)  # noqa: PT017 # it need not come the first time
            return
    pytest.fail("it took a snapshot after the end of the moment")


def test_a_backup_that_failed_tells_its_own_words() -> None:
    assert b"no space left" in pumped("waits", "Error: no space left")[2]


def test_a_host_whose_program_is_older_says_so() -> None:
    with pytest.raises(run_set.NoBackupError, match="oracle: this host's program knows no such kind"):
        run_set._database({"kind": "oracle", "source": "x"}, {})
