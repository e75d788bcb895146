"""Programs on other hosts over SSH (paramiko): one kept transport per host, host keys from the world's known_hosts."""

from __future__ import annotations

import contextlib
import logging
import select
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ops.errors import HostFailedError
from ops.system import marked, threads
from ops.system.process import GRACE, TIMED_OUT, Ask, Done, call_name, tell_lines
from ops.system.signals import uninterrupted

if TYPE_CHECKING:
    import paramiko

CONNECT_SECONDS = 8.0
_LAST_WORDS = 3.0  # seconds of silence after the exit status, where something keeps the output open
_END_SECONDS = 4.0  # beside the time of grace: a Python that starts on a busy host, and the KILL
PORT = 22
_BROKE_OFF = "the connection broke off"
_NO_STATUS = -1  # paramiko's exit status of a program that was killed, or of a channel that broke off
UNKNOWN = "not found in known_hosts"  # as paramiko says it
# A channel must not close while we still send: sshd then cuts the whole connection off ("data packet referred to
# nonexistent channel"), and with it everybody else's programs. So the remote side always reads our input to its end.
_HEAR_OUT = '"$@"; code=$?; cat >/dev/null; exit "$code"'


@dataclass(frozen=True, slots=True)
class Login:
    """How one host is reached. `become`: run programs as root through sudo."""

    address: str
    user: str
    port: int = PORT
    become: bool = True


