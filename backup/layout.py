"""Names that several rooms must agree on: where a set's repository, secrets and folders are. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.errors import OpsError
from ops.inventory.model import BackupSet, Opd, Region

SET_FOLDER = "/etc/kominfo/backup"  # one file per set on its source host, mode 0600: it holds the repository's password
REST_PASSWORD_FILE = "/etc/kominfo/keys/vault.password"  # noqa: S105 # a path: the host's own rest-server password
VAULT_FOLDER = "/srv/restic"  # on the vault: <source host>/<opd>.<set>
CA_FILE = "/etc/kominfo/keys/vault.pem"  # the vault's certificate
MEMORY_FOLDER = "/var/lib/kominfo-backup"  # on source hosts, root only: what they know of earlier runs
HEADS_FOLDER = "/var/lib/kominfo-heads"  # on the vault, root only: where the station's chains ended, said elsewhere
HEADS_FILE = f"{HEADS_FOLDER}/evidence.jsonl"
DRILL_FOLDER = "/srv/kominfo-drill"  # on the drill server; one folder per drill inside
VIEW_USER = "drill"  # user of the read-only view; no source host knows its password


def rest_secret(host: str) -> str:
    """Name of the secret with which `host` writes to the vault (`drill` for the read-only view)."""
    return f"vault/{host}"


def repository_secret(opd: str, name: str) -> str:
    """Name of the secret that encrypts one set's repository."""
    return f"backup/{opd}/{name}"


def drill_secret(opd: str, name: str) -> str:
    """Name of the secret by which drills open one set's repository; it never leaves station and drill server."""
    return f"drill/{opd}/{name}"


def set_file(opd: str, name: str) -> str:
    return f"{opd}.{name}.json"


def source_url(region: Region, opd: str, wanted: BackupSet) -> str:
    """Append-only door of the vault; the first folder is the user that may write there."""
    vault = region.recovery.vault
    return f"rest:https://{region.server(vault.server).address}:{vault.port}/{wanted.server}/{opd}.{wanted.name}"


def view_url(region: Region, opd: str, wanted: BackupSet) -> str:
    """Read-only door of the vault for drills, one port above the append-only one."""
    vault = region.recovery.vault
    return f"rest:https://{region.server(vault.server).address}:{vault.port + 1}/{wanted.server}/{opd}.{wanted.name}"


@dataclass(frozen=True, slots=True)
class Item:
    """One backup set together with the office that owns it."""

    opd: Opd
    set: BackupSet

    @property
    def key(self) -> str:
        return f"{self.opd.code}.{self.set.name}"


def items(region: Region, opds: tuple[str, ...] = (), sets: tuple[str, ...] = ()) -> list[Item]:
    """Sets asked for (all of them by default), sorted. OpsError names what does not exist."""
    found = [Item(opd, one) for opd in region.opds for one in opd.backup]
    for kind, asked, known in (
        ("office with a backup set", opds, {item.opd.code for item in found}),
        ("backup set", sets, {item.set.name for item in found} | {item.key for item in found}),
    ):
        if missing := sorted(set(asked) - known):
            raise OpsError(f"there is no {kind} named {', '.join(missing)}", f"known: {', '.join(sorted(known))}")
    return sorted(
        (
            item
            for item in found
            if (not opds or item.opd.code in opds) and (not sets or item.set.name in sets or item.key in sets)
        ),
        key=lambda item: item.key,
    )
