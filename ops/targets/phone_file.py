"""What telephones fetch when they start, on the web servers."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles("phone-file", in_group("web"), "/srv/provision/kominfo", Service(group="www-data", folder="0750"))
