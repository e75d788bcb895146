"""A change on a router that takes itself back unless we come back: armed before, disarmed by a new login."""

from __future__ import annotations

from collections.abc import Sequence

from ops.catalogue.device import Device
from ops.errors import HostFailedError
from ops.system.device_cli import DeviceCli

UNDO_SECONDS = 300  # until the device takes the change back by itself


def arm(router: str, cli: DeviceCli, profile: Device) -> None:
    """HostFailedError when the device refuses: then nothing may be changed."""
    if profile.guard and (wrong := _type(cli, profile, profile.guard.arm)):
        raise HostFailedError(router, f"it will not promise to take the change back: {wrong}")


def disarm(router: str, cli: DeviceCli, profile: Device) -> None:
    """The change stays, also after a restart. HostFailedError when the device refuses: it will be taken back."""
    if profile.guard and (wrong := _type(cli, profile, (*profile.guard.disarm, *profile.guard.keep))):
        raise HostFailedError(router, f"the change cannot be made to stay: {wrong}")


def promise(profile: Device) -> str:
    """What becomes of a change when nobody comes back, in words for people."""
    if profile.guard:
        return f"the device takes the change back by itself within {UNDO_SECONDS // 60} minutes"
    return "the device cannot take the change back by itself: somebody must look there"


def _type(cli: DeviceCli, profile: Device, lines: Sequence[str]) -> str:
    words = {"seconds": UNDO_SECONDS, "minutes": max(1, UNDO_SECONDS // 60)}
    return cli.push([line.format(**words) for line in lines], profile.queue.error, config_mode=False)
