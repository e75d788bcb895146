"""Tell systemd how a service is (sd_notify(3)); nothing happens where it was not started by systemd."""

from __future__ import annotations

import contextlib
import os
import socket


def tell(state: str) -> None:
    """Send for example `READY=1`, `WATCHDOG=1` or `STATUS=…`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
        door.connect("\0" + address[1:] if address.startswith("@") else address)
        door.sendall(state.encode())
