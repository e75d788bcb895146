"""The manifest that came back is the one that the station signed and wrote into its ledger."""

from __future__ import annotations

from collections.abc import Iterator

from backup.checks.contract import Difference, Found

KINDS: tuple[str, ...] = ()
TITLE = ("Manifes asli dan bertanda tangan", "The manifest is genuine and signed")


def differences(found: Found) -> Iterator[Difference]:
    if found.digest != found.entry["manifest_sha256"]:
        yield Difference("changed", "manifest", "its sha256 is not the one in the station's ledger")
    if not found.signed:
        yield Difference("unsigned", "manifest", "the signature is not the station's")
    if found.manifest.snapshot != found.entry["snapshot"]:
        yield Difference("foreign", "manifest", f"it speaks of snapshot {found.manifest.snapshot[:12]}")
