"""A router's whole configuration as it was before each change of ours: `<state>/configs-before`, a git repository.

Apart from `configs` (`ops drift`): what is kept there says what people changed, and must not learn it from us.
"""

from __future__ import annotations

import re

from ops.catalogue.device import Device
from ops.errors import HostFailedError
from ops.system.device_cli import DeviceCli
from ops.system.git import GitFiles
from ops.world import World

FOLDER = "configs-before"


def keep(world: World, router: str, cli: DeviceCli, profile: Device) -> None:
    """Before anything is changed. HostFailedError when the configuration is not whole: then nothing may be changed."""
    answer = cli.ask(profile.running_config.read)
    try:
        kept = profile.running_config.kept(answer)
    except ValueError as error:
        refused = re.search(profile.queue.error, answer)
        said = f": {refused[0].strip()}" if refused else ""
        raise HostFailedError(router, f"its configuration could not be kept before the change: {error}{said}") from None
    files = GitFiles(world.state / FOLDER, "kominfo-ops", f"kominfo-ops@{world.region.domain}")
    files.make()
    files.put(f"{router}.cfg", world.secrets.scrub(kept), lambda _: f"{router}: before a change")
