"""Every declared backup set → the file on its source host that says what goes where, with the repository's key."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ops.catalogue.phone import spoken
from ops.inventory.model import BackupSet, Opd, Region
from ops.plan.change import Artifact

KIND = "backup-set"


def role_secrets(region: Region) -> Iterable[str]:
    """Passwords of the vault's doors: one per source host, one for the drills' read-only view."""
    yield "vault/drill"
    yield from sorted({f"vault/{declared.server}" for opd in region.opds for declared in opd.backup})


def artifacts(region: Region) -> Iterable[Artifact]:
    for opd in region.opds:
        for declared in opd.backup:
            yield Artifact(
                KIND, f"{declared.server}/{opd.code}.{declared.name}.json", _content(region, opd, declared), declared.at
            )


def _content(region: Region, opd: Opd, declared: BackupSet) -> str:
    vault, keep = region.recovery.vault, region.recovery.kept_of(declared)
    address = region.server(vault.server).address
    document = {
        "opd": opd.code,
        "set": declared.name,
        "kind": declared.kind,
        "source": declared.source,
        "owner": spoken(declared.owner or opd.name),
        "repository": f"rest:https://{address}:{vault.port}/{declared.server}/{opd.code}.{declared.name}",
        "user": declared.server,
        "password": f"{{{{secret:backup/{opd.code}/{declared.name}}}}}",
        "schedule": declared.schedule,
        "mount": declared.mount,
        "timezone": region.timezone,
        "limits": [one.window for one in region.recovery.slow_hours],
        "rpo_seconds": declared.rpo,
        "rto_seconds": declared.rto,
        "retention": {"daily": keep.daily, "weekly": keep.weekly, "monthly": keep.monthly},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
