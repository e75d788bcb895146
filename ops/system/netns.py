"""Network namespaces of this machine, by their name under /run/netns."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.errors import OpsError
from ops.system.process import Ask, run

RUN = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def enter(name: str) -> None:
    """Move the calling thread into namespace `name`. OpsError if it is missing or root is."""
    try:
        handle = os.open(RUN / name, os.O_RDONLY)
    except OSError as error:
        raise OpsError(f"network namespace {name}: {error.strerror}", "ops twin up") from None
    try:
        _setns(handle, name)
    finally:
        os.close(handle)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Be in namespace `name` for a while (this thread only): sockets opened here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(name)
        yield
    finally:
        _setns(home, "home")
        os.close(home)


def _setns(handle: int, name: str) -> None:
    if _libc.setns(handle, _CLONE_NEWNET) != 0:
        raise OpsError(f"network namespace {name}: {os.strerror(ctypes.get_errno())}", "run it as root")


def existing(prefix: str) -> set[str]:
    """Names of all namespaces that begin with `prefix`."""
    return {path.name for path in RUN.glob(f"{prefix}*")} if RUN.is_dir() else set()


def set_kernel(name: str, values: dict[str, str]) -> None:
    """Set net.* kernel parameters of a namespace: {"ipv4/ip_forward": "1"}. What this kernel lacks is left out."""
    with inside(name):
        for key, value in values.items():
            path = Path("/proc/sys/net") / key
            if path.exists():
                path.write_text(value, encoding="ascii")


def batch(lines: list[str], namespace: str = "", program: str = "ip") -> None:
    """Run lines of `ip` (or `tc`) in one process, in a namespace or, with "", where the caller is."""
    if not lines:
        return
    # outside of a namespace it makes and deletes some: that must not go on when the caller is killed
    where = [program, "-n", namespace] if namespace else ["setpriv", "--pdeathsig", "KILL", program]
    done = run([*where, "-batch", "-"], Ask(input="\n".join(lines) + "\n"))
    if not done.ok:
        said = done.err.strip().splitlines() or ["no output"]
        raise OpsError(f"{program} in {namespace or 'this machine'}: {said[0]}", "ops twin down, then ops twin up")


def pids(names: set[str]) -> set[int]:
    """Every process that lives in one of the namespaces (best effort: processes come and go)."""
    wanted = {(RUN / name).stat().st_ino for name in names if (RUN / name).exists()}
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with suppress(OSError):
            if path.stat().st_ino in wanted:
                found.add(int(path.parts[2]))
    return found


def indexes(name: str) -> dict[str, int]:
    """The kernel's number of every interface of a namespace."""
    with inside(name):
        return {interface: index for index, interface in socket.if_nameindex()}


def listens(name: str, udp_port: int) -> bool:
    """Whether some program waits for datagrams on that port inside the namespace."""
    with inside(name):
        lines = Path("/proc/thread-self/net/udp").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1].endswith(f":{udp_port:04X}") for line in lines)


def end_processes(names: set[str], grace: float = 2.0) -> None:
    """End every process that lives in one of these namespaces: TERM, then KILL after `grace`.

    The caller and those that started it (a person's shell) are left alone.
    """
    end = time.monotonic() + grace
    while found := pids(names) - _ancestry():
        sent = signal.SIGTERM if time.monotonic() < end else signal.SIGKILL
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, sent)
        if time.monotonic() > end + grace:
            raise OpsError(f"processes {sorted(found)} cannot be ended", "look at them with ps, then try again")
        time.sleep(0.05)


def _ancestry() -> set[int]:
    """This process, its parent, and so on up."""
    found, pid = set(), os.getpid()
    while pid > 0:
        found.add(pid)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        pid = int(stat.rpartition(")")[2].split()[1])
    return found
