"""What a worker does beside its runs: forgets what is old, once a day; one worker of all."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from ops.errors import OpsError
from ops.runs import retention
from ops.runs.foreground import Desk

_DAY = 86400.0
_log = logging.getLogger(__name__)


def serve(desk: Desk, stop: threading.Event) -> None:
    """Forget runs and audit rows older than `policies.history_days`; again each day until `stop` is set."""
    state: Path = desk.world.state
    while True:
        try:
            days = desk.world.region.policies.history_days
            retention.forget(desk.database, state / "artefacts", state / "run-logs", days)
        except OpsError as error:
            _log.warning("nothing is forgotten: %s", error.what)
        if stop.wait(_DAY):
            return
