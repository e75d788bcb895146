"""The very first login to a server: what is refused, and the command that mends it."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ops.errors import HostFailedError
from ops.system.ansible import HIDDEN, _explained
from ops.system.ansible_record import HostRun
from ops.system.sockets import listen_tcp
from ops.system.ssh import Fleet, Login
from ops.system.ssh_server import Doorman, admit, host_key


def _serve(opened: socket.socket, doorman: Doorman) -> None:
    while True:
        try:
            connection, _ = opened.accept()
        except OSError:
            return
        admit(connection, doorman)


def _nobody() -> None:
    raise AssertionError("nobody gets in")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """One server that takes nobody's key, and an operator who never was there."""
    host_key(tmp_path / "operator")
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        doorman = Doorman("kominfo", "x", tmp_path / "server", _nobody)  # type: ignore[arg-type]
        threading.Thread(target=_serve, args=(opened, doorman), daemon=True).start()
        login = Login("127.0.0.1", "kominfo", opened.getsockname()[1])
        with closing(Fleet({"dc-web": login}, tmp_path / "operator", tmp_path / "known_hosts")) as found:
            yield found
        opened.shutdown(2)


def refused(fleet: Fleet) -> HostFailedError:
    with pytest.raises(HostFailedError) as raised:
        fleet.on("dc-web").run(["true"])
    return raised.value


def test_the_command_of_the_message_makes_the_host_known(fleet: Fleet) -> None:
    first = refused(fleet)
    assert "not known here yet" in first.next_step
    scan = re.search(r"ssh-keyscan .*>>\S+(?=,)", first.next_step)
    assert scan
    subprocess.run(scan[0], shell=True, check=True, capture_output=True)
    assert "give" in refused(fleet).next_step  # now it is the operator whom the server does not know


def test_another_key_than_the_known_one_is_not_waved_through(fleet: Fleet, tmp_path: Path) -> None:
    key = host_key(tmp_path / "other")
    port = fleet.logins["dc-web"].port
    fleet.known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    assert f"ssh-keygen -R '[127.0.0.1]:{port}'" in refused(fleet).next_step


def test_a_missing_key_of_the_operator_is_named(fleet: Fleet, tmp_path: Path) -> None:
    key = host_key(tmp_path / "server")
    port = fleet.logins["dc-web"].port
    fleet.known_hosts.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    fleet.key.unlink()
    assert f"ssh-keygen -t ed25519 -f {fleet.key}" in refused(fleet).next_step


def test_several_that_ask_at_once_wait_for_one_attempt(tmp_path: Path) -> None:
    met, asked = [], threading.Barrier(7)
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)

        def hang_up() -> None:
            asked.wait()
            time.sleep(0.3)  # all of them ask now
            while True:
                try:
                    connection, _ = opened.accept()
                except OSError:
                    return
                met.append(1)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        gone = Fleet({"dc-web": Login("127.0.0.1", "kominfo", opened.getsockname()[1])}, tmp_path, tmp_path / "known")

        def ask(_: int) -> None:
            asked.wait()
            with pytest.raises(HostFailedError):
                gone.on("dc-web").run(["true"])

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(ask, range(6)))
        assert len(met) == 1
        refused(gone)
        assert len(met) == 2  # who asks later gets an attempt of their own
        assert logging.getLogger("paramiko").handlers, "a traceback on the person's terminal"
        opened.shutdown(2)


def test_a_host_that_ansible_does_not_explain_is_asked_again(fleet: Fleet) -> None:
    censored = HostRun(unreachable=True, message=HIDDEN)
    assert "ssh-keyscan" in _explained(censored, fleet, "dc-web").error
    said = HostRun(unreachable=True, message="Failed to connect: Host key verification failed.\n")
    assert _explained(said, fleet, "dc-web").error.startswith("unreachable: Failed to connect: Host key")
    assert "ssh-keyscan" in _explained(said, fleet, "dc-web").error


def test_what_ssh_says_of_host_keys_is_answered_with_the_command(fleet: Fleet) -> None:
    unknown = "Failed to connect to the host via ssh: No ED25519 host key is known for 10.40.0.11 and you have …"
    assert "ssh-keyscan" in fleet.next_step("dc-web", unknown)
    assert "ssh-keyscan" in fleet.next_step("dc-web", "Host key verification failed.")
    assert fleet.next_step("dc-web", "Connection timed out") == ""
