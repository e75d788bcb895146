"""What telephones fetch when they start, on the web servers; whose file changed is told to fetch it again.

The telling is a SIP NOTIFY from the exchange (`check-sync`), to registered telephones only: the others fetch their
file when they start, and all do so once a day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ops.catalogue.phone import model
from ops.catalogue.provisioning import devices
from ops.errors import OpsError
from ops.inventory.model import Region
from ops.plan.change import Change
from ops.progress import Event, Progress, State
from ops.system.process import Ask
from ops.targets.host_files import HostFiles, Service, in_group
from ops.world import World

AT_ONCE = 50  # telephones in one command; what a line of Asterisk's command line holds
STEP = "tell telephones"


class PhoneFiles(HostFiles):
    """Files of telephones, and the word to those whose file is another one now."""

    def applied(self, world: World, changes: Sequence[Change], progress: Progress) -> None:
        told = resyncs(world.region, changes)
        if not told:
            return
        reached, errors = 0, []
        for server in world.region.group("pbx"):  # a telephone is registered at one of them
            try:
                for command in commands(told):
                    world.fleet.on(server.name).run(["asterisk", "-rx", command], Ask(timeout=30)).must(STEP)
                reached += 1
            except OpsError as error:
                errors.append(error.what)
        if errors and not reached:
            text = f"{errors[0]}; they fetch their files within a day"
            progress(Event(STEP, "", State.FAILED, text))
            return
        progress(Event(STEP, "", State.CHANGED, f"{sum(map(len, told.values()))} to fetch their file again"))


def resyncs(region: Region, changes: Iterable[Change]) -> dict[str, list[str]]:
    """Extensions whose telephones have another file now, by the event that their model understands. A telephone that
    is new has no old file to fetch anew, and one that is gone is no longer known to the exchange."""
    known = {f"{opd.code}.{mac}.cfg": (name, number) for opd in region.opds for mac, name, number in devices(opd)}
    found: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        file = change.key.partition("/")[2]
        if change.before is not None and change.after is not None and file in known:
            name, number = known[file]
            found[model(name).resync].append(number)
    return {event: sorted(numbers) for event, numbers in sorted(found.items())}


def commands(told: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Asterisk's commands that send the events; their names stand in role pbx's pjsip_notify.conf."""
    for event, numbers in told.items():
        for at in range(0, len(numbers), AT_ONCE):
            yield f"pjsip send notify kominfo-{event} endpoint {' '.join(numbers[at : at + AT_ONCE])}"


TARGET = PhoneFiles("phone-file", in_group("web"), "/srv/provision/kominfo", Service(group="www-data", folder="0750"))
