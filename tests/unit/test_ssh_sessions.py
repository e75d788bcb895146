"""Several programs over one connection to a host: what befalls one leaves the others alone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED
from ssh_rig import host

from ops.errors import HostFailedError
from ops.system import hostpython, marked, threads
from ops.system.process import TIMED_OUT, Ask
from ops.system.sockets import listen_tcp
from ops.system.ssh import _HEAR_OUT, Fleet, Login, _over
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


LONG = "setsid sleep {seconds} & echo begun; trap : TERM; while :; do sleep {seconds}; done"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Fleet]:
    with host(tmp_path) as fleet:
        yield fleet


def running(program: str) -> list[int]:
    return [pid for pid in marked.titled("sleep") if program in marked._read(pid, "cmdline").decode()]


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_program_that_takes_too_long_is_ended_there_with_all_it_started(there: Fleet) -> None:
    seconds = f"300.{os.getpid()}1"
    done = there.on("h").run(["bash", "-c", LONG.format(seconds=seconds)], Ask(timeout=2))
    assert (done.code, done.out) == (TIMED_OUT, "begun\n")
    assert running(seconds) == []
    assert there.on("h").run(["echo", "on"]).out == "on\n", "the connection goes on"


def test_an_interrupted_program_is_ended_there(there: Fleet) -> None:
    seconds = f"300.{os.getpid()}2"

    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        there.on("h").run(["bash", "-c", LONG.format(seconds=seconds)], Ask(timeout=300, on_line=interrupt))
    assert running(seconds) == []


def test_threads_with_programs_on_hosts_end_with_their_pool(there: Fleet) -> None:
    seconds = f"300.{os.getpid()}3"

    def work(_number: int) -> None:
        there.on("h").run(["bash", "-c", LONG.format(seconds=seconds)], Ask(timeout=300))

    def interrupt() -> None:
        with threads.pool(2) as pool:
            pool.map(work, range(4))
            until(lambda: len(running(seconds)) == 4)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupt()
    assert running(seconds) == []


def test_a_programs_environment_names_the_run_and_its_secrets_stay_out_of_its_words(
    there: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(marked.MARK, "r1")
    done = there.on("h").run(["sh", "-c", f'echo "${marked.MARK} $X"; cat'], Ask(input="given", env={"X": "a b"}))
    mark, said = done.out.split(" ", 1)
    assert (mark.split("/")[0], said) == ("r1", "a b\ngiven")


def test_a_function_on_a_host_that_is_told_to_end_ends_in_order(there: Fleet, tmp_path: Path) -> None:
    module = tmp_path / "slow_there.py"
    module.write_text(
        "import os, time\n"
        "def wait(folder):\n"
        "    try:\n"
        "        open(f'{folder}/pid', 'w').write(str(os.getpid()))\n"
        "        time.sleep(300)\n"
        "    finally:\n"
        "        os.kill(os.getpid(), 15)  # told once more: it goes on with what it does\n"
        "        open(f'{folder}/tidy', 'w').close()\n"
    )
    found = ModuleType("slow_there")
    found.__file__ = str(module)
    asked = hostpython.Call([found], "wait", {"folder": str(tmp_path)}, 300)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(hostpython.call, there.on("h"), asked)
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        with pytest.raises(HostFailedError, match="wait: it was told to end"):
            waits.result(30)
    assert (tmp_path / "tidy").exists()


class _Channel:
    """What the end of a program looks like; paramiko's names."""

    def __init__(self, *, status: bool, more: bool = False, eof: bool = False) -> None:
        self.exit_status_ready = lambda: status
        self.recv_ready = lambda: more
        self.recv_stderr_ready = lambda: False
        self.eof_received, self.closed = eof, False


@pytest.mark.parametrize(
    ("channel", "silent", "over"),
    [
        (_Channel(status=False, eof=True), 60.0, False),
        (_Channel(status=True, more=True, eof=True), 60.0, False),
        (_Channel(status=True), 0.0, False),  # the last of the output is still on its way
        (_Channel(status=True, eof=True), 0.0, True),
        (_Channel(status=True), 60.0, True),  # somebody in the background keeps it open
    ],
)
def test_an_exit_status_is_not_the_end_of_the_output(channel: Any, silent: float, over: bool) -> None:
    assert _over(channel, time.monotonic() - silent) is over
