"""A private copy of a repository behind a rest-server, by GET alone: nothing is asked of it that could write.

With the copy junk can be left out, locks can be read and every pack is hashed, as if the repository lay on this disk.
"""

# ruff: noqa: PTH103, PTH118, PTH123 # as the other modules that run on hosts
from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

SECONDS = 12.0  # of silence after which a server is dead; a busy one that lives takes several
_NAME = re.compile(r"\A[0-9a-f]{64}\Z")
_CHUNK = 1 << 20
_LIST = {"Accept": "application/vnd.x.restic.rest.v2"}


def sizes(url: str, kind: str) -> dict[str, Any]:
    """{"files": {name: bytes}} of one kind, or {"fault", "why"}."""
    try:
        return {"files": _listed(url, kind)}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _fault(error)


def sums(url: str, kind: str) -> dict[str, Any]:
    """{"files": {name: sha256 of its bytes}} of one kind of small files, all through one connection; or a fault."""
    try:
        return {"files": dict(_sums(url, kind))}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _fault(error)


def contents(url: str, kind: str, most: int) -> dict[str, Any]:
    """{"files": {name: bytes}} of the first `most` files of one kind of small files; or a fault."""
    try:
        return {"files": dict(itertools.islice(_contents(url, kind), most))}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _fault(error)


def _sums(url: str, kind: str) -> Iterator[tuple[str, str]]:
    return ((name, hashlib.sha256(content).hexdigest()) for name, content in _contents(url, kind))


def _contents(url: str, kind: str) -> Iterator[tuple[str, bytes]]:
    """All through one connection. What was given back meanwhile (a lock) is not there."""
    parts, headers = urllib.parse.urlsplit(url), dict(_asked(url, {}).headers)
    with contextlib.closing(_line(parts)) as line:
        for name in _listed(url, kind):
            line.request("GET", f"{parts.path.rstrip('/')}/{kind}/{name}", headers=headers)
            answer = line.getresponse()
            content = answer.read()
            if kind == "locks" and answer.status == 404:  # noqa: PLR2004 # HTTP's NOT FOUND
                continue
            if answer.status != 200:  # noqa: PLR2004 # HTTP's OK
                raise http.client.HTTPException(f"HTTP {answer.status}")
            yield name, content


def _line(parts: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    """One connection for many questions: over TLS the greeting costs more than a small file."""
    host = parts.hostname or ""
    if parts.scheme == "https":
        secure = ssl.create_default_context(cafile=os.environ.get("RESTIC_CACERT") or None)
        return http.client.HTTPSConnection(host, parts.port, timeout=SECONDS, context=secure)
    return http.client.HTTPConnection(host, parts.port, timeout=SECONDS)


def there(url: str, what: str) -> dict[str, Any]:
    """{} where a file is, else the fault."""
    try:
        _open(f"{url.rstrip('/')}/{what}", {}).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _fault(error)
    return {}


def fetch(url: str, kinds: Sequence[str], folder: str) -> dict[str, Any]:
    """Copy `config` and all files of these kinds into `folder`, laid out as on a disk; {} or {"fault", "why"}."""
    try:
        if "keys" in kinds:
            _copy(url, "config", os.path.join(folder, "config"))
        for kind in kinds:
            os.makedirs(os.path.join(folder, kind), exist_ok=True)
            for name in _listed(url, kind):
                _copy(url, f"{kind}/{name}", _spot(folder, kind, name), gone=kind == "locks")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _fault(error)
    return {}


def fetch_with(url: str, kinds: Sequence[str], folder: str, ca: str) -> dict[str, Any]:
    """As `fetch`, from a server whose certificate is in the file `ca` (the machine's own ones when empty)."""
    if ca:
        os.environ["RESTIC_CACERT"] = ca
    return fetch(url, kinds, folder)


def bytes_with(url: str, kinds: Sequence[str], ca: str) -> dict[str, Any]:
    """{"bytes": of all files of these kinds}, or a fault; `ca` as in `fetch_with`."""
    if ca:
        os.environ["RESTIC_CACERT"] = ca
    total = 0
    for kind in kinds:
        told = sizes(url, kind)
        if "fault" in told:
            return told
        total += sum(told["files"].values())
    return {"bytes": total}


def one(url: str, what: str, path: str) -> None:
    """Copy one file. RuntimeError says what was wrong."""
    try:
        _copy(url, what, path)
    except (OSError, http.client.HTTPException) as error:
        told = _fault(error)
        raise RuntimeError(f"{told['fault']}: {told['why']}") from None


def answers(address: str, port: int, secure: bool, path: str) -> str:
    """Empty when an HTTP server gives any answer at all, else why not."""
    scheme = "https" if secure else "http"
    try:
        _open(f"{scheme}://{address}:{port}{path}", {}).close()
    except urllib.error.HTTPError:
        return ""
    except (OSError, http.client.HTTPException) as error:
        return "" if isinstance(getattr(error, "reason", None), ssl.SSLError) else str(getattr(error, "reason", error))
    return ""


def _listed(url: str, kind: str) -> dict[str, int]:
    with _open(f"{url.rstrip('/')}/{kind}/", _LIST) as answer:
        told = json.load(answer)
    return {one["name"]: int(one["size"]) for one in told or () if _NAME.match(one["name"])}


def _spot(folder: str, kind: str, name: str) -> str:
    if kind != "data":
        return os.path.join(folder, kind, name)
    os.makedirs(os.path.join(folder, kind, name[:2]), exist_ok=True)
    return os.path.join(folder, kind, name[:2], name)


def _copy(url: str, what: str, path: str, gone: bool = False) -> None:
    try:
        answer = _open(f"{url.rstrip('/')}/{what}", {})
    except urllib.error.HTTPError as error:
        if gone and error.code == 404:  # noqa: PLR2004 # a lock that was given back meanwhile
            return
        raise
    with answer, open(path, "wb") as out:
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
        if answer.length:  # bytes that were announced and never came: the line broke, the file may be whole
            raise http.client.IncompleteRead(b"", answer.length)


def _open(url: str, headers: dict[str, str]) -> Any:
    secure = ssl.create_default_context(cafile=os.environ.get("RESTIC_CACERT") or None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=secure))
    return opener.open(_asked(url, headers), timeout=SECONDS)


def _asked(url: str, headers: dict[str, str]) -> urllib.request.Request:
    """Credentials stand in the address, or in restic's own variables."""
    parts = urllib.parse.urlsplit(url)
    user = urllib.parse.unquote(parts.username or os.environ.get("RESTIC_REST_USERNAME", ""))
    password = urllib.parse.unquote(parts.password or os.environ.get("RESTIC_REST_PASSWORD", ""))
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    asked = urllib.request.Request(plain, headers=headers)  # noqa: S310 # http or https: see the caller
    if user:
        asked.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    return asked


def _fault(error: Exception) -> dict[str, Any]:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        fault = {401: "key", 403: "key", 404: "repo"}.get(error.code, "network")
        return {"fault": fault, "why": f"HTTP {error.code}"}
    if isinstance(error, OSError) and error.errno == 28:  # noqa: PLR2004 # ENOSPC: the copy's own disk
        return {"fault": "space", "why": str(error)}
    return {"fault": "network", "why": str(getattr(error, "reason", error)) or type(error).__name__}
