"""A vault that dies, before and while restic works."""

from __future__ import annotations

import contextlib
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backup.hostside import restic_call
from backup.trouble import Trouble, judge


class Vault:
    """Answers `answers` requests on a real port, then is gone."""

    def __init__(self, answers: int) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"rest:http://127.0.0.1:{self._door.getsockname()[1]}/x"
        self._left = answers
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while self._left:
            try:
                one, _ = self._door.accept()
            except OSError:
                return
            with one:
                one.settimeout(30)
                if one.recv(100):
                    one.sendall(b"HTTP/1.0 401 Unauthorized\r\n\r\n")
                    self._left -= 1
        self._door.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._door.close()
        self._thread.join(30)


@pytest.fixture
def sleeper(tmp_path: Path) -> str:
    """In the place of restic: it waits, as restic does for a quarter of an hour."""
    program = tmp_path / "restic"
    program.write_text("#!/bin/sh\nsleep 120\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


@pytest.fixture
def dying() -> Iterator[Vault]:
    vault = Vault(1)
    yield vault
    vault.close()


def call(program: str, url: str, timeout: float) -> dict[str, Any]:
    repository = {"url": url, "password": {"value": "x"}}
    return restic_call.restic(program=program, words=["snapshots"], repository=repository, timeout=timeout)


def test_a_vault_that_dies_while_restic_works_is_told_and_restic_ended(sleeper: str, dying: Vault) -> None:
    done = call(sleeper, dying.url, 110)
    assert "refused" in done["unreachable"]
    assert judge(done) is Trouble.UNREACHABLE


def test_a_long_backup_has_patience(dying: Vault) -> None:
    """What it sent so far would be sent again: it is told of at once, and goes on for a while."""
    dying.close()
    hasty, patient = restic_call.Door(dying.url, 0), restic_call.Door(dying.url, 300)
    hasty._asked = patient._asked = float("-inf")
    assert hasty.watch() == "", "one failure may be chance"
    hasty._asked = float("-inf")
    assert "refused" in hasty.watch()
    assert patient.watch() == ""
    patient._asked = float("-inf")
    assert patient.watch() == ""


def test_a_good_vault_and_a_folder_are_left_alone(tmp_path: Path) -> None:
    vault = Vault(3)
    try:
        door = restic_call.Door(vault.url, 0)
        for _ in range(2):
            door._asked = float("-inf")
            assert door.watch() == ""
        assert restic_call.Door(str(tmp_path), 0).watch() == ""
    finally:
        vault.close()
