"""What a person is told to do, from what Ansible and programs say, word for word."""

from __future__ import annotations

import pytest

from ops.system.ansible_trouble import advice

SAID = {
    "Failed to lock apt for exclusive operation: Failed to lock directory /var/lib/apt/lists/: E:Could not get lock "
    "/var/lib/apt/lists/lock. It is held by process 611 (apt-get)": "fuser -v",
    "'/usr/bin/apt-get -y install 'knot'' failed: E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by "
    "process 611 (unattended-upgr)": "fuser -v",
    "Timeout when waiting for 10.40.0.16:22": "takes itself back within 90 s",
    "Task failed: Timeout (12s) waiting for privilege escalation prompt:": "takes itself back within 90 s",
    "Timeout, server 10.40.0.16 not responding.": "is it switched on",
    "Connection to 10.40.0.16 closed by remote host.": "ops jobs retry",
    "something nobody has seen yet": "",
}


@pytest.mark.parametrize("said", SAID)
def test_the_advice_fits_what_was_said(said: str) -> None:
    found = advice(said)
    assert SAID[said] in found
    assert bool(found) == bool(SAID[said])
