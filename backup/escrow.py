"""The key for the day when station and hosts are gone: in shares with named officials, never on any machine.

An X25519 key pair is made once. Its private half is split by SLIP-39 (`threshold` of the shares make it whole again,
fewer tell nothing) and forgotten. Every repository gets a random password of its own as a third key, sealed to the
public half: so new repositories need no official, and opening any of them needs `threshold` shares and nothing secret
besides. Sealing: ephemeral X25519, HKDF-SHA256, ChaCha20-Poly1305.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.errors import OpsError, UsageError

THRESHOLD, HOLDERS = 3, 5
_INFO = b"kominfo-ops escrow 1"
_NONCE = bytes(12)  # one message per ephemeral key
_WORDS = 33  # of a share of 256 bits


@dataclass(frozen=True, slots=True)
class Share:
    """What one official keeps. `words` is secret: on paper or in a sealed envelope, never on a machine."""

    holder: str
    words: str

    def text(self, public: str, threshold: int, others: Sequence[str]) -> str:
        """The sheet for its holder, in Indonesian and English; `others`: who hold the other shares."""
        return (
            f"KUNCI CADANGAN DRC / DRC ESCROW KEY {public[:16]}\n"
            f"Pemegang / holder: {self.holder}\n\n"
            f"{self.words}\n\n"
            f"{threshold} lembar seperti ini membuka semua cadangan; kurang dari itu tidak membuka apa pun.\n"
            f"{threshold} such sheets open every backup; fewer open nothing. Keep it sealed, apart from the others.\n"
            f"Lembar lain / other sheets: {', '.join(others)}\n"
            "ops backup escrow open-test --set NAMA --share BERKAS --share BERKAS --share BERKAS\n"
        )


def make(holders: Sequence[str], threshold: int = THRESHOLD) -> tuple[str, list[Share]]:
    """(public half as hexadecimal, one share per holder). The private half is in nobody's hands afterwards."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415 # 0.1 s on first use
    from shamir_mnemonic import generate_mnemonics  # type: ignore[import-untyped] # noqa: PLC0415

    if not 1 < threshold <= len(holders) or len(set(holders)) != len(holders):
        raise UsageError(f"{threshold} of {len(holders)} shares make no escrow", "name as many different holders")
    private = X25519PrivateKey.generate()
    (group,) = generate_mnemonics(1, [(threshold, len(holders))], private.private_bytes_raw())
    shares = [Share(holder, words) for holder, words in zip(holders, group, strict=True)]
    return private.public_key().public_bytes_raw().hex(), shares


def words_of(text: str, name: str) -> str:
    """The share's words in a sheet (or a file that holds nothing else). UsageError when there are none."""
    for line in text.splitlines():
        if re.fullmatch(r"[a-z]+( [a-z]+)+", line.strip()) and len(line.split()) == _WORDS:
            return line.strip()
    raise UsageError(f"{name}: no line of {_WORDS} words", "a share is one line of lower-case words")


def recover(words: Sequence[str]) -> bytes:
    """The private half, of enough shares. OpsError when they are too few, wrong, or of different escrows."""
    from shamir_mnemonic import MnemonicError, combine_mnemonics  # noqa: PLC0415

    try:
        return bytes(combine_mnemonics(list(words)))
    except MnemonicError:  # whose text quotes words of the shares
        what = f"{len(words)} shares do not open the escrow: too few, mistyped, or of another escrow"
        raise OpsError(what, "ask another holder; check each word") from None


def seal(public: str, secret: str) -> dict[str, str]:
    """`secret` for the holder of the private half alone: {to, ephemeral, box}."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415

    once = X25519PrivateKey.generate()
    shared = once.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    ephemeral = once.public_key().public_bytes_raw()
    box = ChaCha20Poly1305(_derived(shared, ephemeral, public)).encrypt(_NONCE, secret.encode(), None)
    return {"to": public, "ephemeral": ephemeral.hex(), "box": base64.b64encode(box).decode()}


def unseal(private: bytes, sealed: Mapping[str, str]) -> str:
    """OpsError when it was sealed to somebody else, or changed since."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415

    own = X25519PrivateKey.from_private_bytes(private)
    public, ephemeral = own.public_key().public_bytes_raw().hex(), bytes.fromhex(sealed["ephemeral"])
    shared = own.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    try:
        box = base64.b64decode(sealed["box"], validate=True)
        return ChaCha20Poly1305(_derived(shared, ephemeral, public)).decrypt(_NONCE, box, None).decode()
    except (InvalidTag, ValueError):
        raise OpsError(
            f"the shares are of escrow {public[:16]}, the key was sealed to {sealed['to'][:16]}",
            "use the newest shares: `ops backup keys list` shows which escrow holds which key",
        ) from None


def password() -> str:
    """A random password for one repository (192 bit)."""
    return base64.urlsafe_b64encode(os.urandom(24)).decode()


def _derived(shared: bytes, ephemeral: bytes, public: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(SHA256(), 32, ephemeral + bytes.fromhex(public), _INFO).derive(shared)
