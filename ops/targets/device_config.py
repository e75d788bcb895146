"""The running configuration of the offices' routers, read over SSH. It has no `TARGET`: nothing of it is declared."""

from __future__ import annotations

import re

from ops.catalogue.device import device
from ops.errors import HostFailedError, OpsError
from ops.inventory.model import Router
from ops.system.device_cli import device_cli
from ops.targets.router_queue import AT_ONCE, _login, _why
from ops.world import World

__all__ = ["AT_ONCE", "read", "why"]


def read(world: World, router: Router) -> str:
    """What may be kept of one router's configuration: no secret, nothing that changes by itself.

    HostFailedError when it does not answer, or with less than a whole configuration. The caller stands in the world's
    network.
    """
    profile = device(router.model)
    with device_cli(_login(world, router.name, profile)) as cli:
        answer = cli.ask(profile.running_config.read)
    try:
        kept = profile.running_config.kept(answer)
    except ValueError as error:
        refused = re.search(profile.queue.error, answer)
        said = f": {refused[0].strip()}" if refused else ""
        raise HostFailedError(router.name, f"{profile.running_config.read}: {error}{said}") from None
    return world.secrets.scrub(kept)  # what a pattern missed, when it is a secret of ours


def why(world: World, error: OpsError) -> str:
    """Why a router failed, in one line for people."""
    return _why(world, error)
