"""The command line of a twin's router: one language per vendor, as much of each as setting a bandwidth contract needs.

A line in, text out; the configuration is plain data that outlives the session and can be kept as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from ops.catalogue.device import short_rate
from ops.twin import agent_config
from ops.twin.agent_config import MENUS, pairs

Configuration = agent_config.Configuration
_RATE = re.compile(r"(\d+)([kMG]?)")
_UNIT = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Limit:
    """What the kernel must hold at port `ifname`, bits per second; 0 is no limit. Upload leaves the port."""

    ifname: str
    download: int
    upload: int


class Session(Protocol):
    """One login. `line` answers a command without the prompt; None ends the session."""

    banner: str

    def prompt(self) -> str: ...

    def line(self, text: str) -> str | None: ...


class RouterOs:
    """`/queue simple add|set|remove|print`, `/export` and little else."""

    banner = "\r\n  MikroTik RouterOS (kominfo-ops twin)\r\n\r\n"

    def __init__(self, name: str, user: str, ports: Iterable[str], configuration: Configuration) -> None:
        self._prompt = f"[{user}@{name}] > "
        self._name, self._ports, self._queues = name, set(ports), configuration
        self._menu = re.compile(rf"({'|'.join(MENUS)}) (add|remove)\b(.*)")

    def prompt(self) -> str:
        return self._prompt

    def line(self, text: str) -> str | None:
        if text in {"quit", "/quit"}:
            return None
        if text == "/system identity print":
            return f"  name: {self._name}"
        verb = re.match(r"/?queue simple (add|set|remove|print)\b(.*)", text)
        if verb:
            return self._queue(verb[1], verb[2].strip())
        return self._other(text)

    def _other(self, text: str) -> str:
        if re.fullmatch(r"/export( terse)?( hide-sensitive)?", text):
            return agent_config.routeros_export(self._name, self._ports, self._queues)
        if (guarded := agent_config.routeros_guard(self._queues, text)) is not None:
            return guarded
        if item := self._menu.match(text):
            return agent_config.routeros_item(self._queues, item[1], item[2], item[3].strip())
        return "" if not text else f"bad command name {text.split(maxsplit=1)[0].strip('/')} (line 1 column 1)"

    def _queue(self, verb: str, rest: str) -> str:
        if verb == "print":
            return self._print(rest)
        if verb == "add":
            return self._add(pairs(rest))
        found = re.match(r'\[\s*find (?:where )?name="?([^"\]\s]+)"?\s*\]\s*(.*)', rest)
        if not found:
            return "expected end of command (line 1 column 15)"
        if verb == "remove":
            self._queues.pop(found[1], None)
            return ""
        if found[1] not in self._queues:
            return "no such item"
        return self._store(found[1], self._queues[found[1]] | pairs(found[2]))

    def _add(self, settings: dict[str, str]) -> str:
        name = settings.pop("name", "")
        if not name:
            return "failure: name is missing"
        if name in self._queues:
            return "failure: already have queue with such name"
        return self._store(name, settings)

    def _store(self, name: str, settings: dict[str, str]) -> str:
        unknown = settings.keys() - {"target", "dst", "max-limit", "comment"}
        if unknown:
            return f"expected end of command: {min(unknown)} (line 1 column 20)"
        if settings.get("dst", "") not in self._ports:
            return "input does not match any value of interface"
        rates = settings.get("max-limit", "0/0").split("/")
        if len(rates) != 2 or not all(_RATE.fullmatch(rate) for rate in rates):  # noqa: PLR2004 # upload/download
            return "invalid value for argument max-limit"
        settings["max-limit"] = "/".join(short_rate(_bits(rate)) for rate in rates)
        self._queues[name] = settings
        return ""

    def _print(self, rest: str) -> str:
        wanted = re.search(r'where name~"([^"]*)"', rest)
        lines = []
        for at, (name, queue) in enumerate(sorted(agent_config.queues(self._queues).items())):
            if wanted and not re.search(wanted[1], name):
                continue
            lines.append(
                f" {at}    name={name} target={queue['target']} dst={queue['dst']} parent=none packet-marks= "
                f"priority=8/8 queue=default-small/default-small limit-at=0/0 max-limit={queue['max-limit']} "
                "burst-limit=0/0 burst-threshold=0/0 burst-time=0s/0s bucket-size=0.1/0.1"
            )
        return "\r\n".join(lines)


def routeros_limits(configuration: Configuration) -> list[Limit]:
    found = []
    for queue in agent_config.queues(configuration).values():
        upload, download = (_bits(rate) for rate in queue["max-limit"].split("/"))
        found.append(Limit(queue["dst"], download, upload))
    return found


class Vrp:
    """`interface`, `description`, `qos lr` and their `undo`; `display current-configuration [interface]`."""

    banner = "\r\nInfo: Huawei VRP (kominfo-ops twin)\r\n"
    _wrong = "                ^\r\nError: Unrecognized command found at '^' position."

    def __init__(self, name: str, _user: str, ports: Iterable[str], configuration: Configuration) -> None:
        self._name, self._ports, self._set = name, list(ports), configuration
        self._system = False
        self._port = self._asked = ""

    def prompt(self) -> str:
        if not self._system:
            return f"<{self._name}>"
        return f"[{self._name}-{self._port}]" if self._port else f"[{self._name}]"

    def line(self, text: str) -> str | None:
        if not text or text == "screen-length 0 temporary":
            return ""
        if text.startswith("display "):
            return self._display(text)
        if text in {"quit", "return"}:
            return self._leave(text)
        if not self._system:
            return self._user_view(text)
        if found := re.fullmatch(r"interface (\S+)", text):
            return self._enter(found[1])
        return self._configure(text)

    def _user_view(self, text: str) -> str:
        asked, self._asked = self._asked, text
        if (guarded := agent_config.vrp_guard(self._set, text, asked)) is not None:
            return guarded
        self._system = text == "system-view"
        return "Enter system view, return user view with Ctrl+Z." if self._system else self._wrong

    def _leave(self, how: str) -> str | None:
        if not self._system:
            return None if how == "quit" else self._wrong
        if self._port and how == "quit":
            self._port = ""
        else:
            self._system, self._port = False, ""
        return ""

    def _enter(self, port: str) -> str:
        if port not in self._ports:
            return "                ^\r\nError: Wrong parameter found at '^' position."
        self._port = port
        return ""

    def _configure(self, text: str) -> str:
        if not self._port:
            return "" if agent_config.vrp_setting(self._set, text) else self._wrong
        held = self._set.setdefault(self._port, {})
        if found := re.fullmatch(r"undo (description|qos lr inbound|qos lr outbound)", text):
            held.pop(found[1], None)
        elif found := re.fullmatch(r"description (.{1,240})", text):
            held["description"] = found[1]
        elif found := re.fullmatch(r"(qos lr inbound|qos lr outbound) cir (\d{2,10})", text):
            held[found[1]] = int(found[2])
        else:
            return self._wrong
        return ""

    def _display(self, text: str) -> str:
        if text == "display current-configuration":
            return agent_config.vrp_current(self._name, self._interfaces(), self._set)
        return self._interfaces() if text == "display current-configuration interface" else self._wrong

    def _interfaces(self) -> str:
        lines = ["#"]
        for port in self._ports:
            held = self._set.get(port, {})
            lines.append(f"interface {port}")
            lines += [f" description {held['description']}"] if "description" in held else []
            for way in ("qos lr inbound", "qos lr outbound"):
                lines += [f" {way} cir {held[way]} cbs {held[way] * 125}"] if way in held else []
            lines.append("#")
        return "\r\n".join(lines)


def vrp_limits(configuration: Configuration) -> list[Limit]:
    return [
        Limit(port, held.get("qos lr inbound", 0) * 1000, held.get("qos lr outbound", 0) * 1000)
        for port, held in configuration.items()
        if held.keys() & {"qos lr inbound", "qos lr outbound"}
    ]


Language = Callable[[str, str, Iterable[str], Configuration], Session]  # router's name, user, ifNames, configuration
LANGUAGES: dict[str, tuple[Language, Callable[[Configuration], list[Limit]]]] = {  # by netmiko's device type
    "mikrotik_routeros": (RouterOs, routeros_limits),
    "huawei": (Vrp, vrp_limits),
}


def _bits(rate: str) -> int:
    found = _RATE.fullmatch(rate)
    return int(found[1]) * _UNIT[found[2]] if found else 0
