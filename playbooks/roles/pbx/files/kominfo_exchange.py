#!/usr/bin/python3 -I
"""Take /etc/asterisk/kominfo into service and prove it: judge, try, swap, reload, read back. Installed by role pbx.

Asterisk's answers and exit codes say nothing: a refused file leaves what was there before, a reload that comes during
another one is dropped, a transport changes only with a restart. So everything is read back, and on any difference the
release before comes back. Exit 1 and one line that begins with `error:` when the exchange does not hold what the files
say.

    kominfo-exchange [take-up]     what is staged in /etc/asterisk/kominfo becomes the release in force
    kominfo-exchange prepare       the same on disk only: for a start of Asterisk
    kominfo-exchange validate [-]  judge what is staged (or JSON on standard input) and boot it beside the exchange
    kominfo-exchange check         compare what runs with a fresh boot of the release in force
    kominfo-exchange status        the release in force, as JSON
"""

from __future__ import annotations

import grp
import json
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, "/usr/local/lib/kominfo-exchange")

from ops.catalogue import exchange_check, exchange_live
from ops.catalogue.exchange_ways import Known
from ops.system.asterisk_console import Console, NoAnswerError
from ops.system.asterisk_trial import TrialError, complaints, trial
from ops.system.exchange_release import Releases, changed, identity

ETC, STAGED = Path("/etc/asterisk"), Path("/etc/asterisk/kominfo")
CAN = Path("/usr/local/lib/kominfo-exchange/asterisk.json")
LOG, SOCKET = Path("/var/log/asterisk/messages.log"), "/run/asterisk/asterisk.ctl"
READERS = re.compile(r"(config|config_options|res_sorcery_config|pbx_config|pbx|sorcery|app_voicemail)\.c: ")
RELOADS = {  # by the word before .conf
    **dict.fromkeys(("endpoint", "auth", "aor", "identify", "transport"), "module reload res_pjsip.so"),
    "dialplan": "dialplan reload",
    "voicemail": "module reload app_voicemail.so",
}
PATIENCE = 15.0  # seconds until the exchange must hold what the files say


class NotHeldError(Exception):
    """The exchange does not hold what the files say."""


def staged() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(STAGED.glob("*.conf"))}


def releases() -> Releases:
    return Releases(ETC, grp.getgrnam("asterisk").gr_gid)


def rules() -> exchange_check.Rules:
    """What this Asterisk can do, with the modules that it loads."""
    can = json.loads(CAN.read_text(encoding="utf-8"))
    text = (ETC / "modules.conf").read_text(encoding="utf-8")
    loaded = frozenset(re.findall(r"^(?:pre)?load\s*=>?\s*(\S+)\.so", text, re.MULTILINE))
    return exchange_check.Rules(can["objects"], Known(can["applications"], can["functions"], loaded))


def reload(ask: Console, command: str) -> None:
    """One reload; a second one at the same time is dropped by Asterisk, so it is asked for again."""
    for _ in range(60):
        if "already in progress" not in ask.one(command):
            return
        time.sleep(0.5)
    raise NotHeldError("another reload does not come to an end")


def refused(since: int) -> list[str]:
    """What the exchange's readers of files complained of since that place of its log."""
    with LOG.open("rb") as log:
        log.seek(since)
        return [line for line in complaints(log.read().decode(errors="replace")) if READERS.search(line)]


