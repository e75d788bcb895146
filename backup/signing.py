"""Ed25519 signatures of the station. The private key is one root-only file of the world in use."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Signer:
    """Signs with the key in `folder`/evidence.pem, which is made on first use; `evidence.pub.pem` lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.private, self.public = folder / "evidence.pem", folder / "evidence.pub.pem"

    def sign(self, content: bytes) -> str:
        """Signature in base64."""
        return base64.b64encode(self._key().sign(content)).decode()

    def public_pem(self) -> str:
        self._key()
        return self.public.read_text(encoding="utf-8")

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 # 0.1 s on first use only
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

        if not self.private.exists():
            _make(self.private, self.public)
        key = serialization.load_pem_private_key(self.private.read_bytes(), password=None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise OpsError(f"{self.private}: not an Ed25519 key", "move it away; a new one is made on the next run")
        return key


def verify(public_pem: str, content: bytes, signature: str) -> bool:
    """Whether the holder of that key signed exactly these bytes."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        _public(public_pem).verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(pem: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise OpsError("the public key is not an Ed25519 key")
    return key


def _make(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives import serialization as ser  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    public.write_bytes(key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo))
    handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(secret)
