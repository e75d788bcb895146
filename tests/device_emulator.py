"""Routers of four vendors for tests: they take the lines that set things, hold them, and show them as the vendor does.

Each is a table of patterns: a line that matches none is refused in the vendor's words. Nothing of it is a whole device.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from ops.system.sockets import listen_tcp
from ops.system.ssh_server import Doorman, admit

Held = dict[str, str]


@dataclass
class Played:
    """What one device was told, by all logins. `refuse`: a line that it does not take."""

    port: str
    ssh: int = 0
    held: Held = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)  # all but looks
    changes: list[str] = field(default_factory=list)  # of these, what would change something
    refuse: str = ""


class Player:
    """One login. `TAKES`: pattern → what to hold (key and value, with groups) or a method. `view` shows."""

    banner = "\r\n"
    WRONG = ""
    QUIET = r"(?!)"  # lines that change nothing

    def __init__(self, played: Played) -> None:
        self.played, self.held, self.at = played, played.held, ""

    def prompt(self) -> str:
        raise NotImplementedError

    def view(self, text: str) -> str | None:
        raise NotImplementedError

    def takes(self, text: str) -> str | None:
        raise NotImplementedError

    def line(self, text: str) -> str | None:
        if not text:
            return ""
        if (shown := self.view(text)) is not None:
            return shown.replace("\n", "\r\n")
        self.played.typed.append(text)
        if re.fullmatch(self.QUIET, text):
            return ""
        self.played.changes.append(text)
        answer = None if text == self.played.refuse else self.takes(text)
        return self.WRONG if answer is None else answer

    def hold(self, table: dict[str, tuple[str, str] | None], text: str) -> str | None:
        """Find the line in a table of patterns; hold what it says, or forget what `None` names by its group."""
        for pattern, kept in table.items():
            if found := re.fullmatch(pattern, text):
                if kept is not None:
                    self.held[found.expand(kept[0])] = found.expand(kept[1])
                else:
                    for key in [key for key in self.held if found.groups() and key.startswith(found.expand(r"\1"))]:
                        del self.held[key]
                return ""
        return None


class RouterOs(Player):
    WRONG = "failure: not allowed"
    QUIET = r"/system (?:scheduler|backup) .*|/file remove .*"
    TAKES: ClassVar[dict[str, tuple[str, str] | None]] = {
        r'/interface set \[find name="(\S+)"\] comment="([^"]*)"': (r"comment \1", r"\2"),
        r'/snmp community set \[find default=yes\] name="([^"]*)" addresses=(\S+) read-access=yes write-access=no': (
            "snmp", r"\1|\2",
        ),
        r"/snmp set enabled=yes .*": ("snmp on", "true"),
        r"/system logging action set \[find name=remote\] remote=(\S+) remote-port=514": ("remote", r"\1"),
        r"/system (logging) remove \[find action=remote\]": None,
        r"/system logging add topics=(\w+) action=remote": (r"logging \1", "1"),
        r'/user remove \[find name="(\S+)"\]': None,
        r'/user add name="(\S+)" group=read address=(\S+) comment=kominfo password="\S+"': (r"user \1", r"\1|\2"),
        r'/queue simple (remove) \[find name="\S+"\]': None,
        r'/queue simple add name="(\S+)" target=(\S+) dst=(\S+) max-limit=(\S+)': (
            r"remove \1", r"name=\1 target=\2 dst=\3 parent=none max-limit=\4 burst-limit=0/0",
        ),
    }  # fmt: skip

    def prompt(self) -> str:
        return "[kominfo@r1] > "

    def takes(self, text: str) -> str | None:
        return self.hold(self.TAKES, text)

    def view(self, text: str) -> str | None:
        if text.startswith("/export"):
            return "# 2026-11-22 07:00:00 by RouterOS 7.16.2\n# software id =\n/system identity set name=r1"
        if text.startswith("/queue simple print"):
            return "\n".join(f" {at}    {q}" for at, q in enumerate(self.of("remove ")))
        if "/interface find" in text:
            return "\n".join(f"{key[8:]}|{value}" for key, value in self.held.items() if key.startswith("comment "))
        if "/snmp get" in text:
            return f"{self.held.get('snmp on', 'false')}|{self.held.get('snmp', 'public|')}"
        if "/system logging find" in text:
            return self.held["remote"] if self.of("logging ") else ""
        return "\n".join(self.of("user ")) if "/user find" in text else None

    def of(self, begins: str) -> list[str]:
        return [value for key, value in self.held.items() if key.startswith(begins)]


class Modal(Player):
    """Vendors with a configuration mode whose lines below an object are indented."""

    def section(self, key: str) -> list[str]:
        return [value for name, value in self.held.items() if name.startswith(key)]


class Vrp(Modal):
    WRONG = "                ^\r\nError: Unrecognized command found at '^' position."
    QUIET = r"screen-length 0 temporary|y|schedule reboot .*|undo schedule reboot|save"
    ANYWHERE: ClassVar[dict[str, tuple[str, str] | None]] = {
        r"info-center enable": ("info", "info-center enable"),
        r"info-center loghost (\S+)": ("loghost", r"info-center loghost \1"),
        r"snmp-agent community read cipher \S+ acl (\d+)": (
            "snmp 9", r"snmp-agent community read cipher %^%#secret%^%# acl \1",
        ),
        r"snmp-agent sys-info (\w+) (.+)": (r"snmp 1\1", r"snmp-agent sys-info \1 \2"),
        r"snmp-agent": ("snmp 0", "snmp-agent"),
        r"local-user (\S+) password irreversible-cipher \S+": (
            r"user \1 1", r"local-user \1 password irreversible-cipher $1c$x",
        ),
        r"local-user (\S+) (privilege level|service-type) (\S+)": (r"user \1 \2", r"local-user \1 \2 \3"),
        r"ssh user (\S+) authentication-type password": (r"ssh \1", r"ssh user \1"),
    }  # fmt: skip

    def prompt(self) -> str:
        return {"": "<r1>", "system": "[r1]"}.get(self.at, f"[r1-{self.at}]")

    def view(self, text: str) -> str | None:
        if text in {"display current-configuration interface", "display current-configuration"}:
            lines = ["#", f"interface {self.played.port}", *(f" {one}" for one in self.section("port ")), "#"]
            return "\n".join([*lines, "return"] if text.endswith("configuration") else lines)
        if text.startswith("display current-configuration | include acl"):
            return "\n".join([*self.section("acl"), *(f" {one}" for one in sorted(self.section("snmp ")))])
        if text.endswith("include local-user"):
            return "\n".join(f" {one}" for one in self.section("user "))
        return "\n".join(self.section("loghost")) if text.endswith("info-center loghost") else None

    def takes(self, text: str) -> str | None:
        if found := re.fullmatch(r"interface (\S+)|acl number (\d+)|(aaa)|(system-view)", text):
            if found[1] and found[1] != self.played.port:
                return None
            self.at = found[1] or (f"acl-{found[2]}" if found[2] else "aaa" if found[3] else "system")
            if found[2]:
                self.held["acl"] = text
            return ""
        if text in {"quit", "return"}:
            self.at = "" if text == "return" or self.at == "system" else "system"
            return ""
        within: dict[str, tuple[str, str] | None] = {
            r"rule 5 (.*)": ("acl 5", r" rule 5 \1"),
            r"(description) (.*)": (r"port \1", r"\1 \2"),
            r"(qos lr \w+) cir (\d+)": (r"port \1", r"\1 cir \2 cbs 1000"),
        }
        if found := re.fullmatch(r"undo (.*)", text):
            self.held.pop(f"port {found[1]}", None)
            return ""
        return self.hold({**within, **self.ANYWHERE}, text)


class Ios(Modal):
    WRONG = "                ^\r\n% Invalid input detected at '^' marker."
    QUIET = r"terminal .*|configure terminal revert timer \d+|configure confirm|write memory|enable"

    def prompt(self) -> str:
        return f"r1(config{self.at[1:]})#" if self.at.startswith("c") else "r1#"

    def view(self, text: str) -> str | None:
        if not text.startswith("show running-config"):
            return None
        lines = [*self._maps(), *self._port(), *self.section("line ")]
        wanted = text.partition(" | include ")[2]
        if wanted:
            return "\n".join(line for line in sorted(lines) if re.search(wanted, line))
        if "section" in text:
            return "\n".join([*self._maps(), *self._port()])
        return "\n".join(["Building configuration...", "!", *lines, "end"])

    def _maps(self) -> Iterator[str]:
        for key, value in self.held.items():
            if key.startswith("map "):
                yield f"policy-map {key[4:]}\n class class-default\n  {value}"

    def _port(self) -> Iterator[str]:
        yield f"interface {self.played.port}"
        yield from (f" {one}" for one in self.section("port "))

    def takes(self, text: str) -> str | None:
        if text in {"configure terminal", "end"}:
            self.at = "c" if text != "end" else ""
            return ""
        if found := re.fullmatch(r"policy-map (\S+)|interface (\S+)|class class-default", text):
            if found[2] and found[2] != self.played.port:
                return None
            self.at = f"c-pmap {found[1]}" if found[1] else "c-if" if found[2] else self.at
            return ""
        if found := re.fullmatch(r"police cir \d+|shape average \d+", text):
            self.held[f"map {self.at.partition(' ')[2]}"] = text
            return ""
        if found := re.fullmatch(r"no (?:policy-(map \S+)|(description|service-policy \w+)(?: \S+)?)", text):
            return "" if self.held.pop(found[1] or f"port {found[2]}", None) else None
        return self.hold(
            {
                r"(description|service-policy \w+) (.*)": (r"port \1", r"\1 \2"),
                r"(access-list 98) (.*)": (r"line \1", r"\1 \2"),
                r"(snmp-server \w+) (.*)": (r"line \1", r"\1 \2"),
                r"(logging \w+) (.*)": (r"line \1", r"\1 \2"),
                r"username (\S+) privilege 15 secret \S+": (r"line user \1", r"username \1 privilege 15 secret 9 $9$x"),
            },
            text,
        )


class Linux(Player):
    WRONG = "tee: /etc: Permission denied"
    QUIET = r"unset HISTFILE|sudo (?:install -d|chmod|systemctl) .*|sudo rm -f .*"

    def prompt(self) -> str:
        return "kominfo@r1:~$ "

    def view(self, text: str) -> str | None:
        if text.startswith("ip -brief"):
            return "eth0 UP 10.40.16.2/30\n# whole"
        if text.startswith("for q in"):
            return self.held.get("queue", "") if "tbf" in self.held else ""
        if text == "ip -details link show":
            alias = f"\n    alias {self.held['alias']}" if "alias" in self.held else ""
            return f"2: {self.played.port}: <UP> mtu 1500\n    link/ether 00:00:00:00:00:01{alias}"
        shown = {"sudo cat /etc/snmp": "snmp", "cat /etc/rsyslog": "syslog", "getent passwd": "user"}
        return next((self.held.get(key, "") for begins, key in shown.items() if text.startswith(begins)), None)

    def takes(self, text: str) -> str | None:
        port = re.escape(self.played.port)
        return self.hold(
            {
                rf"echo '(.*)' \| sudo tee /etc/kominfo/queues/{port} >/dev/null": ("queue", r"\1"),
                rf"sudo tc qdisc replace dev {port} root tbf .*": ("tbf", "1"),
                rf"sudo tc (?:qdisc|filter) replace dev {port} .*": ("ingress", "1"),
                rf"sudo tc qdisc del dev {port} root()": None,
                rf"sudo tc qdisc del dev {port} ingress": ("ingress", ""),
                rf"sudo ip link set dev {port} alias '(.*)'": ("alias", r"\1"),
                r"echo '(.*)' \| sudo tee /etc/snmp\S+ >/dev/null": ("snmp", r"\1"),
                r"echo '(.*)' \| sudo tee /etc/rsyslog\S+ >/dev/null": ("syslog", r"\1"),
                r"id (\S+) >/dev/null 2>&1 \|\| sudo useradd .*": ("user", r"\1:x:1001:1001:kominfo:/home/\1:/bin/sh"),
                r"echo '\S+:\S+' \| sudo chpasswd": ("password", "1"),
            },
            text,
        )


PLAYERS: dict[str, Callable[[Played], Player]] = {
    "mikrotik_routeros": RouterOs,
    "huawei_vrp": Vrp,
    "cisco_ios": Ios,
    "linux_router": Linux,
}


@contextmanager
def serve(model: str, place: tuple[str, int], ifname: str, login: tuple[str, str], folder: Path) -> Iterator[Played]:
    """A device that listens at address and port (0: any) until the end; its one port is `ifname`."""
    played = Played(ifname)
    with closing(listen_tcp(*place)) as opened:
        opened.setblocking(True)
        played.ssh = opened.getsockname()[1]
        doorman = Doorman(*login, folder / "key", lambda: PLAYERS[model](played))

        def listen() -> None:
            threads = []
            while True:
                try:
                    connection, _ = opened.accept()
                except OSError:
                    break
                threads.append(admit(connection, doorman))
            for thread in threads:
                thread.join()

        threading.Thread(target=listen, daemon=True).start()
        yield played
        opened.shutdown(2)
