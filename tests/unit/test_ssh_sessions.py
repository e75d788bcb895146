"""Several programs over one connection to a host: what befalls one leaves the others alone."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from ops.errors import HostFailedError
from ops.system.sockets import listen_tcp
from ops.system.ssh import _HEAR_OUT, Fleet, Login
from ops.system.ssh_server import host_key


class Server(paramiko.ServerInterface):
    """Runs `wait` until it is told to end, refuses everything else."""

    def __init__(self) -> None:
        self.waits, self.end = threading.Event(), threading.Event()
        self.transport: paramiko.Transport | None = None

    def check_auth_publickey(self, _user: str, _key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, _user: str) -> str:
        return "publickey"

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if not command.endswith(b" wait"):  # behind the words that hear us out
            return False
        threading.Thread(target=self._wait, args=(channel,), daemon=True).start()
        return True

    def _wait(self, channel: paramiko.Channel) -> None:
        self.waits.set()
        self.end.wait()
        with contextlib.suppress(OSError, EOFError):
            channel.sendall(b"done\n")
            channel.send_exit_status(0)
            channel.close()


def _serve(opened: socket.socket, server: Server, key: paramiko.PKey) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):  # the client may break off first
        connection, _ = opened.accept()
        server.transport = paramiko.Transport(connection)
        server.transport.add_server_key(key)
        server.transport.start_server(server=server)


@pytest.fixture
def met(tmp_path: Path) -> Iterator[tuple[Fleet, Server]]:
    key, server = host_key(tmp_path / "server"), Server()
    host_key(tmp_path / "operator")
    with closing(listen_tcp("127.0.0.1", 0)) as opened:
        opened.setblocking(True)
        threading.Thread(target=_serve, args=(opened, server, key), daemon=True).start()
        port = opened.getsockname()[1]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        login = Login("127.0.0.1", "kominfo", port, become=False)
        with closing(Fleet({"h": login}, tmp_path / "operator", known)) as fleet:
            yield fleet, server
        server.end.set()
        if server.transport:
            server.transport.close()


def test_a_program_that_is_refused_does_not_cut_off_the_others(met: tuple[Fleet, Server]) -> None:
    fleet, server = met
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(fleet.on("h").run, ["wait"])
        assert server.waits.wait(20)
        with pytest.raises(HostFailedError):
            fleet.on("h").run(["refused"])
        server.end.set()
        assert (long.result(20).code, long.result().out) == (0, "done\n")


def test_a_connection_that_breaks_off_is_a_failed_host_not_an_exit_code(met: tuple[Fleet, Server]) -> None:
    fleet, server = met
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(fleet.on("h").run, ["wait"])
        assert server.waits.wait(20)
        assert server.transport
        server.transport.close()
        with pytest.raises(HostFailedError, match="broke off"):
            long.result(20)


def test_a_login_that_fails_hangs_up_at_once(met: tuple[Fleet, Server]) -> None:
    fleet, server = met
    fleet.known_hosts.write_text("")
    with pytest.raises(HostFailedError, match="not found in known_hosts"):
        fleet.on("h").run(["wait"])
    assert server.transport
    server.transport.join(20)  # its thread ends with the connection
    assert not server.transport.is_alive()


def test_what_runs_there_hears_all_that_is_said_before_its_channel_closes() -> None:
    """sshd cuts off a connection that sends to a closed channel, so a program that reads nothing must not end early."""
    heard = ["sh", "-c", _HEAR_OUT, "sh", "sh", "-c", "echo said; exit 3"]
    child = subprocess.Popen(heard, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin
    assert child.stdout
    assert child.stdout.readline() == b"said\n"
    child.stdin.write(b"more\n" * 100_000)  # would break the pipe if the program were gone
    child.stdin.close()
    assert child.wait(10) == 3
    child.stdout.close()
