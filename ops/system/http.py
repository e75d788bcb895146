"""Small HTTP questions with a time limit; no proxy is used: what is asked is inside the regency."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from ops.errors import HostFailedError

SECONDS = 10.0
_MOST_BYTES = 64 * 1024 * 1024
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HttpStatusError(HostFailedError):
    """It answered, with a status that is not 2xx."""

    def __init__(self, host: str, status: int, said: str) -> None:
        super().__init__(host, f"HTTP {status}: {said}")
        self.status = status


def get(url: str, query: Mapping[str, str] | None = None, seconds: float = SECONDS) -> bytes:
    """The body of an http URL. HostFailedError for no answer, HttpStatusError for a status that is not 2xx."""
    return _body(f"{url}?{urllib.parse.urlencode(query)}" if query else url, None, seconds)


def post_json(url: str, value: Any, seconds: float = SECONDS) -> bytes:
    """Send a value as JSON; the answer's body. Errors as `get`."""
    return _body(url, json.dumps(value).encode(), seconds)


def door(address: str, port: int, seconds: float = SECONDS) -> http.client.HTTPConnection:
    """For questions under another name than the address's; nothing is connected yet."""
    return http.client.HTTPConnection(address, port, timeout=seconds)


def _body(url: str, sent: bytes | None, seconds: float) -> bytes:
    host = urllib.parse.urlsplit(url).netloc
    if not url.startswith(("http://", "https://")):
        raise HostFailedError(host or url, "not an http address")
    asked = urllib.request.Request(url, sent, {"Content-Type": "application/json"} if sent is not None else {})  # noqa: S310 # checked above
    try:
        with _opener.open(asked, timeout=seconds) as answer:
            body: bytes = answer.read(_MOST_BYTES)
            return body
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(2000).decode(errors="replace").strip().splitlines()
        raise HttpStatusError(host, error.code, said[0] if said else error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise HostFailedError(host, f"HTTP: {getattr(error, 'reason', error)}") from None


def get_json(url: str, query: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Any:
    """The decoded body. HostFailedError also when it is no JSON."""
    body = get(url, query, seconds)
    try:
        return json.loads(body)
    except ValueError:
        raise HostFailedError(urllib.parse.urlsplit(url).netloc, "HTTP: the answer is no JSON") from None


def answers(url: str, seconds: float = 2.0) -> bool:
    """Whether the address answers with a 2xx."""
    try:
        get(url, seconds=seconds)
    except HostFailedError:
        return False
    return True
