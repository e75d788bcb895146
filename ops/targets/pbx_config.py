"""Endpoints and dialplan on the telephone exchange (Asterisk)."""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles(
    "pbx-config",
    in_group("pbx"),
    "/etc/asterisk/kominfo",
    Service(
        reload=(("asterisk", "-rx", "module reload res_pjsip.so"), ("asterisk", "-rx", "dialplan reload")),
        group="asterisk",
        folder="0750",
    ),
)
