"""Nobody but the registered keys can open the repository."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Hanya kunci terdaftar", "Registered keys only")


def differences(found: Found) -> Iterator[Difference]:
    for key in sorted(set(found.keys) - set(found.known_keys)):
        yield Difference("foreign", key[:12], "a key that no backup of this station registered")
