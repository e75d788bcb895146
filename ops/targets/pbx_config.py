"""Endpoints and dialplan on the telephone exchange (Asterisk).

The files are staged in their folder, judged there and tried on a throw-away Asterisk, before role pbx's program makes
a release of them, swaps it in and reads back whether the exchange holds what they say (docs/telephony.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ops.errors import OpsError
from ops.plan.change import Change
from ops.progress import Event, Progress, State
from ops.targets.host_files import HostFiles, Service, in_group
from ops.world import World

PROGRAM = "/usr/local/sbin/kominfo-exchange"
TRANSPORT = "/_region.transport.conf"


class PbxFiles(HostFiles):
    """The exchange's files, and the word that one of them holds only after a restart."""

    def applied(self, world: World, changes: Sequence[Change], progress: Progress) -> None:
        """A changed transport ends all calls when it is taken up, so nobody does that but `ops voip restart`."""
        for host in sorted({change.host for change in changes if change.key.endswith(TRANSPORT)}):
            try:
                done = world.fleet.on(host).run([PROGRAM, "status"]).must(host)
                left = json.loads(done.out.strip().splitlines()[-1]).get("restart", [])
            except (OpsError, ValueError, IndexError) as error:
                left = [f"not known: {error}"]
            if left:
                progress(Event("restart needed", host, State.CHANGED, f"{'; '.join(left[:3])}: ops voip restart"))


TARGET = PbxFiles(
    "pbx-config",
    in_group("pbx"),
    "/etc/asterisk/kominfo",
    Service(validate=((PROGRAM, "validate"),), reload=((PROGRAM, "take-up"),), group="asterisk", folder="0750"),
)
