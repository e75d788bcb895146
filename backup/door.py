"""Nobody reaches one repository through the vault's servers while it is pruned.

restic guards a prune with a lock, which lies in the repository: a stolen client may DELETE it through the append-only
door, and hosts with timers of their own write whenever they like. Both servers run as one user without privileges; so
while its folder is root's alone, this repository has no door, and all others keep theirs. A host's backup fails
meanwhile, and its timer tries again. It opens again when the work ends, when a timer at the vault says so (the station
may have died), and when the vault starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backup.restic import Restic
from ops.system.process import Ask

HOURS = 13  # longer than a prune may take
_OPEN = 'chown --reference "$1/keys" "$1" && chmod "$2" "$1"'
_QUICK = Ask(timeout=60)


@contextmanager
def closed(restic: Restic, name: str) -> Iterator[None]:
    """Shut the door of the repository on the disk of `restic.where`, as root; open it again whatever happens.

    `name`: of the set, for the timer at the vault. HostFailedError when it cannot be shut, or not be opened.
    """
    where, folder, unit = restic.where, restic.repository.url, f"kominfo-door-{name}"
    mode = where.run(["stat", "-c", "%a", folder], _QUICK).must(f"{where.name}: {folder}").out.strip()
    opens = ["sh", "-c", _OPEN, "sh", folder, mode]
    where.run(["systemctl", "stop", f"{unit}.timer"], _QUICK)  # of a work that was killed; there may be none
    timer = ["systemd-run", "--quiet", "--collect", f"--on-active={HOURS}h", f"--unit={unit}"]
    where.run([*timer, *opens], _QUICK).must(f"{where.name}: a timer that opens {folder} again")
    try:
        where.run(["chown", "root:root", folder], _QUICK).must(f"{where.name}: {folder}")
        where.run(["chmod", "700", folder], _QUICK).must(f"{where.name}: {folder}")
        yield
    finally:
        where.run(opens, _QUICK).must(f"{where.name}: {folder} is open again")
        where.run(["systemctl", "stop", f"{unit}.timer"], _QUICK)
