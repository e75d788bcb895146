"""One exchange, watched over one connection of its own. `exporters.exchange` puts together what all of them tell.

The connection goes to Asterisk's manager interface, which listens on the exchange's loopback only: through SSH.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ops.errors import HostFailedError, OpsError
from ops.system.ami import Ami, Line, Message
from ops.world import World

LIST_SECONDS = 15.0
AGAIN_SECONDS = 10.0  # until a connection that broke is tried anew
PORT, USER, SECRET = 5038, "kominfo", "pbx/manager"
LOOK = ("/usr/local/sbin/kominfo-exchange", "look")
STATES = {"Avail": "Reachable", "Unavail": "Unreachable"}  # of a registration: on the console, and in events
Dial = Callable[[World, str], Line]
Happened = Callable[[Message], None]


def over_ssh(world: World, name: str) -> Line:
    """The manager interface of the exchange of that name. HostFailedError when it can not be reached."""
    return world.fleet.on(name).dial(PORT)


@dataclass(frozen=True)
class Now:
    """What is so on an exchange as it was asked last. `release`: what role pbx's program says of the files in force."""

    contacts: Sequence[Message] = ()
    channels: Sequence[Message] = ()
    release: Mapping[str, object] = field(default_factory=dict)


class Watch:
    """A thread that follows the exchange `name` of the `world`, which is given anew each time. `now` is None while it
    can not be asked; `happened` gets every event, from the thread."""

    def __init__(self, name: str, world: Callable[[], World], dial: Dial, happened: Happened) -> None:
        self.name = name
        self.now: Now | None = None
        self._world, self._dial, self._happened = world, dial, happened
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"exchange {name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Let the thread end; the connection goes with it."""
        self._ended.set()

    def join(self) -> None:
        self._thread.join(LIST_SECONDS)

    def _watch(self) -> None:
        while not self._ended.is_set():
            with suppress(OpsError):  # told by opd_exchange_up
                self._follow(self._world())
            self.now = None
            self._ended.wait(AGAIN_SECONDS)

    def _follow(self, world: World) -> None:
        """One connection, until it breaks or the inventory is another one."""
        ami = Ami(self.name, self._dial(world, self.name), self._happened)
        try:
            ami.login(USER, world.secrets.get(SECRET))
            while not self._ended.is_set() and self._world() is world:
                told = looked(world, self.name)
                self.now = Now(contacts(told), channels(told), told)
                ami.pump(LIST_SECONDS)
        finally:
            ami.close()


def looked(world: World, name: str) -> Mapping[str, object]:
    """What the exchange's program says of the release in force, `contacts` and `channels`. HostFailedError when it says
    nothing."""
    done = world.fleet.on(name).run(list(LOOK))
    try:
        told = json.loads(done.out) if done.ok else {}
    except ValueError:
        told = {}
    if not isinstance(told, dict) or not isinstance(told.get("contacts"), list):
        raise HostFailedError(name, "its program does not tell of registrations", f"ops provision --limit {name}")
    return told


def contacts(told: Mapping[str, object]) -> list[Message]:
    """The registrations, as the manager interface would list them."""
    listed = told.get("contacts")
    return [
        {"Aor": number, "Status": STATES.get(state, state), "RoundtripUsec": _microseconds(took)}
        for number, state, took in (listed if isinstance(listed, list) else [])
    ]


def channels(told: Mapping[str, object]) -> list[Message]:
    """The channels that are up, as the manager interface would list them."""
    listed = told.get("channels")
    return [{"Channel": name} for name in (listed if isinstance(listed, list) else [])]


def _microseconds(milliseconds: str) -> str:
    try:
        return str(float(milliseconds) * 1000)
    except ValueError:
        return ""
