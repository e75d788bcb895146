#!/usr/bin/python3 -I
"""Take /etc/asterisk/kominfo into service and prove it: judge, try, swap, reload, read back. Installed by role pbx.

Asterisk's answers and exit codes say nothing: a refused file leaves what was there before, a reload that comes during
another one is dropped. So everything is read back, and on any difference the release before comes back. Exit 1 and one
line that begins with `error:` when the exchange does not hold what the files say. A transport changes only with a
restart, which ends calls: that one is needed is said, and it is done by `restart` alone.

    kominfo-exchange [take-up]     what is staged in /etc/asterisk/kominfo becomes the release in force
    kominfo-exchange prepare       the same on disk only: for a start of Asterisk
    kominfo-exchange validate [-]  judge what is staged (or JSON on standard input) and boot it beside the exchange
    kominfo-exchange check         compare what runs with a fresh boot of the release in force
    kominfo-exchange status        the release in force, and what waits for a restart, as JSON
    kominfo-exchange look          the same, channels, and registrations: number, state, milliseconds of a qualify
    kominfo-exchange restart [SECONDS]  start Asterisk anew, once no call is up; wait that long for it (0: at once)
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

from ops.catalogue import exchange_check, exchange_live, exchange_transports
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
KEPT = Path("/run/kominfo-exchange.json")  # what a start of Asterisk gave, while its files are others already
RENEWED, IN_USE = Path("/etc/kominfo/tls/exchange.pem"), Path("/etc/asterisk/keys/exchange.pem")
CALLS = re.compile(r"^(\d+) active channels?", re.MULTILINE)
CONTACT = re.compile(r"^ *Contact: +([^/\s<]+)/.* (\S+) +(\S+) *$", re.MULTILINE)
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


def deaf(ask: Console, files: Mapping[str, str]) -> list[str]:
    """An exchange that listens nowhere, though its files say where."""
    declared = exchange_check.wanted_of(files).names("transport")
    listens = "Objects found" in ask.one("pjsip show transports")
    return [f"transport on nothing instead of {', '.join(sorted(declared))}"] if declared and not listens else []


def running(in_force: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The transports that this Asterisk really has. Nothing was reloaded since its start: those of the release in
    force; else what was kept when it was."""
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
        if kept["start"] == Path(SOCKET).stat().st_mtime_ns:
            return dict(kept["transports"])
    except (OSError, ValueError, KeyError):
        pass
    return transports(in_force)


def transports(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Those that files declare; of ten thousand telephones nothing is read for it."""
    own = {name: text for name, text in files.items() if ".transport." in name}
    return exchange_transports.transports(exchange_check.wanted_of(own))


def keep_running(ask: Console, before: Mapping[str, Any], after: Mapping[str, str]) -> None:
    """A reload changes no transport that there is, but opens those that are new."""
    live = set(exchange_transports.LIVE.findall(ask.one("pjsip show transports")))
    declared = transports(after)
    now = {**before, **{name: options for name, options in declared.items() if name in live - {*before}}}
    KEPT.write_text(json.dumps({"start": Path(SOCKET).stat().st_mtime_ns, "transports": now}), encoding="utf-8")


def waiting(files: Mapping[str, str]) -> list[str]:
    """What holds only after a restart: changed transports, and a certificate that was renewed."""
    found = exchange_transports.restart_needed(running(files), transports(files))
    if RENEWED.is_file() and IN_USE.is_file() and RENEWED.read_bytes() != IN_USE.read_bytes():
        found.append("the certificate was renewed")
    return found


def closely(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, set[str]]:
    """The objects that are not what they were."""
    old, new = exchange_check.wanted_of(before).objects, exchange_check.wanted_of(after).objects
    return {kind: {name for name, made in new[kind].items() if old.get(kind, {}).get(name) != made} for kind in new}


def go_over(ask: Console, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Tell Asterisk of what changed, module by module, and read back. What differs in the end; [] when all holds."""
    since = LOG.stat().st_size if LOG.exists() else 0
    parts = {name.split(".")[1] for name in changed(before, after)}
    had = running(before)
    for command in sorted({RELOADS[part] for part in parts if part in RELOADS}, reverse=True):
        reload(ask, command)
    wanted, near = exchange_check.wanted_of(after), closely(before, after)
    end = time.monotonic() + PATIENCE
    while (found := exchange_live.read_back(ask, wanted, near)) and not refused(since) and time.monotonic() < end:
        time.sleep(0.2)
    keep_running(ask, had, after)
    found += deaf(ask, after)
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
    left = waiting(files)
    return f"release {name}: {len(changed(old, files))} files changed" + "; restart needed: ".join(["", *left][:2])


def back(ask: Console, kept: Releases, name: str, failed: Mapping[str, str]) -> str:
    """Put the release before in force again."""
    if not name:
        kept.link.unlink()
        left = go_over(ask, failed, {})
        return "; there is no release before, and nothing of this one is left" + (f", but {left[0]}" if left else "")
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
    found = [*map(str, verdict.faults), *exchange_transports.certificate_faults(verdict.wanted)]
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
    objects = sum(map(len, wanted.objects.values()))
    return {"release": name, "faults": found, "objects": objects, "restart": waiting(files)}


def status() -> dict[str, Any]:
    kept = releases()
    name = kept.current()
    since = kept.link.lstat().st_mtime if name else None
    files = kept.files(name)
    found = {"release": name, "since": since, "files": len(files), "staged": identity(staged())}
    return {**found, "restart": waiting(files)}


def look() -> dict[str, Any]:
    """What the exporter asks for. Its own user of the manager interface can only listen: whoever may list there may
    also load modules, write the database or rotate the logs."""
    contacts, channels = Console(SOCKET)(["pjsip show contacts", "core show channels concise"])
    names = [line.partition("!")[0] for line in channels.splitlines() if "!" in line]
    return {**status(), "contacts": CONTACT.findall(contacts), "channels": names}


def restart(seconds: float) -> dict[str, Any]:
    """`calls`: that were up when it was done. NotHeldError when there is no moment without a call in `seconds`."""
    ask, kept = Console(SOCKET), releases()
    end = time.monotonic() + seconds
    while (calls := calls_up(ask)) and seconds and time.monotonic() < end:
        time.sleep(0.2)
    if calls and seconds:
        raise NotHeldError(f"nothing was done: {calls} channels are still up after {seconds:g} s")
    subprocess.run(["systemctl", "restart", "asterisk.service"], check=True, timeout=90)
    ask.wait(60)
    files = kept.files(kept.current())
    found = exchange_live.read_back(ask, exchange_check.wanted_of(files)) + deaf(ask, files)
    return {"release": kept.current(), "calls": calls, "faults": found, "restart": waiting(files)}


def calls_up(ask: Console) -> int:
    found = CALLS.search(ask.one("core show channels count"))
    return int(found[1]) if found else 0


def told(argv: list[str]) -> int:
    verb = argv[0] if argv else "take-up"
    if verb in {"take-up", "prepare"}:
        print(take_up() if verb == "take-up" else prepare())
        return 0
    if verb == "validate":
        result = validate(json.load(sys.stdin) if argv[1:] == ["-"] else staged())
    elif verb == "restart":
        result = restart(float(argv[1]) if argv[1:] else 600.0)
    else:
        result = {"check": check, "look": look}.get(verb, status)()
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
