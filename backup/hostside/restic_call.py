"""One call of restic on this host: the port is tried first, secrets go in as unnamed files, never in argv."""

# ruff: noqa: PTH119, PTH123 # names on hosts need not be text
from __future__ import annotations

import json
import os
import socket
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from backup.hostside import limits, programs

PROBE_SECONDS = 5.0  # for the port to open
EVERY = 3.0  # seconds between two looks at the port while restic works, and for it to open then
TWICE = 2  # failures in a row that count
SHORT, PATIENCE = 120.0, 300.0  # seconds: calls up to SHORT end at once, longer ones after PATIENCE without the vault
EDGE = "another speed holds from now on"  # why a backup is ended and begun again: what it has sent counts
POINTS, QUIET_SECONDS = 5.0, 60.0  # of progress, and seconds, between two words on how far it is
ANSWER_SECONDS = 8.0  # for the server behind it to say anything: together a dead vault is told within 15 s


def restic(  # one call's whole description, sent as JSON
    *,
    program: str,
    words: Sequence[str],
    repository: Mapping[str, Any],
    timeout: float,
    given: str | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`words`: everything after `restic --json`. An unreachable repository is told as `unreachable`, within seconds.

    The repository's `files`: further option → secret, handed over as its password is.
    """
    why = _probe(repository["url"])
    if why:
        return {"argv": [program, *words], "code": -1, "out": "", "err": "", "seconds": 0.0, "unreachable": why}
    secrets = {"--password-file": programs.secret(repository["password"]), "--repository-file": _full(repository)}
    secrets |= {option: programs.secret(spec) for option, spec in repository.get("files", {}).items()}
    options = ["--cacert", repository["ca"]] if repository.get("ca") else []
    cache = ["--cache-dir", repository["cache"]] if repository.get("cache") else ["--no-cache"]
    door, status = Door(repository["url"], 0.0 if timeout <= SHORT else PATIENCE), Status()
    until, again = time.monotonic() + timeout, words[0] == "backup" and not any(w.startswith("--stdin") for w in words)
    while True:
        speed = _speed(repository)

        def watch(said: bytes, speed: Sequence[str] = speed) -> str:
            status.look(said)
            return door.watch() or (EDGE if again and _speed(repository) != speed else "")

        done = programs.run(
            [program, "--json", *options, *speed, *cache, *words],
            timeout=until - time.monotonic(),
            given=given,
            env={"GOMAXPROCS": "2", "RESTIC_PROGRESS_FPS": "0.2", **(env or {})},  # nobody reads 60 states a second
            secrets=secrets,
            watch=watch,
        )
        given_up = done.pop("given_up")
        if given_up != EDGE:
            return {**done, "unreachable": given_up} if given_up else done


def _speed(repository: Mapping[str, Any]) -> list[str]:
    return limits.words(repository.get("limits", ()), repository.get("timezone", "UTC"), time.time())


class Status:
    """How far a long restic is, told to the station now and then (restic's JSON lines of type `status`)."""

    def __init__(self) -> None:
        self._told, self._at = 0.0, time.monotonic()

    def look(self, said: bytes) -> None:
        """`said`: its standard output so far. Tells {percent, bytes, of, left}: bytes, seconds; None when unknown."""
        found = said[: said.rfind(b"\n") + 1].rpartition(b'{"message_type":"status"')
        try:
            line = json.loads((found[1] + found[2]).split(b"\n", 1)[0])
            percent = 100 * float(line.get("percent_done", 0))
        except (ValueError, TypeError, AttributeError):
            return
        now = time.monotonic()
        if percent - self._told < POINTS and now - self._at < QUIET_SECONDS:
            return
        self._told, self._at = percent, now
        done = line.get("bytes_done", line.get("bytes_restored"))
        left = line.get("seconds_remaining")
        programs.tell(percent=round(percent), bytes=done, of=line.get("total_bytes"), left=left)


class Door:
    """Whether the vault's port still opens while restic works: restic itself would wait a quarter of an hour.

    A call that only reads lists ends at the second failure (within 15 s); one that moves data for hours is told of at
    once and ends after `patience` seconds, as what it had sent so far would be sent again.
    """

    def __init__(self, url: str, patience: float) -> None:
        self._where, self._patience = _place(url), patience
        self._asked, self._since, self._failed = time.monotonic(), 0.0, 0

    def watch(self) -> str:
        """Why it is to end; empty while it may go on."""
        if self._where is None or time.monotonic() - self._asked < EVERY:
            return ""
        begun = time.monotonic()
        why = programs.reachable(*self._where, EVERY)
        self._asked = time.monotonic()
        if not why:
            self._failed = 0
            return ""
        self._failed += 1
        self._since = begun if self._failed == 1 else self._since
        if self._failed < TWICE:
            return ""
        programs.tell(unreachable=why)
        return why if begun - self._since >= self._patience else ""


def unlock(**call: Any) -> int:
    """Take away the locks of a restic of this host that was killed, and those that nobody refreshed for half an hour.

    How many there were before. restic asks by a signal (HUP) whether a lock's owner lives, and would send it to
    whatever program has got that number since: then nothing is done, until the lock is old enough.
    """
    locks = _locks(**call)
    mine = [lock["pid"] for lock in locks if lock["hostname"] == socket.gethostname()]
    if locks and not any(_is_other(pid, call["program"]) for pid in mine):
        restic(**{**call, "words": [*call["words"], "unlock"]})
    return len(locks)


def _locks(**call: Any) -> list[dict[str, Any]]:
    listed = restic(**{**call, "words": [*call["words"], "list", "locks", "--no-lock"]})
    found = []
    for name in listed["out"].split() if listed["code"] == 0 else ():
        shown = restic(**{**call, "words": [*call["words"], "cat", "lock", name, "--no-lock"]})
        if shown["code"] == 0:  # else it went meanwhile, or it is junk
            found.append(json.loads(shown["out"]))
    return found


def _is_other(pid: int, program: str) -> bool:
    """Whether a process of that number lives and is another program."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            first = words.read().split(b"\0")[0]
    except OSError:
        return False
    return os.path.basename(os.fsdecode(first)) != os.path.basename(program)


def _full(repository: Mapping[str, Any]) -> str:
    """The repository's address with the user's password inside; lives in an unnamed file only."""
    url = str(repository["url"])
    if not repository.get("user"):
        return url
    user = urllib.parse.quote(repository["user"], safe="")
    password = urllib.parse.quote(programs.secret(repository["user_password"]), safe="")
    return url.replace("://", f"://{user}:{password}@", 1)


def _probe(url: str) -> str:
    where = _place(url)
    if where is None:
        return ""
    is_tls = url.startswith("rest:https:")
    return programs.reachable(*where, PROBE_SECONDS) or _speaks(*where, is_tls=is_tls)


def _wrapped(plain: socket.socket) -> socket.socket:
    import ssl  # noqa: PLC0415 # 20 ms that a repository on a disk does not need

    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust.wrap_socket(plain)


def _place(url: str) -> tuple[str, int] | None:
    """Address and port of a rest-server; None for other repositories."""
    if not url.startswith("rest:"):
        return None
    found = urllib.parse.urlsplit(url.removeprefix("rest:"))
    return found.hostname or "", found.port or 8000


def _speaks(address: str, port: int, *, is_tls: bool) -> str:
    """Empty when the server behind an open port answers a request with anything at all, else why not.

    Nothing secret is said, and whose certificate it is matters not: restic itself judges that.
    """
    try:
        with socket.create_connection((address, port), PROBE_SECONDS) as plain:
            plain.settimeout(ANSWER_SECONDS)
            door = _wrapped(plain) if is_tls else plain
            door.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return "" if door.recv(1) else "the server closes the connection at once"
    except TimeoutError:
        return f"the port is open, and nothing answers within {ANSWER_SECONDS:.0f} s"
    except OSError as error:
        return str(error)
