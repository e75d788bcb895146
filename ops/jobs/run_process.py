"""`python -m ops.jobs.run_process DESCRIPTOR`: the process of one run, started by a worker."""

from __future__ import annotations

import sys

from ops.jobs.registry import find
from ops.runs.inside import main

if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), find))
