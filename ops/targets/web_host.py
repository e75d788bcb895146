"""Virtual hosts on the web servers (nginx)."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles(
    "web-host",
    in_group("web"),
    "/etc/nginx/kominfo",
    Service(validate=(("nginx", "-t"),), reload=(("systemctl", "reload", "nginx.service"),)),
)
