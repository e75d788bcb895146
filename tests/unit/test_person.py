"""Who acts is not what an environment says."""

from __future__ import annotations

import os
import pwd

import pytest

from ops.system.person import who


@pytest.mark.parametrize(
    ("account", "sudo", "name"),
    [
        (0, "budi", "budi"),
        (0, "", pwd.getpwuid(0).pw_name),
        (1, "budi", "budi"),
        (4_000_000_000, "budi", "uid 4000000000"),
    ],
)
def test_sudo_is_believed_of_root_and_services_only(
    monkeypatch: pytest.MonkeyPatch, account: int, sudo: str, name: str
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "citra")
    monkeypatch.setenv("SUDO_USER", sudo)
    monkeypatch.setattr(os, "getuid", lambda: account)
    assert who() == name
