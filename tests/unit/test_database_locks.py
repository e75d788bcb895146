"""SQLite's locks on the job database belong to the process: nothing of ours may give them back by accident."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ops.system.database import connect

OTHER = """
import sqlite3, sys
opened = sqlite3.connect(sys.argv[1])
opened.execute("CREATE TABLE IF NOT EXISTS other (n)")
opened.execute("INSERT INTO other VALUES (1)")
opened.commit()
opened.close()  # the last one who has the file open would take the write-ahead log away
"""


def test_another_process_never_takes_itself_for_the_last_user(tmp_path: Path) -> None:
    """Opening and closing the file by any other way than SQLite's gives every lock of this process back."""
    path = tmp_path / "jobs.sqlite"
    database = connect(f"sqlite://{path}")
    database.create(["CREATE TABLE t (n BIGINT)"])
    with database.read() as first, database.read() as second:  # two connections at once
        first.all("SELECT * FROM t")
        second.all("SELECT * FROM t")
    subprocess.run([sys.executable, "-c", OTHER, str(path)], check=True)
    assert (tmp_path / "jobs.sqlite-wal").exists(), "what this process writes from now on would be lost"
    with database.write() as tx:
        tx.do("INSERT INTO t VALUES (7)")
    database.close()
    seen = connect(f"sqlite://{path}")
    with seen.read() as tx:
        assert (tx.all("SELECT n FROM t"), tx.all("SELECT n FROM other")) == ([{"n": 7}], [{"n": 1}])
    seen.close()
