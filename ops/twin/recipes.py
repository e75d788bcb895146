"""What the twin's system images hold: data only. A changed recipe gives a new image beside the old one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

VERSION = 1  # raise it when SETTLE or the build's options change

_EVERYWHERE = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "python3",
    "python3-apt",
    "sudo",
    "acl",
    "iproute2",
    "nftables",
    "iputils-ping",
    "procps",
    "curl",
    "ca-certificates",
    "tzdata",
    "chrony",
    "prometheus-node-exporter",
    "restic",
)

# Left out of the images: nobody reads them in a twin, and a smaller image is unpacked and cached faster.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")

# Runs once at the end of the build with the root folder as $1. Roles enable what a host is for, so nothing that a
# package enabled stays so, except SSH. Host keys and the machine's identity are given to each host from outside.
SETTLE = r"""
set -eu
cd "$1/etc/systemd/system"
for wants in *.target.wants/* *.service.wants/* *.socket.wants/*; do
    case "$wants" in
        multi-user.target.wants/ssh.service | */remote-fs.target) ;;
        *) rm -f "$wants" ;;
    esac
done
systemctl --root="$1" --quiet mask getty@.service console-getty.service systemd-pstore.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
    systemd-udevd.service systemd-networkd-wait-online.service
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id
rm -rf "$1"/var/cache/apt/*.bin "$1"/var/log/apt
printf 'UseDNS no\nHostKey /etc/ssh/ssh_host_ed25519_key\n' >"$1"/etc/ssh/sshd_config.d/10-twin.conf
mkdir -p "$1"/etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n' >"$1"/etc/systemd/journald.conf.d/10-twin.conf
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One image: the Debian suite it comes from and the packages baked in."""

    suite: str
    packages: tuple[str, ...]

    @property
    def name(self) -> str:
        """`<suite>-<12 hex digits>`: equal recipes share an image."""
        made_of = json.dumps([VERSION, self.suite, sorted(self.packages), EXCLUDED, SETTLE])
        return f"{self.suite}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


SERVER = Recipe(
    "trixie",
    (
        *_EVERYWHERE,
        "knot",
        "knot-dnsutils",
        "nginx-light",
        "postgresql-17",
        "python3-psycopg2",
        "prometheus",
        "prometheus-alertmanager",
        "restic-rest-server",
        "apache2-utils",
        "git",
        "python3-venv",
    ),
)

# Asterisk is in no released Debian suite; a whole sid root is simpler than pinning one package and its libraries.
PBX = Recipe("sid", (*_EVERYWHERE, "asterisk"))
PBX_WATCHED = Recipe("sid", (*PBX.packages, "fail2ban"))  # of the groups `pbx` and `fail2ban`

# What the roles need that no server of the demonstration has: only a host that asks for one of them boots from this.
_MORE = (
    "dns-root-data",
    "mariadb-backup",
    "mariadb-server",
    "prometheus-blackbox-exporter",
    "prometheus-mysqld-exporter",
    "prometheus-nginx-exporter",
    "prometheus-postgres-exporter",
    "rsyslog",
    "rsyslog-relp",
    "unattended-upgrades",
    "unbound",
    "wireguard-tools",
)
_NEEDS_MORE = {"grafana", "logs", "mariadb", "resolver", "restore_mariadb", "time", "wireguard"}
MORE = Recipe("trixie", (*SERVER.packages, *_MORE))

# The release before, for hosts of the group `debian12`; its PostgreSQL is 15 and it has no restic-rest-server.
_LATER = {"postgresql-17", "restic-rest-server"}
DEBIAN12 = Recipe("bookworm", (*(one for one in MORE.packages if one not in _LATER), "postgresql-15"))


def recipe_for(groups: tuple[str, ...]) -> Recipe:
    """The image a server boots from, by its Ansible groups."""
    if "pbx" in groups:
        return PBX_WATCHED if "fail2ban" in groups else PBX
    if "debian12" in groups:
        return DEBIAN12
    return MORE if _NEEDS_MORE & set(groups) else SERVER
