"""What Prometheus measures (file_sd: it sees changed files by itself)."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles(
    "monitoring-target",
    in_group("monitoring"),
    "/etc/prometheus/kominfo",
    Service(
        validate=(("promtool", "check", "config", "/etc/prometheus/prometheus.yml"),),
        reload=(("systemctl", "reload", "prometheus.service"),),
    ),
)
