"""Zones on the name servers (Knot)."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles(
    "dns-zone",
    in_group("dns"),
    "/etc/knot/kominfo",
    Service(
        validate=(("knotc", "conf-check"), ("knotc", "zone-check")),
        reload=(("knotc", "--blocking", "reload"),),
    ),
)
