"""Command lines of network devices over SSH, through netmiko's drivers. The only place that knows netmiko."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from ops.errors import HostFailedError

CONNECT_SECONDS = 5.0  # for the TCP connection
TALK_SECONDS = 20.0  # for each step after it: many routers at once share this machine's cores
_PROMPT = r"(?:[>\]#]|\[[Yy]/[Nn]\]:?)\s*$"  # every prompt of every vendor that we know ends so, or asks back
_MODES = {"huawei": ("system-view", "return"), "cisco_ios": ("configure terminal", "end")}  # by driver: into it, out
REFUSED = "user or password refused"
_known_lock = Lock()


@dataclass(frozen=True)
class DeviceLogin:
    """How one device is reached. `known_hosts`: a key seen for the first time is kept there, another one is refused."""

    name: str
    address: str
    driver: str  # netmiko's device_type
    user: str
    password: str = field(repr=False)
    known_hosts: Path
    port: int = 22
    patience: float = TALK_SECONDS  # for each step after the TCP connection

    def within(self, seconds: float) -> DeviceLogin:
        """The same login, of which no step takes longer than this."""
        return replace(self, patience=min(self.patience, seconds))


class DeviceCli:
    """An open command line. Ask with `ask`, change with `configure`."""

    def __init__(self, name: str, connection: Any, driver: str = "") -> None:
        self._name, self._connection, self._driver = name, connection, driver

    def ask(self, command: str, seconds: float = TALK_SECONDS) -> str:
        """What the device answers to one command within `seconds`; its own prompt is taken off."""
        return self._said(command, None, seconds)

    def step(self, command: str, seconds: float = TALK_SECONDS) -> str:
        """A command that leads elsewhere: after it the prompt is another one. What is answered."""
        return self._said(command, _PROMPT, seconds)

    def configure(self, commands: Sequence[str], *, config_mode: bool) -> str:
        """Run commands one by one, in the device's configuration mode if it has one. All that was answered."""
        enter, leave = self._mode(config_mode)
        prompt = _PROMPT if config_mode else None
        return "\n".join(self._said(one, prompt, TALK_SECONDS) for one in (enter, *commands, leave) if one)

    def push(self, commands: Sequence[str], error: str, *, config_mode: bool) -> str:
        """As `configure`, but nothing is sent after the first line that the device refuses (pattern `error`).

        `LINE: what it said`, or nothing when it took them all. The configuration mode is left in any case.
        """
        enter, leave = self._mode(config_mode)
        wrong = ""
        prompt = _PROMPT if self._driver in _MODES else None  # RouterOS: a line of ours may end as a prompt does
        for one in (enter, *commands):
            answer = self._said(one, prompt, TALK_SECONDS) if one else ""
            if refused := re.search(error, answer):
                wrong = f"{one}: {refused[0].strip()}"
                break
        if leave:
            self._said(leave, _PROMPT, TALK_SECONDS)
        return wrong

    def _mode(self, config_mode: bool) -> tuple[str, str]:
        """The words that lead into the configuration mode and out of it."""
        return _MODES.get(self._driver, ("", "")) if config_mode else ("", "")

    def _said(self, command: str, prompt: str | None, seconds: float) -> str:
        self._connection.read_timeout_override = seconds  # netmiko waits for the echo of a command by a rule of its own
        said = self._connection.send_command(command, expect_string=prompt, read_timeout=seconds)
        return str(said).replace("\r\n", "\n")


@contextlib.contextmanager
def device_cli(login: DeviceLogin) -> Iterator[DeviceCli]:
    """Log in and out again. HostFailedError says why it could not be; it never holds the password."""
    import netmiko  # noqa: PLC0415 # 0.6 s that most commands do not need
    import paramiko  # noqa: PLC0415

    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what goes wrong is told by our own errors
    try:
        _know(login)
        connection = _connect(login)
        try:
            yield DeviceCli(login.name, connection, login.driver)
        finally:
            # not disconnect(): asking Huawei whether it is in config mode takes 2 s. The device may hang up first.
            with contextlib.suppress(EOFError, OSError, paramiko.SSHException):
                connection.paramiko_cleanup()
    except netmiko.NetmikoAuthenticationException:
        raise HostFailedError(login.name, f"SSH: {REFUSED}") from None
    except (netmiko.NetmikoBaseException, paramiko.SSHException, OSError, EOFError, ValueError) as error:
        raise HostFailedError(login.name, f"SSH: {_said(error)}") from None


def _connect(login: DeviceLogin) -> Any:
    import netmiko  # noqa: PLC0415

    return netmiko.ConnectHandler(
        device_type=login.driver,
        host=login.address,
        port=login.port,
        username=login.user,
        password=login.password,
        secret=login.password,  # where the driver must become privileged: those devices know one password or none
        conn_timeout=min(CONNECT_SECONDS, login.patience),
        auth_timeout=login.patience,
        banner_timeout=login.patience,
        ssh_strict=True,
        alt_host_keys=True,
        alt_key_file=str(login.known_hosts),
        use_keys=False,
        allow_agent=False,
        read_timeout_override=login.patience,  # while the driver makes itself at home
    )


def _said(error: Exception) -> str:
    """The line of netmiko's page-long messages that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[1] if lines[0].endswith(":") and len(lines) > 1 else lines[0]


def _know(login: DeviceLogin) -> None:
    """Keep the device's host key when it is the first one seen at that address."""
    import paramiko  # noqa: PLC0415

    entry = login.address if login.port == 22 else f"[{login.address}]:{login.port}"  # noqa: PLR2004 # SSH
    with _known_lock:
        known = paramiko.HostKeys(str(login.known_hosts) if login.known_hosts.exists() else None)
    if known.lookup(entry):
        return
    import socket  # noqa: PLC0415

    with (
        socket.create_connection((login.address, login.port), min(CONNECT_SECONDS, login.patience)) as raw,
        contextlib.closing(paramiko.Transport(raw)) as transport,
    ):
        transport.start_client(timeout=login.patience)
        key = transport.get_remote_server_key()
    with _known_lock:
        login.known_hosts.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = f"{entry} {key.get_name()} {key.get_base64()}\n"
        with os.fdopen(os.open(login.known_hosts, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as out:
            out.write(line)
