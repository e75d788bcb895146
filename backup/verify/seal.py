"""Whether a file of a repository was sealed with the repository's own key, without a restic process for each file.

restic seals every file as nonce (16 bytes) + ciphertext + Poly1305-AES tag (16 bytes); the key file holds the master
key, sealed with a key that scrypt makes of the password (restic's design document, "Keys, Encryption and MAC").
Anybody who may write can put files there; nobody without the password can seal one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

NONCE, TAG = 16, 16
SMALLEST = NONCE + TAG
_MOST_MEMORY = 256 << 20  # bytes that a foreign key file may make scrypt use
_MOST_ROUNDS = 64  # of scrypt's p, for the same reason


@dataclass(frozen=True)
class Master:
    """The repository's key: AES-256 and the two halves of Poly1305-AES. Never printed."""

    encrypt: bytes
    k: bytes
    r: bytes

    def __repr__(self) -> str:
        return "Master(…)"

    def sealed(self, content: bytes) -> bool:
        """Whether these bytes bear this key's tag."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 # 0.1 s on first use only
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415
        from cryptography.hazmat.primitives.poly1305 import Poly1305  # noqa: PLC0415

        if len(content) < SMALLEST:
            return False
        once = Cipher(algorithms.AES(self.k), modes.ECB()).encryptor().update(content[:NONCE])  # noqa: S305 # one block, as Poly1305-AES asks
        try:
            Poly1305.verify_tag(self.r + once, content[NONCE:-TAG], content[-TAG:])
        except InvalidSignature:
            return False
        return True

    def seal(self, plain: bytes) -> bytes:
        """Bytes as this repository would hold them; for copies in which faults are planted, and nothing else."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415
        from cryptography.hazmat.primitives.poly1305 import Poly1305  # noqa: PLC0415

        nonce = os.urandom(NONCE)
        content = Cipher(algorithms.AES(self.encrypt), modes.CTR(nonce)).encryptor().update(plain)
        once = Cipher(algorithms.AES(self.k), modes.ECB()).encryptor().update(nonce)  # noqa: S305 # as in `sealed`
        return nonce + content + Poly1305.generate_tag(self.r + once, content)

    def opened(self, content: bytes) -> bytes:
        """The plain text; ValueError when it is not sealed with this key."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

        if not self.sealed(content):
            raise ValueError("not sealed with this key")
        return Cipher(algorithms.AES(self.encrypt), modes.CTR(content[:NONCE])).decryptor().update(content[NONCE:-TAG])


def described(content: bytes) -> dict[str, Any] | None:
    """A key file's own description of itself; None when it is no key file at all."""
    try:
        told = json.loads(content)
        fits = told["kdf"] == "scrypt" and all(int(told[name]) > 0 for name in ("N", "r", "p"))
        base64.b64decode(told["salt"], validate=True), base64.b64decode(told["data"], validate=True)
    except (ValueError, KeyError, TypeError):
        return None
    return told if fits else None


def bearable(told: dict[str, Any]) -> bool:
    """Whether a described key is of a size that can be worked with: more was written by nobody who wants it opened."""
    fits = 128 * int(told["N"]) * int(told["r"]) <= _MOST_MEMORY and int(told["p"]) <= _MOST_ROUNDS
    return fits and len(base64.b64decode(told["data"])) > SMALLEST


def opens(content: bytes, password: str) -> Master | None:
    """The master key, if `content` is a key file that this password opens."""
    told = described(content)
    if told is None:
        return None
    if not bearable(told):
        return None
    n, r, p = int(told["N"]), int(told["r"]), int(told["p"])
    salt, secret = base64.b64decode(told["salt"]), password.encode("utf-8", "surrogateescape")
    try:
        made = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=2 * _MOST_MEMORY, dklen=64)
        inner = json.loads(Master(made[:32], made[32:48], made[48:]).opened(base64.b64decode(told["data"])))
        mac = inner["mac"]
        return Master(*(base64.b64decode(text) for text in (inner["encrypt"], mac["k"], mac["r"])))
    except (ValueError, KeyError, TypeError):
        return None
