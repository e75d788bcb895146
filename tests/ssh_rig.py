"""A host on this machine's loopback: an SSH server that really runs what it is told, in a clean environment."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from ops.system.sockets import listen_tcp
from ops.system.ssh import Fleet, Login
from ops.system.ssh_server import host_key


class _Shell(paramiko.ServerInterface):
    def check_auth_publickey(self, _user: str, _key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def get_allowed_auths(self, _user: str) -> str:
        return "publickey"

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=_serve, args=(channel, command), daemon=True).start()
        return True


def _serve(channel: paramiko.Channel, command: bytes) -> None:
    """A program whose channel is closed goes on, as with sshd."""
    child = subprocess.Popen(
        ["sh", "-c", command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]}, start_new_session=True,
    )  # fmt: skip
    assert child.stdin
    assert child.stdout
    assert child.stderr
    hears = threading.Thread(target=_hear, args=(channel, child.stdin), daemon=True)
    hears.start()
    says = [
        threading.Thread(target=_say, args=(child.stdout, channel.sendall), daemon=True),
        threading.Thread(target=_say, args=(child.stderr, channel.sendall_stderr), daemon=True),
    ]
    for thread in says:
        thread.start()
    for thread in says:
        thread.join()
    code = child.wait()
    with contextlib.suppress(OSError, EOFError):
        channel.send_exit_status(code if code >= 0 else 128 - code)
        channel.close()
    hears.join(30)


def _hear(channel: paramiko.Channel, into: object) -> None:
    with contextlib.suppress(OSError), into as stdin:  # type: ignore[attr-defined]
        while chunk := channel.recv(65536):
            stdin.write(chunk)
            stdin.flush()


def _say(out: object, send: object) -> None:
    with contextlib.suppress(OSError), out as stream:  # type: ignore[attr-defined]
        while chunk := stream.read1(65536):
            send(chunk)  # type: ignore[operator]


@contextmanager
def host(folder: Path, name: str = "h", shell: Callable[[], _Shell] = _Shell) -> Iterator[Fleet]:
    """A fleet of one such host. A host that is not there can be added to its `logins`."""
    key = host_key(folder / "server")
    host_key(folder / "operator")
    with closing(listen_tcp("127.0.0.1", 0)) as door:
        door.setblocking(True)
        transports: list[paramiko.Transport] = []
        threading.Thread(target=_admit, args=(door, key, transports, shell), daemon=True).start()
        port = door.getsockname()[1]
        known = folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
        login = Login("127.0.0.1", "kominfo", port, become=False)
        with closing(Fleet({name: login}, folder / "operator", known)) as fleet:
            yield fleet
        door.shutdown(socket.SHUT_RDWR)  # the thread that waits for callers wakes up
        for transport in transports:
            transport.close()


def _admit(
    door: socket.socket, key: paramiko.PKey, transports: list[paramiko.Transport], shell: Callable[[], _Shell]
) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = door.accept()
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            with contextlib.suppress(EOFError, paramiko.SSHException):
                transport.start_server(server=shell())
