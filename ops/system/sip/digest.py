"""Digest authentication (RFC 7616, 2617): answer a challenge. MD5, with and without qop=auth. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ops.system.sip.message import MalformedError

_PAIR = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW- or Proxy-Authenticate header asks for."""

    realm: str
    nonce: str
    opaque: str = ""
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Credentials:
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """The request that is to be authorised, and our own nonce and its count."""

    method: str
    uri: str
    cnonce: str
    count: int = 1


def parse(value: str) -> Challenge:
    """A header value → Challenge. MalformedError when it is not Digest or lacks realm or nonce."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        raise MalformedError(f"authentication scheme {scheme!r}")
    pairs: dict[str, str] = {}
    at = 0
    while at < len(rest) and rest[at:].strip():
        found = _PAIR.match(rest, at)
        if not found:
            raise MalformedError("broken challenge")
        pairs[found[1].lower()] = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        at = found.end()
    if "realm" not in pairs or "nonce" not in pairs:
        raise MalformedError("challenge without realm or nonce")
    qop = tuple(word.strip() for word in pairs.get("qop", "").split(",") if word.strip())
    algorithm = pairs.get("algorithm", "MD5")
    return Challenge(
        pairs["realm"],
        pairs["nonce"],
        pairs.get("opaque", ""),
        algorithm,
        qop,
        pairs.get("stale", "").lower() == "true",
    )


def choose(values: Iterable[str]) -> Challenge:
    """The first challenge that we can answer. MalformedError if there is none."""
    for value in values:
        challenge = parse(value)
        if challenge.algorithm.upper() == "MD5" and (not challenge.qop or "auth" in challenge.qop):
            return challenge
    raise MalformedError("no challenge with MD5")


def answer(challenge: Challenge, who: Credentials, ask: Ask) -> str:
    """The value of the (Proxy-)Authorization header."""
    ha1 = _md5(f"{who.user}:{challenge.realm}:{who.password}")
    ha2 = _md5(f"{ask.method}:{ask.uri}")
    parts = [
        f'username="{_quoted(who.user)}"',
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(challenge.nonce)}"',
        f'uri="{ask.uri}"',
    ]
    if "auth" in challenge.qop:
        count = f"{ask.count:08x}"
        parts += [
            f'response="{_md5(f"{ha1}:{challenge.nonce}:{count}:{ask.cnonce}:auth:{ha2}")}"',
            "qop=auth",
            f"nc={count}",
            f'cnonce="{ask.cnonce}"',
        ]
    else:
        parts.append(f'response="{_md5(f"{ha1}:{challenge.nonce}:{ha2}")}"')
    parts.append("algorithm=MD5")
    if challenge.opaque:
        parts.append(f'opaque="{_quoted(challenge.opaque)}"')
    return "Digest " + ", ".join(parts)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
