"""An SSH server for command lines that are not shells: the door through which a twin's router is configured."""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import paramiko

IDLE_SECONDS = 300.0
PATIENCE_SECONDS = 60  # for a key exchange: dozens of routers may be logged in to at once on a busy machine
_LONGEST_LINE = 4096
_making = threading.Lock()  # two first logins at once must not make two keys


class Session(Protocol):
    """One login. `line` answers a command without the prompt; None ends the session."""

    banner: str

    def prompt(self) -> str: ...

    def line(self, text: str) -> str | None: ...


@dataclass(frozen=True)
class Doorman:
    """Who may come in, and what they get. `key`: file of the host key, made when missing."""

    user: str
    password: str = field(repr=False)
    key: Path
    session: Callable[[], Session]


def admit(connection: socket.socket, doorman: Doorman) -> threading.Thread:
    """Serve one connection in a thread of its own until the client leaves or is idle for too long."""
    thread = threading.Thread(target=_serve, args=(connection, doorman), daemon=True)
    thread.start()
    return thread


def host_key(path: Path) -> paramiko.PKey:
    """The Ed25519 key in `path`, made with mode 0600 if there is none."""
    import paramiko  # noqa: PLC0415 # 0.3 s that only the agents need

    with _making:
        if not path.exists():
            _make_key(path)
    return paramiko.Ed25519Key.from_private_key_file(str(path))


def _make_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    text = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(text)
    fresh.replace(path)


def _serve(connection: socket.socket, doorman: Doorman) -> None:
    import paramiko  # noqa: PLC0415

    connection.setblocking(True)
    desk = _desk(doorman)
    # A client that breaks off, speaks nonsense or never logs in ends its own thread and nothing else.
    with (
        contextlib.suppress(paramiko.SSHException, OSError, EOFError),
        contextlib.closing(connection),
        contextlib.closing(paramiko.Transport(connection)) as transport,
    ):
        transport.handshake_timeout = transport.banner_timeout = PATIENCE_SECONDS
        transport.add_server_key(host_key(doorman.key))
        transport.start_server(server=desk)
        channel = transport.accept(30)
        if channel is None or not desk.ready.wait(10):  # type: ignore[attr-defined]
            return
        channel.settimeout(IDLE_SECONDS)
        with contextlib.closing(channel):
            _talk(channel, doorman.session(), desk.command)  # type: ignore[attr-defined]


def _desk(doorman: Doorman) -> paramiko.ServerInterface:
    """paramiko's callbacks: password login, a shell or one command."""
    import paramiko  # noqa: PLC0415

    class Desk(paramiko.ServerInterface):
        def __init__(self) -> None:
            self.ready = threading.Event()
            self.command: str | None = None

        def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
            return "password"

        def check_auth_password(self, username: str, password: str) -> int:
            name = username.partition("+")[0]  # RouterOS takes terminal options after a plus
            good = hmac.compare_digest(password.encode(), doorman.password.encode()) and name == doorman.user
            return paramiko.common.AUTH_SUCCESSFUL if good else paramiko.common.AUTH_FAILED

        def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
            return (
                paramiko.common.OPEN_SUCCEEDED
                if kind == "session"
                else paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
            )

        def check_channel_pty_request(self, *_terminal: object) -> bool:
            return True

        def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:  # noqa: ARG002
            self.ready.set()
            return True

        def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:  # noqa: ARG002
            self.command = command.decode(errors="replace")
            self.ready.set()
            return True

    return Desk()


def _talk(channel: paramiko.Channel, session: Session, command: str | None) -> None:
    if command is not None:
        channel.sendall(((session.line(command.strip()) or "") + "\r\n").encode())
        channel.send_exit_status(0)
        return
    channel.sendall((session.banner + session.prompt()).encode())
    typed, before = b"", 0
    while received := channel.recv(4096):
        for byte in received:
            second_half, before = before == ord("\r") and byte == ord("\n"), byte
            if second_half:
                continue
            if byte not in b"\r\n":
                typed += bytes((byte,)) if len(typed) < _LONGEST_LINE else b""
                continue
            text, typed = typed.decode(errors="replace").strip(), b""
            answer = session.line(text)
            if answer is None:
                return
            said = f"{answer}\r\n" if answer else ""
            channel.sendall(f"{text}\r\n{said}{session.prompt()}".encode())
