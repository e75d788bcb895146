"""Devices whose light is told on the command line only: recorded answers, served over real SSH on 127.0.0.0/8."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from exporters.cli_optics import Budget, CliOptics
from ops.catalogue.cli.platform import Dialogue, platform
from ops.inventory.load import load
from ops.inventory.watched import Watched, watched
from ops.system.device_cli import DeviceLogin
from ops.system.sockets import listen_tcp
from ops.system.ssh_server import Doorman, admit

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT / "tests/recordings/cli"
ONE = next(watched(load(ROOT / "inventories/batubara").opds))
PROMPTS = {
    "cisco_ios": "sw1#",
    "huawei_vrp": "<sw1>",
    "huawei_olt": "MA5800>",
    "mikrotik_routeros": "[kominfo@rtr1] > ",
    "ubiquiti_edgeswitch": "(UBNT) >",
    "zte_olt": "ZXAN#",
}
DEEPER = {  # what a command makes of the prompt
    "enable": lambda at: at.replace(">", "#"),
    "disable": lambda at: at.replace("#", ">"),
    "config": lambda at: at.replace("#", "(config)#"),
    "interface gpon 0/1": lambda at: at.replace("(config)#", "(config-if-gpon-0/1)#"),
    "quit": lambda at: re.sub(r"\(config(-if[^)]*)?\)", lambda found: "(config)" if found[1] else "", at),
}


@cache
def cases(name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((RECORDINGS / f"{name}.yml").read_text(encoding="utf-8"))


def dialogue(name: str, case: Mapping[str, Any]) -> Dialogue:
    asked = [case["asked"]] if "asked" in case else []
    found = [one for question in platform(name).questions for one in question.dialogues(asked, asked)]
    (only,) = [one for one in found if one.command == case.get("command", one.command)]
    return only


@dataclass
class Sitting:
    """A device that answers what it is given, and says nothing to what drivers ask to make themselves at home."""

    at: str
    answers: Mapping[str, str]
    asked: list[str]
    hold: threading.Event | None = None
    banner: str = "\r\n"

    def prompt(self) -> str:
        return self.at

    def line(self, text: str) -> str | None:
        if text in {"exit", "logout", "/quit"}:
            return None
        if text in DEEPER:
            self.at = DEEPER[text](self.at)
            return ""
        if text in self.answers:
            self.asked.append(text)
            if self.hold is not None:
                self.hold.wait(60)
            return self.answers[text].rstrip("\n").replace("\n", "\r\n")
        return ""


@dataclass
class Device:
    """`logins`: how often somebody came in; `asked`: which commands it knew."""

    login: DeviceLogin
    name: str
    asked: list[str] = field(default_factory=list)
    logins: list[Sitting] = field(default_factory=list)

    def reader(self, links: Sequence[Watched], budget: Budget, clock: Callable[[], float] | None = None) -> CliOptics:
        onus = [case["asked"] for case in cases(self.name) if ":" in case.get("asked", "")]
        more = {} if clock is None else {"clock": clock}
        return CliOptics(self.login, platform(self.name), links, onus, budget, **more)


@contextmanager
def device(
    name: str, folder: Path, hold: threading.Event | None = None, address: str = "127.0.0.1"
) -> Iterator[Device]:
    """A device of one platform that listens at this address and answers as its first recordings do."""
    answers: dict[str, str] = {}
    for case in cases(name):
        answers.setdefault(dialogue(name, case).command, case["answer"])
    here = Device(DeviceLogin("sw1", address, platform(name).netmiko, "kominfo", "right-word", folder / "known"), name)

    def session() -> Sitting:
        here.logins.append(Sitting(PROMPTS[name], answers, here.asked, hold))
        return here.logins[-1]

    with at_home(session, folder / "key", address) as port:
        here.login = replace(here.login, port=port)
        yield here


@contextmanager
def at_home(session: Callable[[], Sitting], key: Path, address: str = "127.0.0.1") -> Iterator[int]:
    """The port at which kominfo may log in (right-word) and gets a sitting of its own."""
    opened = listen_tcp(address, 0)
    opened.setblocking(True)
    thread = threading.Thread(target=_serve, args=(opened, Doorman("kominfo", "right-word", key, session)))
    thread.start()
    try:
        yield opened.getsockname()[1]
    finally:
        opened.shutdown(2)
        opened.close()
        thread.join()


def _serve(opened: Any, doorman: Doorman) -> None:
    threads = []
    while True:
        try:
            connection, _ = opened.accept()
        except OSError:
            break
        threads.append(admit(connection, doorman))
    for thread in threads:
        thread.join(30)


def links(*ifnames: str) -> list[Watched]:
    return [replace(ONE, link=ONE.link.model_copy(update={"ifname": ifname})) for ifname in ifnames]
