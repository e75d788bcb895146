"""Run programs on this host: with a time limit of our own, and never longer than the station that asked is there."""

# ruff: noqa: PTH123 # names on hosts need not be text
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

QUIET = False  # set where no station listens: a run of the host's own
PULSE = 2.0  # seconds between signs of life to the station
TIMED_OUT = 124  # as timeout(1)
END = "@end"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def tell(**event: Any) -> None:
    """One event to the station, at once. A station that is gone ends this process, and first what it started."""
    if QUIET:
        return
    try:
        print("@event " + json.dumps(event), flush=True)
    except OSError:
        signal.signal(signal.SIGTERM, lambda *_: None)  # whoever else wants it to end must not disturb that
        raise SystemExit(1) from None


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    given: str | None = None,
    env: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    watch: Callable[[bytes], str] | None = None,
) -> dict[str, Any]:
    """Run to the end; {argv, code, out, err, seconds}. `secrets`: option → value, handed over as an unnamed file.

    `watch` gets what was said so far, every two seconds; when it says anything, the program is ended: `given_up`.
    A secret's file stays this process's own and is read through /proc: what the program starts (a dump, as another
    user) inherits nothing of it.
    """
    begun = time.monotonic()
    handles = {option: _unnamed(value) for option, value in (secrets or {}).items()}
    given_in = None if given is None else _unnamed(given)  # a pipe would have to be fed while we wait
    child = subprocess.Popen(
        [argv[0], *(f"{option}=/proc/{os.getpid()}/fd/{handle}" for option, handle in handles.items()), *argv[1:]],
        stdin=subprocess.DEVNULL if given_in is None else given_in,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 # this process has one thread
    )
    try:
        out, err, code, given_up = _wait(child, begun + timeout, watch or (lambda _said: ""))
    finally:
        end(child)
        for handle in (*handles.values(), *([] if given_in is None else [given_in])):
            os.close(handle)
    return {
        "argv": list(argv),
        "code": code,
        "out": out.decode(errors="replace"),
        "err": err.decode(errors="replace"),
        "seconds": round(time.monotonic() - begun, 3),
        "given_up": given_up,
    }


def secret(spec: Mapping[str, str]) -> str:
    """A secret's value: given as it is, or from a root-only file of this host (a JSON file's key, or all of a file)."""
    if "value" in spec:
        return spec["value"]
    with open(spec["file"], encoding="utf-8") as text:
        return str(json.load(text)[spec["key"]]) if "key" in spec else text.read().strip()


def reachable(address: str, port: int, seconds: float) -> str:
    """Empty when a TCP connection can be opened, else why not."""
    try:
        with socket.create_connection((address, port), seconds):
            return ""
    except OSError as error:
        return str(error)


def greets(address: str, port: int, seconds: float) -> str:
    """Empty when a server that speaks first (SSH) says anything, else why not."""
    try:
        with socket.create_connection((address, port), seconds) as door:
            door.settimeout(seconds)
            return "" if door.recv(4) else "it closes the connection at once"
    except OSError as error:
        return str(error)


class Client:
    """One client of a database that stays open. `mark`: the statement by which it says END."""

    def __init__(self, argv: Sequence[str], mark: str) -> None:
        self._mark = mark
        self._child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            text=True,
            encoding="utf-8",
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 # this process has one thread
        )

    def tell(self, statement: str) -> list[str]:
        """Run statements; the lines they gave. RuntimeError with what the client said when one failed."""
        assert self._child.stdin and self._child.stdout and self._child.stderr  # noqa: S101, PT018 # Popen was given PIPE
        with contextlib.suppress(BrokenPipeError):  # what the client said is read below
            self._child.stdin.write(f"{statement}\n{self._mark}\n")
            self._child.stdin.flush()
        lines: list[str] = []
        for line in self._child.stdout:
            if line.rstrip("\n") == END:
                return lines
            lines.append(line.rstrip("\n"))
        said = (self._child.stderr.read().strip() or "the database's client ended").splitlines()
        raise RuntimeError(next((line for line in said if "ERROR" in line or "FATAL" in line), said[-1]))

    def close(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        end(self._child)


def alone(argv: Sequence[str], log: str) -> subprocess.Popen[bytes]:
    """A server without any network that the kernel ends with this process; what it says goes to the file `log`."""
    # The shell stays as process 1 of its namespace and stays root: when it is killed, the kernel kills all in there.
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]  # what an ordinary user needs for the others
    isolated = ["unshare", *user, "--net", "--ipc", "--pid", "--fork", "--kill-child"]
    with open(log, "wb") as said:
        return subprocess.Popen(
            [*isolated, "sh", "-c", '"$@"; exit $?', "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd="/",
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 # this process has one thread
        )


def end(child: subprocess.Popen[Any]) -> None:
    """No process of the child's group is left after this."""
    for sent, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def die_with_parent() -> None:
    """For a fresh child: the kernel kills it when this process ends, however that happens."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait(child: subprocess.Popen[bytes], until: float, watch: Callable[[bytes], str]) -> tuple[bytes, bytes, int, str]:
    while True:
        try:
            out, err = child.communicate(None, min(PULSE, max(0.05, until - time.monotonic())))
        except subprocess.TimeoutExpired as soon:
            given_up = watch(soon.output or b"")
            if given_up or time.monotonic() >= until:
                end(child)
                out, err = child.communicate()
                return out, err, TIMED_OUT, given_up
            tell(alive=True)
        else:
            return out, err, child.returncode if child.returncode >= 0 else 128 - child.returncode, ""


def _unnamed(value: str) -> int:
    """A file without a name that holds `value`, to be read from its beginning; gone when closed."""
    handle = os.memfd_create("k")
    with open(handle, "wb", closefd=False) as file:
        file.write(value.encode("utf-8", "surrogateescape"))
    os.lseek(handle, 0, os.SEEK_SET)
    return handle
