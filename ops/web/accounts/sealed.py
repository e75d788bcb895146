"""Second factors' secrets, encrypted with a key that is not in the database: a copy of it alone lets nobody in."""

from __future__ import annotations

import base64
import hashlib

from ops.errors import OpsError
from ops.system.secrets import Secrets

KEY = "web/accounts-key"


def seal(secrets: Secrets, clear: str) -> str:
    from cryptography.fernet import Fernet  # noqa: PLC0415

    return Fernet(_key(secrets)).encrypt(clear.encode()).decode()


def unseal(secrets: Secrets, kept: str) -> str:
    """OpsError when it was sealed with another key."""
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415

    try:
        return Fernet(_key(secrets)).decrypt(kept.encode()).decode()
    except InvalidToken:
        raise OpsError(
            f"second factors were set up with another key than {KEY}",
            "bring secrets.yml back, or set them up anew: ops web user reset NAME",
        ) from None


def _key(secrets: Secrets) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(secrets.get(KEY).encode()).digest())
