"""Endpoints and dialplan on the telephone exchange (Asterisk).

The files are staged in their folder, judged there and tried on a throw-away Asterisk, before role pbx's program makes
a release of them, swaps it in and reads back whether the exchange holds what they say (docs/telephony.md).
"""

from __future__ import annotations

from ops.targets.host_files import HostFiles, Service, in_group

PROGRAM = "/usr/local/sbin/kominfo-exchange"
TARGET = HostFiles(
    "pbx-config",
    in_group("pbx"),
    "/etc/asterisk/kominfo",
    Service(validate=((PROGRAM, "validate"),), reload=((PROGRAM, "take-up"),), group="asterisk", folder="0750"),
)
