"""restic on this machine without a helper process around it: a verification needs nothing sent to a host."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from backup.restic import Repository, Restic
from ops.system.process import Ask, Local, run

# What a person's shell may say to restic would speak against what it is told here.
_NO_OTHER = dict.fromkeys(("RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_PASSWORD_COMMAND", "RESTIC_KEY_HINT"), "")


class Here(Restic):
    """One repository, seen from this machine. Its address and password are unnamed files that restic alone reads."""

    def __init__(self, repository: Repository, program: str) -> None:
        super().__init__(Local(), repository, program)
        self.before: tuple[str, ...] = ()  # words before the program's name

    def _ask(self, words: Sequence[str], timeout: float, given: str | None = None) -> dict[str, Any]:
        begun = time.monotonic()
        with _unnamed(self.repository.url) as url, _unnamed(self.repository.password.value) as password:
            files = [f"--repository-file={url}", f"--password-file={password}"]
            argv = [*self.before, self.program, *files, "--json", "--no-cache", *words]
            env = {**_NO_OTHER, "LC_ALL": "C.UTF-8", "GOMAXPROCS": "2"}
            done = run(argv, Ask(input=given, timeout=timeout, env=env))
        seconds = round(time.monotonic() - begun, 3)
        return {"argv": argv, "code": done.code, "out": done.out, "err": done.err, "seconds": seconds}


@contextmanager
def _unnamed(value: str) -> Iterator[str]:
    """Path of a file without a name that holds `value`; gone afterwards."""
    handle = os.memfd_create("k")
    try:
        os.write(handle, value.encode("utf-8", "surrogateescape"))
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)
