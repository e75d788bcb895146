"""What a twin's router answers when it is asked for its whole configuration, as its vendor writes it.

A configuration holds queues or ports by name and, below names that no port can have (`/menu`, `#`), some settings with
secrets in them. Nothing is hidden in the answer: whoever asks must not rely on a device's own hiding.
"""

from __future__ import annotations

import copy
import re
import shlex
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Configuration = dict[str, dict[str, Any]]  # queue, port or menu by name, with its settings
MENUS = ("/ppp secret", "/snmp community", "/system script")  # of RouterOS, whose items bear secrets
GUARD = "#guard"  # what a change is taken back to, and when (Unix time; 0: not yet said)
SYSTEM = "#"  # of VRP: settings outside any interface; the last word of a line by the words before it
_VRP_LINE = re.compile(r"(snmp-agent community (?:read|write) (?:cipher )?|super password level \d+ cipher )(\S+)")
_NAME = re.compile(r'\[\s*find (?:where )?name="?([^"\]\s]+)"?\s*\]')


def pairs(text: str) -> dict[str, str]:
    """`a=1 b="x y"` by name."""
    return dict(word.partition("=")[::2] for word in shlex.split(text))


def queues(configuration: Configuration) -> Configuration:
    """What is no menu."""
    return {name: held for name, held in configuration.items() if name not in {*MENUS, GUARD}}


def snapshot(configuration: Configuration) -> Configuration:
    """A copy of all but the guard."""
    return copy.deepcopy({name: held for name, held in configuration.items() if name != GUARD})


def routeros_guard(configuration: Configuration, text: str) -> str | None:
    """Backups and the scheduler that loads one; None for any other line."""
    if re.fullmatch(r"/system backup save name=kominfo-before dont-encrypt=yes", text):
        configuration[GUARD] = {"before": snapshot(configuration), "due": 0}
        return "Configuration backup saved"
    if found := re.match(r"/system scheduler add name=kominfo-undo interval=(\d+)s on-event=", text):
        if GUARD not in configuration:
            return "failure: no such backup"
        configuration[GUARD]["due"] = time.time() + int(found[1])
        return ""
    if text == '/system scheduler remove [find name="kominfo-undo"]':
        configuration.pop(GUARD, None)
        return ""
    return "" if text == '/file remove [find name="kominfo-before.backup"]' else None


def vrp_guard(configuration: Configuration, text: str, asked: str) -> str | None:
    """`schedule reboot` and `save`, which ask back (`asked`: the line before); None for any other line."""
    if found := re.fullmatch(r"schedule reboot delay (\d+)", asked) if text == "y" else None:
        # a restart brings back what was saved; here everything is, until the next change
        configuration[GUARD] = {"before": snapshot(configuration), "due": time.time() + 60 * int(found[1])}
        return "Info: Reboot system is scheduled"
    if text == "y" and asked == "save":
        return "Info: The configuration is saved to the device."
    if re.fullmatch(r"schedule reboot delay \d+|save", text):
        return "Are you sure to continue? [Y/N]:"
    if text == "undo schedule reboot":
        configuration.pop(GUARD, None)
        return ""
    return None


def routeros_item(configuration: Configuration, menu: str, verb: str, rest: str) -> str:
    """`add` or `remove` one item of a menu; what RouterOS answers."""
    held = configuration.setdefault(menu, {})
    if verb == "add" and (name := pairs(rest).get("name")):
        held[name] = pairs(rest)
        return ""
    if verb == "remove" and (found := _NAME.match(rest)):
        held.pop(found[1], None)
        if not held:
            del configuration[menu]
        return ""
    return "expected end of command (line 1 column 15)"


def routeros_export(name: str, ports: Iterable[str], configuration: Configuration) -> str:
    """`/export terse`."""
    lines = [f"# {datetime.now(UTC):%Y-%m-%d %H:%M:%S} by RouterOS 7.16.2 (kominfo-ops twin)", "# software id =", "#"]
    lines += [f"/interface bridge add name={port}" for port in sorted(ports) if port.startswith("bridge")]
    for queue, held in sorted(queues(configuration).items()):
        lines.append(f"/queue simple add {_words(held | {'name': queue})}")
    for menu in MENUS:
        lines += [f"{menu} add {_words(held)}" for _, held in sorted(configuration.get(menu, {}).items())]
    return "\r\n".join([*lines, f"/system identity set name={name}"])


def vrp_setting(configuration: Configuration, text: str) -> bool:
    """Take one line outside any interface, or its `undo`; whether it was one."""
    held = configuration.setdefault(SYSTEM, {})
    known = [line for line in held if text.startswith("undo ") and line.startswith(f"{text[5:]} ")]
    for line in known:
        del held[line]
    if found := _VRP_LINE.fullmatch(text):
        held[found[1]] = found[2]
    if not held:
        del configuration[SYSTEM]
    return bool(known or found)


def vrp_current(name: str, interfaces: str, configuration: Configuration) -> str:
    """`display current-configuration`. `interfaces`: what the same says of the interfaces alone."""
    changed = f"!Last configuration was updated at {datetime.now(UTC):%Y-%m-%d %H:%M:%S+00:00} by kominfo"
    lines = ["!Software Version V200R010C00SPC600 (kominfo-ops twin)", changed, "#", f" sysname {name}", "#"]
    lines += [f"{line}{last}" for line, last in sorted(configuration.get(SYSTEM, {}).items())]
    return "\r\n".join([*lines, interfaces, "return"])


def _words(held: Mapping[str, str]) -> str:
    return " ".join(f"{key}={_quoted(value)}" for key, value in sorted(held.items()))


def _quoted(value: str) -> str:
    plain = value.replace("\\", "\\\\").replace('"', '\\"')
    return value if re.fullmatch(r"[\w./:@%+*-]+", value) else f'"{plain}"'
