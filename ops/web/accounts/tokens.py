"""Random tokens, of which only the hash is kept; and what a form must send back to prove that it is ours."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

_BYTES = 32  # 256 bit


def fresh() -> str:
    return secrets.token_urlsafe(_BYTES)


def kept(token: str) -> str:
    """Its SHA-256. Without salt: nobody guesses 256 bit."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def proof(token: str) -> str:
    """What a form carries: bound to the session's token, masked anew each time so that compression tells nothing."""
    mask = secrets.token_bytes(_BYTES)
    return base64.urlsafe_b64encode(mask + _xor(mask, _bound(token))).decode()


def proven(token: str, sent: str) -> bool:
    """Whether a form was made for the session with this token."""
    try:
        raw = base64.urlsafe_b64decode(sent.encode())
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return False
    if len(raw) != 2 * _BYTES:
        return False
    return hmac.compare_digest(_xor(raw[:_BYTES], raw[_BYTES:]), _bound(token))


def _bound(token: str) -> bytes:
    return hmac.new(token.encode(errors="replace"), b"form", hashlib.sha256).digest()


def _xor(one: bytes, two: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, two, strict=True))
