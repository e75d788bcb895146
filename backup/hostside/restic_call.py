"""One call of restic on this host: the port is tried first, secrets go in as unnamed files, never in argv."""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from backup.hostside import programs

PROBE_SECONDS = 5.0


def restic(  # one call's whole description, sent as JSON
    *,
    program: str,
    words: Sequence[str],
    repository: Mapping[str, Any],
    timeout: float,
    given: str | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`words`: everything after `restic --json`. An unreachable repository is told as `unreachable`, within seconds."""
    why = _probe(repository["url"])
    if why:
        return {"argv": [program, *words], "code": -1, "out": "", "err": "", "seconds": 0.0, "unreachable": why}
    secrets = {"--password-file": programs.secret(repository["password"]), "--repository-file": _full(repository)}
    options = ["--cacert", repository["ca"]] if repository.get("ca") else []
    cache = ["--cache-dir", repository["cache"]] if repository.get("cache") else ["--no-cache"]
    return programs.run(
        [program, "--json", *options, *cache, *words],
        timeout=timeout,
        given=given,
        env={"GOMAXPROCS": "2", **(env or {})},
        secrets=secrets,
    )


def _full(repository: Mapping[str, Any]) -> str:
    """The repository's address with the user's password inside; lives in an unnamed file only."""
    url = str(repository["url"])
    if not repository.get("user"):
        return url
    user = urllib.parse.quote(repository["user"], safe="")
    password = urllib.parse.quote(programs.secret(repository["user_password"]), safe="")
    return url.replace("://", f"://{user}:{password}@", 1)


def _probe(url: str) -> str:
    if not url.startswith("rest:"):
        return ""
    found = urllib.parse.urlsplit(url.removeprefix("rest:"))
    return programs.reachable(found.hostname or "", found.port or 8000, PROBE_SECONDS)
