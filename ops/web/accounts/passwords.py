"""Passwords as argon2id (RFC 9106, low memory: 64 MiB, 3 passes). Two are checked at a time, to bound memory."""

from __future__ import annotations

import secrets
import string
import threading
from functools import cache
from typing import TYPE_CHECKING

from ops.errors import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 12, 256  # characters
_AT_ONCE = threading.BoundedSemaphore(2)
_ALPHABET = string.ascii_lowercase.replace("l", "").replace("o", "") + "23456789"


def hashed(password: str) -> str:
    """What is kept of a password. UsageError for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            f"a password has {SHORTEST} to {LONGEST} characters", "several words are easy to keep and hard to guess"
        )
    with _AT_ONCE:
        return _hasher().hash(password)


def verify(kept: str, password: str) -> bool:
    """Whether it is the one; takes as long when there is no such user (`kept` is empty)."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    with _AT_ONCE:
        try:
            return _hasher().verify(kept or _nobody(), password[: LONGEST + 1]) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def invented() -> str:
    """One to hand over, which its user replaces: 20 signs that nobody mistakes, 100 bit."""
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return "-".join(signs[at : at + 5] for at in range(0, 20, 5))


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, profiles  # noqa: PLC0415 # only who logs in needs it

    return PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


@cache
def _nobody() -> str:
    return _hasher().hash(secrets.token_urlsafe())
