"""Endpoints and dialplan on the telephone exchange (Asterisk).

Role pbx brings the program that takes the files up: it reloads, or restarts for a changed transport, and reads back
whether the exchange holds what the files say.
"""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

TARGET = HostFiles(
    "pbx-config",
    in_group("pbx"),
    "/etc/asterisk/kominfo",
    Service(reload=(("/usr/local/sbin/kominfo-exchange",),), group="asterisk", folder="0750"),
)