class Remote:
    """An Exec on one host. The connection is opened on first use and kept until `close()`."""

    def __init__(self, name: str, login: Login, key: Path, known_hosts: Path) -> None:
        self.name = name
        self._login, self._key, self._known = login, key, known_hosts
        self._client: paramiko.SSHClient | None = None
        self._lock = Lock()
        self._failed: tuple[float, Exception] | None = None  # the last attempt to connect: when it ended, and why

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        """As `Local.run`. Environment values travel on standard input's side channel, never in argv.

        Too late or interrupted, it is ended there with all that it started. Raises HostFailedError when the host cannot
        be reached or drops the connection.
        """
        import paramiko  # noqa: PLC0415 # 0.3 s that most commands do not need

        threads.check()
        own = call_name()
        with self._session(_with_env(argv, ask), marked.value(own)) as channel:
            try:
                done = self._converse(channel, tuple(argv), ask)
            except (paramiko.SSHException, OSError, EOFError):
                raise  # the connection is gone
            except BaseException:
                with uninterrupted():
                    self._end_quietly(own)
                raise
            if done.code == TIMED_OUT:
                self._end_quietly(own)
            return done

    def connect(self) -> None:
        """Open the connection now, if it is not open. HostFailedError when the host cannot be reached."""
        with self._told():
            self._connect()

    def dial(self, port: int) -> paramiko.Channel:
        """A connection to a port of the host's own loopback. HostFailedError when nothing listens there."""
        with self._told():
            transport = self._connect().get_transport()
            if transport is None:
                raise HostFailedError(self.name, "the SSH connection was closed")
            here = ("127.0.0.1", 0)  # what sshd is told of whom it is for
            return transport.open_channel("direct-tcpip", ("127.0.0.1", port), here, timeout=CONNECT_SECONDS)

    def end(self, run: str, grace: float, seconds: float) -> tuple[int, int]:
        """End the processes of a run there: (how many there were, how many outlived it), as `marked.end`.

        Takes `seconds` at most once the connection stands. HostFailedError when the host could not be asked.
        """
        script = Path(marked.__file__).read_text(encoding="utf-8")
        argv = ["python3", "-I", "-", run, f"{grace:.1f}"]
        with self._session(argv) as channel:
            done = self._converse(channel, tuple(argv), Ask(input=script, timeout=seconds), lambda: None)
        try:
            found, left = map(int, done.out.split())
        except ValueError:
            said = (done.err.strip() or "no answer").splitlines()[-1]
            raise HostFailedError(self.name, f"ending what ran there: {said}") from None
        return found, left

    def _end_quietly(self, own: str) -> None:
        with contextlib.suppress(HostFailedError):
            self.end(own, GRACE, GRACE + _END_SECONDS)

    @contextlib.contextmanager
    def _session(self, argv: Sequence[str], mark: str = "") -> Iterator[paramiko.Channel]:
        """A program of that mark, started. What goes wrong with the connection meanwhile is a HostFailedError."""
        as_root = ["sudo", "-n", "--"] if self._login.become else []
        known = ["env", f"{marked.MARK}={mark}"] if mark else []
        words = shlex.join([*as_root, *known, "sh", "-c", _HEAR_OUT, "sh", *argv])
        with self._told():
            transport = self._connect().get_transport()
            if transport is None:
                raise HostFailedError(self.name, "the SSH connection was closed")
            channel = transport.open_session(timeout=CONNECT_SECONDS)
            with contextlib.closing(channel):
                channel.exec_command(words)
                yield channel

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the connection as a HostFailedError."""
        import paramiko  # noqa: PLC0415 # 0.3 s that most commands do not need

        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            self._drop_if_dead()
            raise HostFailedError(self.name, f"SSH: {str(error) or _BROKE_OFF}", self._next_step(error)) from None

    def close(self) -> None:
        with self._lock:
            if self._client:
                self._client.close()
            self._client = None

    def _drop_if_dead(self) -> None:
        """So that the next one connects anew. A connection that lives is left to the others who talk over it."""
        with self._lock:
            transport = self._client.get_transport() if self._client else None
            if self._client and not (transport and transport.is_active()):
                self._client.close()
                self._client = None

    def _next_step(self, error: Exception) -> str:
        """What a person can do when the very first login fails."""
        import paramiko  # noqa: PLC0415

        login = self._login
        if isinstance(error, paramiko.BadHostKeyException):
            return other_key(login, self._known)
        if UNKNOWN in str(error):
            return unknown_key(login, self._known)
        if isinstance(error, paramiko.PasswordRequiredException):
            return f"{self._key} has a passphrase; use a key without one, that only this machine's root can read"
        if isinstance(error, paramiko.AuthenticationException):
            return f"give {self._key}.pub to the user {login.user} there: ssh-copy-id -i {self._key} …"
        if isinstance(error, FileNotFoundError) and error.filename == str(self._key):
            return f"make the key: ssh-keygen -t ed25519 -f {self._key}, and give its .pub to the servers"
        return ""

    def _connect(self) -> paramiko.SSHClient:
        import paramiko  # noqa: PLC0415

        asked = time.monotonic()
        with self._lock:
            if self._client is None:
                if self._failed and self._failed[0] > asked:
                    raise self._failed[1]  # several asked at once: they need not all wait for a host that is gone
                try:
                    self._client = self._open()
                except (paramiko.SSHException, OSError, EOFError) as error:
                    self._failed = (time.monotonic(), error.with_traceback(None))
                    raise
            return self._client

    def _open(self) -> paramiko.SSHClient:
        import paramiko  # noqa: PLC0415

        told = logging.getLogger("paramiko")  # it would print a traceback of what our own errors say in a line
        if not told.handlers:
            told.addHandler(logging.NullHandler())
        client = paramiko.SSHClient()
        if self._known.exists():
            client.load_host_keys(str(self._known))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            client.connect(
                self._login.address,
                port=self._login.port,
                username=self._login.user,
                key_filename=str(self._key),
                timeout=CONNECT_SECONDS,
                banner_timeout=CONNECT_SECONDS,
                allow_agent=False,
                look_for_keys=False,
            )
        except BaseException:
            client.close()  # a server punishes those who neither log in nor hang up (PerSourcePenalties)
            raise
        return client

    def _converse(
        self, channel: paramiko.Channel, argv: tuple[str, ...], ask: Ask, watch: Callable[[], None] = threads.check
    ) -> Done:
        given = (_env_lines(ask) + (ask.input or "")).encode()
        out, err, told = bytearray(), bytearray(), 0
        end = time.monotonic() + ask.timeout
        fed, heard = False, time.monotonic()
        while True:
            watch()
            with contextlib.suppress(OSError):  # a program that has ended already reads no more
                if given and channel.send_ready():
                    given = given[channel.send(given[:32768]) :]
                if not given and not fed:
                    fed = True
                    channel.shutdown_write()
            moved = _drain(channel, out, err)
            heard = time.monotonic() if moved else heard
            if ask.on_line:
                told = tell_lines(out, told, ask)
            if not moved and _over(channel, heard):
                break
            if time.monotonic() > end:
                return Done(argv, TIMED_OUT, out.decode(errors="replace"), err.decode(errors="replace"))
            if not moved:
                select.select([channel], [], [], 0.1)
        _drain(channel, out, err)
        if ask.on_line:
            tell_lines(out, told, ask)
        code = channel.recv_exit_status()
        transport = channel.get_transport()
        if code == _NO_STATUS and not (transport and transport.is_active()):
            raise EOFError(_BROKE_OFF)
        return Done(argv, code, out.decode(errors="replace"), err.decode(errors="replace"))


class Fleet:
    """All hosts of one world by name. `absent`: why none of them is there; empty where they are."""

    def __init__(self, logins: Mapping[str, Login], key: Path, known_hosts: Path, absent: str = "") -> None:
        self.logins, self.key, self.known_hosts, self.absent = dict(logins), key, known_hosts, absent
        self._open: dict[str, Remote] = {}

    def on(self, name: str) -> Remote:
        """The Exec of that host. HostFailedError if no such host is declared, or there is none at all."""
        if name not in self.logins:
            raise HostFailedError(name, "no such host in hosts.yml")
        if self.absent:
            raise HostFailedError(name, self.absent)
        if name not in self._open:
            # several threads may ask at once: all get the one that is kept
            self._open.setdefault(name, Remote(name, self.logins[name], self.key, self.known_hosts))
        return self._open[name]

    def next_step(self, name: str, said: str) -> str:
        """What a person can do when the program ssh says that about a host's key; empty for anything else."""
        login = self.logins.get(name)
        if login is None or "ost key" not in said:
            return ""
        changed = "has changed" in said or "HAS CHANGED" in said
        return other_key(login, self.known_hosts) if changed else unknown_key(login, self.known_hosts)

    def close(self) -> None:
        for remote in self._open.values():
            remote.close()
        self._open.clear()


