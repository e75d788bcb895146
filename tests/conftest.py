"""What all tests share: where the project stands, and the honest skip of tests that need root."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
# A busy machine is no fault of the code. Where a test names no number: OPS_EXAMPLES=1000 looks longer.
settings.register_profile("ops", deadline=None, max_examples=int(os.environ.get("OPS_EXAMPLES", "40")))
settings.load_profile("ops")
NEEDED = ("mmdebstrap", "systemd-nspawn", "nft", "ip", "tc")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `system` need root and real machines; elsewhere they skip and say exactly why."""
    missing = [
        program for program in NEEDED if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None
    ]
    reason = "needs root (network namespaces, containers)" if os.geteuid() else f"needs {', '.join(missing)}"
    if os.geteuid() == 0 and not missing:
        return
    for item in items:
        if "system" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
