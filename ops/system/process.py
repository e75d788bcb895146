"""Start programs: always an argument list, own process group, time limit; the one shape of a result."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ops.errors import OpsError, ToolMissingError
from ops.system import marked, threads

TIMED_OUT = 124  # as timeout(1)
GRACE = 3.0  # seconds between TERM and KILL
_LOOK = 0.2  # seconds between looks at whether somebody wants it to end


@dataclass(frozen=True, slots=True)
class Done:
    """What a program left: exit code, what it wrote. `argv` is safe to show: secrets never stand in it."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def must(self, what: str = "") -> Done:
        """Itself when it succeeded; else OpsError with the last line it wrote."""
        if self.ok:
            return self
        said = (self.err.strip() or self.out.strip() or "no output").splitlines()[-1]
        raise OpsError(f"{what or self.argv[0]}: exit {self.code}: {said}")


@dataclass(frozen=True, slots=True)
class Ask:
    """How to run one program. `env` is added to what it inherits. `on_line` gets each line of output live."""

    input: str | None = None
    timeout: float = 60.0  # seconds
    env: Mapping[str, str] = field(default_factory=dict)
    on_line: Callable[[str], None] | None = None


class Exec(Protocol):
    """A place where programs run: this machine (`Local`) or a host over SSH (`ops.system.ssh.Remote`)."""

    name: str

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # Ask is frozen
        """Run to the end. Never raises for an exit code; TIMED_OUT is the code of a killed one.

        Interrupted (KeyboardInterrupt, also by the end of its pool of threads), the program is ended first.
        """
        ...


class Local:
    """Programs on this machine."""

    name = "localhost"
    python = sys.executable  # the one that runs already: `python3` may be a shell script that looks for one

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # Ask is frozen
        threads.check()
        own = call_name()
        given = _given(ask.input)
        try:
            child = subprocess.Popen(
                list(argv),
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **ask.env, marked.MARK: marked.value(own)},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ToolMissingError(f"{argv[0]}: program not found", "run `ops tools` to see what is missing") from None
        finally:
            os.close(given)
        try:
            out, err, timed_out = _converse(child, ask, own)
        except BaseException:
            _end(child, own)
            raise
        finally:
            for pipe in (child.stdout, child.stderr):
                if pipe and not pipe.closed:
                    pipe.close()
        code = TIMED_OUT if timed_out else child.returncode
        return Done(tuple(argv), code, out, err)


def _given(text: str | None) -> int:
    """What a program reads: a file without a name, for a pipe would have to be fed while we look at other things."""
    if text is None:
        return os.open(os.devnull, os.O_RDONLY)
    handle = os.memfd_create("given")
    with os.fdopen(handle, "wb", closefd=False) as file:
        file.write(text.encode())
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


def call_name() -> str:
    """The mark of one program and of what it starts: by it all of that is ended when its time is over."""
    return f"call-{secrets.token_hex(6)}"


def run(argv: Sequence[str], ask: Ask = Ask()) -> Done:  # Ask is frozen
    """Run a program on this machine."""
    return Local().run(argv, ask)


def _end(child: subprocess.Popen[bytes], own: str) -> None:
    """All that it started, also what went into a session of its own."""
    marked.end(own, GRACE)
    kill_group(child)


def kill_group(child: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """TERM to the whole process group, KILL after `grace` seconds; returns when the child is gone."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, sent)
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            continue
        break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def _converse(child: subprocess.Popen[bytes], ask: Ask, own: str) -> tuple[str, str, bool]:
    """Drain the child until it ends or its time is over."""
    if ask.on_line:
        return _follow(child, ask, own)
    end = time.monotonic() + ask.timeout
    while True:
        threads.check()
        left = end - time.monotonic()
        try:
            out, err = child.communicate(None, min(left, _LOOK) if threads.may_be_stopped() else left)
        except subprocess.TimeoutExpired:
            if time.monotonic() < end:
                continue
            _end(child, own)
            out, err = child.communicate()
            return out.decode(errors="replace"), err.decode(errors="replace"), True
        return out.decode(errors="replace"), err.decode(errors="replace"), False


def _follow(child: subprocess.Popen[bytes], ask: Ask, own: str) -> tuple[str, str, bool]:
    """Like communicate(), but hands every line of standard output on as it comes."""
    assert child.stdout  # noqa: S101 # Popen was given PIPE
    assert child.stderr  # noqa: S101
    kept: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    told = 0
    end = time.monotonic() + ask.timeout
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, "out")
        selector.register(child.stderr, selectors.EVENT_READ, "err")
        while selector.get_map():
            if time.monotonic() > end:
                _end(child, own)
                return kept["out"].decode(errors="replace"), kept["err"].decode(errors="replace"), True
            threads.check()
            for key, _ in selector.select(timeout=_LOOK):
                chunk = os.read(key.fd, 65536)
                kept[key.data] += chunk
                if not chunk:
                    selector.unregister(key.fileobj)
            told = tell_lines(kept["out"], told, ask)
    child.wait()
    return kept["out"].decode(errors="replace"), kept["err"].decode(errors="replace"), False


def tell_lines(out: bytearray, told: int, ask: Ask) -> int:
    """Hand the whole lines of `out` behind byte `told` on; where the next call goes on from."""
    end = out.rfind(b"\n") + 1
    if end > told and ask.on_line:
        for line in out[told:end].decode(errors="replace").splitlines():
            ask.on_line(line)
    return max(told, end)
