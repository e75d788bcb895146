"""Alertmanager's configuration. The role has it start with this file; until the first apply it holds the role's own."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

_FOLDER = "/etc/prometheus/kominfo-alerts"

TARGET = HostFiles(
    "alert-route",
    in_group("monitoring"),
    _FOLDER,
    Service(
        validate=(("amtool", "check-config", f"{_FOLDER}/_region.alertmanager.yml"),),
        reload=(("systemctl", "reload-or-restart", "prometheus-alertmanager.service"),),
        group="prometheus",
    ),
)
