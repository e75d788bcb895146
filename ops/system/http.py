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


def get(url: str, query: Mapping[str, str] | None = None, seconds: float = SECONDS) -> bytes:
    """The body of an http URL. HostFailedError for no answer, and for a status that is not 2xx with its first line."""
    asked = f"{url}?{urllib.parse.urlencode(query)}" if query else url
    host = urllib.parse.urlsplit(url).netloc
    if not asked.startswith(("http://", "https://")):
        raise HostFailedError(host or url, "not an http address")
    try:
        with _opener.open(asked, timeout=seconds) as answer:
            body: bytes = answer.read(_MOST_BYTES)
            return body
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(2000).decode(errors="replace").strip().splitlines()
        raise HostFailedError(host, f"HTTP {error.code}: {said[0] if said else error.reason}") from None
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
