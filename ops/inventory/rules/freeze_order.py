"""A freeze ends after it begins."""

from __future__ import annotations

from collections.abc import Iterable

from ops.inventory.finding import Finding
from ops.inventory.model import Region


def check(region: Region) -> Iterable[Finding]:
    for freeze in region.policies.freezes:
        if freeze.ends <= freeze.begins:
            what = f"{freeze.until} is not after {freeze.since}"
            yield Finding(freeze, "until", what, "write the last day, or the time at which it ends")
