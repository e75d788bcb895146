"""A worker as a process: `python -m stand_in_worker URL STATE NAME SLOTS MODULE`; TERM ends it in order.

MODULE holds JOBS and is what its runs are copies of.
"""

from __future__ import annotations

import importlib
import signal
import sys
from dataclasses import replace
from pathlib import Path

from ops.errors import OpsError
from ops.runs.tables import TABLES
from ops.runs.worker import Worker
from ops.system.database import connect
from ops.system.nursery import Nursery


def main(url: str, state: str, name: str, slots: str, module: str) -> None:
    jobs = importlib.import_module(module).JOBS
    database = connect(url)
    database.create(TABLES)
    worker = Worker(database, Path(state), jobs, name, int(slots))
    worker.office = replace(worker.office, nursery=Nursery(module, list(jobs)))
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    try:
        worker.serve()
    except OpsError as error:
        sys.exit(error.what)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:6])
