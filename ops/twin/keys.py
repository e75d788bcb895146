"""Ed25519 key pairs in OpenSSH's format: the twin's own login key and one host key per server, made before it boots."""

from __future__ import annotations

import os
from pathlib import Path


def ensure_pair(private: Path) -> str:
    """The public line of the key at `private`; the pair is made when it is missing."""
    public = private.with_suffix(".pub")
    if not private.exists() or not public.exists():
        _make(private, public)
    return public.read_text(encoding="ascii").strip()


def _make(private: Path, public: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 # heavy
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    handle = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(secret)
    public.write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n")


def know(known_hosts: Path, address: str, public: str) -> None:
    """Write `address public` to a known_hosts file in place of what it said about that address; other lines stay."""
    lines = known_hosts.read_text(encoding="utf-8").splitlines() if known_hosts.exists() else []
    kept = [line for line in lines if line.split(" ", 1)[0] != address]
    fresh = known_hosts.with_suffix(".new")
    fresh.write_text("\n".join([*kept, f"{address} {' '.join(public.split()[:2])}"]) + "\n", encoding="utf-8")
    fresh.replace(known_hosts)
