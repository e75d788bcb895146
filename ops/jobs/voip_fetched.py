"""Which telephones have fetched the file that they have now: the web servers tell it, without any address of a file."""

from __future__ import annotations

import json

from ops.catalogue.provisioning import FILES, devices
from ops.errors import HostFailedError
from ops.inventory.model import Region
from ops.system.process import Ask
from ops.world import World

LOG = "/var/log/nginx/kominfo-fetched.log"  # role web: <seconds> <status> <file>, no address with its token

# Runs on the web server, by whose clock both times are: files that were fetched after they were written.
_READ = """
import glob, json, os, sys
folder, log = sys.argv[1:]
last = {}
for path in glob.glob(log) + glob.glob(log + ".1"):
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            at, status, file = (line.rstrip("\\n").split(" ", 2) + ["", ""])[:3]
            if status in ("200", "304") and os.path.dirname(file) == folder:
                last[os.path.basename(file)] = max(float(at), last.get(os.path.basename(file), 0.0))
found = [name for name, at in last.items() if os.path.exists(folder + "/" + name)]
print(json.dumps([name for name in found if last[name] > os.stat(folder + "/" + name).st_mtime]))
"""


def fetched(world: World) -> set[str]:
    """Extensions whose telephone holds what its file says now. HostFailedError when no web server can be asked."""
    of = numbers(world.region)
    found: set[str] = set()
    for server in world.region.group("web"):
        argv = ["python3", "-I", "-", FILES, LOG]
        done = world.fleet.on(server.name).run(argv, Ask(input=_READ, timeout=60)).must(f"{server.name}: {LOG}")
        try:
            names = json.loads(done.out)
        except ValueError:
            raise HostFailedError(server.name, f"{LOG}: no answer", "ops provision --limit web") from None
        found |= {number for name in names for number in of.get(name, ())}
    return found


def numbers(region: Region) -> dict[str, set[str]]:
    """Name of a file → the extensions whose passwords stand in it."""
    found: dict[str, set[str]] = {}
    for opd in region.opds:
        for mac, _, number in devices(opd):
            found.setdefault(f"{opd.code}.{mac}.cfg", set()).add(number)
    return found
