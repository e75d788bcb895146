"""How many files and sockets this process may hold open at once."""

from __future__ import annotations

import resource


def raise_open_files(wanted: int = 65_536) -> int:
    """Raise this process's own limit up to `wanted`, or as far as the system allows; what it is now.

    The usual 1024 is too little for an exporter: a session of SNMPv3 and of SSH holds a socket for each device.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
