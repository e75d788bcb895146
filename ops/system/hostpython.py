"""Python functions that run on a host: their source goes over standard input, a JSON value comes back.

Nothing is installed or left on the host. The modules use the standard library only, so that any Debian can run them;
secrets in `arguments` travel in the same input and are never in argv or in a file.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ops.errors import HostFailedError
from ops.system.process import TIMED_OUT, Ask, Exec

_RESULT, _EVENT = "@result ", "@event "  # plain words: str.splitlines() breaks at most control characters
# Told to end (TERM), it ends in order: what its functions started is ended by their own `finally`.
_BOOT = """
import base64, json, signal, sys, types, zlib
def _end(*_):
    signal.signal(signal.SIGTERM, lambda *_: None)
    sys.exit("it was told to end")
signal.signal(signal.SIGTERM, _end)
_modules, _given = json.loads(zlib.decompress(base64.b85decode({packed!r})))
for _name, _text in _modules:
    _parts = _name.split(".")
    for _i in range(1, len(_parts)):
        _above = ".".join(_parts[:_i])
        if _above not in sys.modules:
            sys.modules[_above] = types.ModuleType(_above)
            sys.modules[_above].__path__ = []
    _module = types.ModuleType(_name)
    sys.modules[_name] = _module
    exec(compile(_text, _name, "exec"), _module.__dict__)
sys.stdin = open("/dev/null")
_answer = getattr(sys.modules[{module!r}], {function!r})(**_given)
print({result!r} + json.dumps(_answer), flush=True)
"""


@dataclass(frozen=True)
class Call:
    """`modules`: all that the function needs, those imported by others first; the last one holds `function`."""

    modules: Sequence[ModuleType]
    function: str
    arguments: Mapping[str, Any]
    timeout: float = 60.0  # seconds


_heard: ContextVar[Callable[[Any], None] | None] = ContextVar("heard", default=None)


@contextmanager
def heard(listener: Callable[[Any], None]) -> Iterator[None]:
    """Inside of it, and in this thread, `listener` gets what functions on hosts tell while they run."""
    before = _heard.set(listener)
    try:
        yield
    finally:
        _heard.reset(before)


def call(host: Exec, asked: Call) -> Any:
    """The function's value. HostFailedError with the last line of its traceback when it raised or ran out of time."""
    packed = _packed([[module.__name__, _source(module)] for module in asked.modules], dict(asked.arguments))
    script = _BOOT.format(packed=packed, module=asked.modules[-1].__name__, function=asked.function, result=_RESULT)
    listener = _heard.get()
    follow = _listener(listener) if listener else None
    # -S: no site packages are looked for, which nothing here may use
    done = host.run(
        [getattr(host, "python", "python3"), "-I", "-S", "-"], Ask(input=script, timeout=asked.timeout, on_line=follow)
    )
    if done.code == TIMED_OUT:
        raise HostFailedError(host.name, f"{asked.function}: not done after {asked.timeout:.0f} s")
    for line in reversed(done.out.splitlines()):
        if line.startswith(_RESULT):
            return json.loads(line.removeprefix(_RESULT))
    said = (done.err.strip() or done.out.strip() or "no output").splitlines()[-1]
    raise HostFailedError(host.name, f"{asked.function}: {said}")


def _packed(*values: Any) -> str:
    """Several values as one word: over a thin line a source is a third as long so."""
    return base64.b85encode(zlib.compress(json.dumps(values).encode())).decode()


def _source(module: ModuleType) -> str:
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _listener(on_event: Callable[[Any], None]) -> Callable[[str], None]:
    def follow(line: str) -> None:
        if line.startswith(_EVENT):
            on_event(json.loads(line.removeprefix(_EVENT)))

    return follow