def unknown_key(login: Login, known: Path) -> str:
    """Next step for a host whose key nobody has vouched for yet."""
    scan = f"ssh-keyscan -p {login.port} {login.address} >>{known}"
    return (
        f"its host key is not known here yet: {scan}, then compare `ssh-keygen -lf {known}` with the server's console"
    )


def other_key(login: Login, known: Path) -> str:
    """Next step for a host that shows another key than the known one."""
    entry = login.address if login.port == PORT else f"[{login.address}]:{login.port}"
    return (
        f"somebody may stand between; if the server was built anew: ssh-keygen -R '{entry}' -f {known}, and then "
        f"ssh-keyscan -p {login.port} {login.address} >>{known}"
    )


def _with_env(argv: Sequence[str], ask: Ask) -> list[str]:
    """Environment through standard input: a line per variable, then an empty one; argv stays free of secrets."""
    if not ask.env:
        return list(argv)
    reader = 'while IFS= read -r l && [ -n "$l" ]; do export "$l"; done; exec "$@"'
    return ["sh", "-c", reader, "sh", *argv]


def _env_lines(ask: Ask) -> str:
    return "".join(f"{name}={value}\n" for name, value in ask.env.items()) + "\n" if ask.env else ""


def _over(channel: paramiko.Channel, heard: float) -> bool:
    """Whether nothing follows any more. sshd may tell the exit status before the last of the output, and a program
    that went on in the background keeps the output open: the end of it is waited for, but not for long."""
    if not channel.exit_status_ready() or channel.recv_ready() or channel.recv_stderr_ready():
        return False
    return bool(channel.eof_received) or channel.closed or time.monotonic() - heard > _LAST_WORDS


def _drain(channel: paramiko.Channel, out: bytearray, err: bytearray) -> bool:
    moved = False
    while channel.recv_ready():
        out += channel.recv(65536)
        moved = True
    while channel.recv_stderr_ready():
        err += channel.recv_stderr(65536)
        moved = True
    return moved
