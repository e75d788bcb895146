#!/usr/bin/python3 -I
"""Take /etc/asterisk/kominfo into service and prove it: reload, read back, compare. Installed by role pbx.

Asterisk's answers and exit codes say nothing: a refused file leaves what was there before, a reload that comes during
another one is dropped, a transport changes only with a restart. So everything is read back. Exit 1 and one line that
begins with `error:` when the exchange does not hold what the files say.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ETC = Path("/etc/asterisk/kominfo")
LOG = Path("/var/log/asterisk/messages.log")
TYPES = {"endpoint": "Endpoint", "auth": "Auth", "aor": "Aor"}
READERS = re.compile(
    r"(WARNING|ERROR)\[\d+\](?:\[[^]]*\])? (config|config_options|res_sorcery_config|pbx_config|pbx|sorcery)\.c: "
)
EXCUSED = "users.conf is deprecated"  # a file of the Debian package
PATIENCE = 15  # seconds until the exchange must hold what the files say


class NotHeldError(Exception):
    """The exchange does not hold what the files say."""


def ask(command: str) -> str:
    """What the exchange's command line answers."""
    done = subprocess.run(["asterisk", "-rx", command], capture_output=True, text=True, timeout=90, check=False)
    if done.returncode != 0:
        raise NotHeldError(f"Asterisk does not answer: {(done.stderr or done.stdout).strip()[:200]}")
    return done.stdout


def text(name: str) -> str:
    try:
        return (ETC / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def included(kind: str) -> str:
    """Everything that the region's file of that type includes."""
    names = re.findall(r"^#tryinclude kominfo/(\S+)$", text(f"_region.{kind}.conf"), re.MULTILINE)
    return "".join(text(name) for name in names)


def wanted(kind: str) -> set[str]:
    numbers = re.findall(r"^\[(\d+)\]\(", included(kind), re.MULTILINE)
    return {*numbers, *re.findall(r"^\[(trunk-\S+)\]$", text(f"_region.{kind}.conf"), re.MULTILINE)}


def held(kind: str) -> set[str]:
    """Names of the live objects; a line is ` Endpoint:  20100/20100   Unavailable …`."""
    return set(re.findall(rf"^ *{TYPES[kind]}: +(\d+|trunk-\S+?)(?=[/ ])", ask(f"pjsip show {kind}s"), re.MULTILINE))


def differences() -> list[str]:
    """What is missing or too much, one phrase per kind of object."""
    found = []
    for kind in TYPES:
        want, have = wanted(kind), held(kind)
        if want != have:
            odd = sorted(want ^ have)
            found.append(f"{len(have)} {kind}s instead of {len(want)} (first: {odd[0]})")
    want = set(re.findall(r"^\[(opd-\S+)\]$", included("dialplan"), re.MULTILINE))
    have = set(re.findall(r"^\[ Context '(opd-[^']+)'", ask("dialplan show"), re.MULTILINE))
    if want != have:
        found.append(f"contexts differ: {', '.join(sorted(want ^ have)[:3])}")
    return found


def binds() -> tuple[set[str], set[str]]:
    """Addresses of the transports: declared, live."""
    declared = set(re.findall(r"^bind=(\S+)$", text("_region.transport.conf"), re.MULTILINE))
    live = set(re.findall(r"^Transport: +\S+ +\S+ +\d+ +\d+ +(\S+)$", ask("pjsip show transports"), re.MULTILINE))
    return declared, live


def reload(command: str) -> None:
    """One reload; a second one at the same time is dropped by Asterisk, so it is asked for again."""
    for _ in range(60):
        if "already in progress" not in ask(command):
            return
        time.sleep(0.5)
    raise NotHeldError("another reload does not come to an end")


def forget_removed() -> None:
    """Registrations of telephones that are gone would stay for ever."""
    numbers = wanted("aor")
    for key, number in re.findall(
        r"^/registrar/contact/((\d+);@\S+?) *:", ask("database show registrar/contact"), re.MULTILINE
    ):
        if number not in numbers:
            ask(f"database del registrar/contact {key}")


def refused(since: int) -> list[str]:
    """What the exchange's readers of files complained of since that place of its log."""
    with LOG.open("rb") as log:
        log.seek(since)
        lines = log.read().decode(errors="replace").splitlines()
    return [line.partition(".c: ")[2] for line in lines if READERS.search(line) and EXCUSED not in line]


def take_up() -> None:
    since = LOG.stat().st_size if LOG.exists() else 0
    declared, live = binds()
    if live and declared != live:
        subprocess.run(["systemctl", "restart", "asterisk.service"], check=True, timeout=90)
        ask("core waitfullybooted")
    else:
        reload("module reload res_pjsip.so")
        reload("dialplan reload")
    end = time.monotonic() + PATIENCE
    while (found := differences()) and not refused(since) and time.monotonic() < end:
        time.sleep(0.3)
    if complaints := refused(since):
        raise NotHeldError(f"refused, and the exchange keeps what it had: {complaints[0]}")
    if found:
        raise NotHeldError("; ".join(found))
    declared, live = binds()
    if declared != live:
        raise NotHeldError(f"transport on {', '.join(live) or 'nothing'} instead of {', '.join(declared)}")
    forget_removed()


def main() -> int:
    try:
        take_up()
    except (NotHeldError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