def binds(ask: Console, files: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Addresses of the transports: declared, live."""
    declared = set(re.findall(r"^bind=(\S+)$", files.get("_region.transport.conf", ""), re.MULTILINE))
    shown = ask.one("pjsip show transports")
    return declared, set(re.findall(r"^Transport: +\S+ +\S+ +\d+ +\d+ +(\S+)$", shown, re.MULTILINE))


def closely(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, set[str]]:
    """The objects that are not what they were."""
    old, new = exchange_check.wanted_of(before).objects, exchange_check.wanted_of(after).objects
    return {kind: {name for name, made in new[kind].items() if old.get(kind, {}).get(name) != made} for kind in new}


def go_over(ask: Console, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Tell Asterisk of what changed, module by module, and read back. What differs in the end; [] when all holds."""
    since = LOG.stat().st_size if LOG.exists() else 0
    declared, live = binds(ask, after)
    parts = {name.split(".")[1] for name in changed(before, after)}
    if live and declared != live:
        subprocess.run(["systemctl", "restart", "asterisk.service"], check=True, timeout=90)
        ask.wait(60)
    else:
        for command in sorted({RELOADS[part] for part in parts if part in RELOADS}, reverse=True):
            reload(ask, command)
    wanted, near = exchange_check.wanted_of(after), closely(before, after)
    end = time.monotonic() + PATIENCE
    while (found := exchange_live.read_back(ask, wanted, near)) and not refused(since) and time.monotonic() < end:
        time.sleep(0.2)
    declared, live = binds(ask, after)
    if declared != live:
        found.append(f"transport on {', '.join(live) or 'nothing'} instead of {', '.join(declared)}")
    return [f"refused, and the exchange keeps what it had: {line}" for line in refused(since)] + found


def take_up() -> str:
    """What came of it, in a few words. NotHeldError when the release before had to come back."""
    ask, kept, files = Console(SOCKET), releases(), staged()
    before = kept.current()
    old = kept.files(before)
    name = kept.make(files)
    if name == before and not exchange_live.read_back(ask, exchange_check.wanted_of(files), {}):
        return f"release {name}: nothing changed, nothing reloaded"
    kept.swap(name)
    found = go_over(ask, {} if name == before else old, files)
    if found:
        raise NotHeldError(found[0] + back(ask, kept, before, files))
    forget_removed(ask, files)
    kept.tidy({name, before})
    return f"release {name}: {len(changed(old, files))} files changed"


def back(ask: Console, kept: Releases, name: str, failed: Mapping[str, str]) -> str:
    """Put the release before in force again."""
    if not name:
        kept.link.unlink()
        return "; there is no release before"
    begun = time.monotonic()
    kept.swap(name)
    left = go_over(ask, failed, kept.files(name))
    took = f"{time.monotonic() - begun:.2f} s"
    return f"; release {name} is back after {took}" + (f", but {left[0]}" if left else "")


def forget_removed(ask: Console, files: Mapping[str, str]) -> None:
    """Registrations of telephones that are gone would stay for ever."""
    numbers = exchange_check.wanted_of(files).names("aor")
    shown = ask.one("database show registrar/contact")
    contacts = re.findall(r"^/registrar/contact/(([^;\s]+);@\S+?) *:", shown, re.MULTILINE)
    ask([f"database del registrar/contact {key}" for key, number in contacts if number not in numbers])


def prepare() -> str:
    """For a start of Asterisk: what is staged is in force, unless something is already."""
    kept, files = releases(), staged()
    if files and not kept.current():
        kept.swap(kept.make(files))
    return f"release {kept.current() or 'none'}"


def validate(files: Mapping[str, str]) -> dict[str, Any]:
    """`faults`: what is wrong with the files; what a throw-away Asterisk said of them; how it differs from them."""
    begun = time.monotonic()
    verdict = exchange_check.judge(files, rules())
    found = [str(fault) for fault in verdict.faults]
    if not found:
        with trial([ETC], files) as one:
            found = [*one.complaints, *exchange_live.read_back(one.ask, verdict.wanted)]
    return {"release": identity(files), "faults": found, "seconds": round(time.monotonic() - begun, 2)}


def check() -> dict[str, Any]:
    """What would change if Asterisk were started afresh: nothing, or a fault waits for the next power cut."""
    kept = releases()
    name = kept.current()
    files = kept.files(name)
    found = [] if identity(files) == name else [f"release {name} was changed by hand"]
    found += [f"{part} is staged, but not in force" for part in sorted(changed(files, staged()))]
    ask, wanted = Console(SOCKET), exchange_check.wanted_of(files)
    with trial([ETC], files) as fresh:
        found += [f"a fresh start: {what}" for what in [*fresh.complaints, *exchange_live.read_back(fresh.ask, wanted)]]
        found += exchange_live.compare(ask, fresh.ask, wanted)
    return {"release": name, "faults": found, "objects": sum(map(len, wanted.objects.values()))}


def status() -> dict[str, Any]:
    kept = releases()
    name = kept.current()
    since = kept.link.lstat().st_mtime if name else None
    return {"release": name, "since": since, "files": len(kept.files(name)), "staged": identity(staged())}


def told(argv: list[str]) -> int:
    verb = argv[0] if argv else "take-up"
    if verb in {"take-up", "prepare"}:
        print(take_up() if verb == "take-up" else prepare())
        return 0
    if verb == "validate":
        result = validate(json.load(sys.stdin) if argv[1:] == ["-"] else staged())
    else:
        result = check() if verb == "check" else status()
    print(json.dumps(result))
    for fault in result.get("faults", ())[:1]:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if result.get("faults") else 0


def main() -> int:
    try:
        return told(sys.argv[1:])
    except (NotHeldError, NoAnswerError, TrialError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
