"""Is a release of the exchange good? Judged by ourselves, booted on a throw-away Asterisk, compared with the plan."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.catalogue import exchange_check, exchange_live, exchange_rules
from ops.catalogue.exchange_conf import Fault
from ops.derive import pbx
from ops.errors import HostFailedError, OpsError, UsageError
from ops.inventory.model import Region
from ops.progress import Event, Progress, State, silent
from ops.system.asterisk_trial import TrialError, trial
from ops.system.process import Ask
from ops.system.tools import images_folder
from ops.world import World

STATIC = Path(__file__).parents[2] / "playbooks/roles/pbx/files"
PROGRAM = "/usr/local/sbin/kominfo-exchange"
SECONDS = 120.0
NOT_BOOTED = "not booted: "
_SECRETS = {"password", "password_digest"}


def planned(region: Region, host: str = "") -> dict[str, str]:
    """The release that follows from the declarations, with values of the same form where secrets belong."""
    wanted = host or region.numbering.pbx
    return {
        artifact.key.partition("/")[2]: substituted(artifact.content)
        for artifact in pbx.artifacts(region)
        if artifact.host == wanted
    }


def substituted(text: str) -> str:
    """Names of secrets replaced by values of their form: no trial ever holds a real one."""
    text = re.sub(r"\{\{ha1:[^}]*\}\}", "0123456789abcdef" * 2, text)
    return re.sub(r"\{\{secret:[^}]*\}\}", "Abcdefgh12345678" * 2, text)


def files_of(folder: Path) -> dict[str, str]:
    """The files of a release folder. UsageError when there are none."""
    try:
        paths = sorted(path for path in folder.rglob("*") if path.is_dir() or path.is_file())
        found = {str(path.relative_to(folder)): path.read_bytes().decode() for path in paths if path.is_file()}
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder}: {error}") from None
    if not found:
        raise UsageError(f"{folder} holds no file of an exchange", "name a folder as /etc/asterisk/current")
    return found


def validate(world: World, release: Path | None = None, progress: Progress = silent) -> dict[str, Any]:
    """`faults`: all that is wrong · `booted`: on what, or why on nothing · `proven`: it was booted, without a
    fault · `seconds` of judging and of booting."""
    region = world.region
    meant = planned(region)
    if not meant:
        raise OpsError("this inventory declares no exchange", "name a server of hosts.yml in numbering.pbx")
    files = files_of(release) if release else meant
    begun = time.perf_counter()
    verdict = exchange_check.judge(files, exchange_rules.rules(region.numbering.emergency))
    faults = [str(fault) for fault in verdict.faults]
    if release:
        faults += [f"{fault}: the plan says otherwise" for fault in against(meant, verdict.wanted)]
        faults += misplaced(meant, files)
    judged = time.perf_counter()
    progress(Event("judge", "", State.FAILED if faults else State.OK, f"{len(files)} files, {len(faults)} faults"))
    booted, said = (f"{NOT_BOOTED}it is refused as it is", []) if faults else _boot(world, files, verdict.wanted)
    proven = not (faults or said or booted.startswith(NOT_BOOTED))
    progress(Event("boot", "", State.OK if proven else State.FAILED, booted))
    seconds = {"judging": round(judged - begun, 2), "booting": round(time.perf_counter() - judged, 2)}
    objects = {kind: len(made) for kind, made in verdict.wanted.objects.items()}
    told_ = {"booted": booted, "proven": proven, "seconds": seconds, "objects": objects}
    return {"faults": [*faults, *said], **told_}


def against(meant: Mapping[str, str], wanted: exchange_check.Wanted) -> list[Fault]:
    """What a release makes otherwise than the plan; passwords count only as being there."""
    return exchange_check.differences(_blind(exchange_check.wanted_of(meant)), _blind(wanted))


def misplaced(meant: Mapping[str, str], files: Mapping[str, str]) -> list[str]:
    """Files that hold other sections than the plan's file of that name: the next apply would move them."""
    odd = [name for name in sorted({*meant} & {*files}) if _heads(meant[name]) != _heads(files[name])]
    return [f"{name} holds other sections than the plan says" for name in odd]


def _heads(text: str) -> list[str]:
    return re.findall(r"^\s*\[([^\]]*)\]", text, re.MULTILINE)


def _blind(wanted: exchange_check.Wanted) -> exchange_check.Wanted:
    auths = {
        name: [(option, "" if option in _SECRETS else value) for option, value in options]
        for name, options in wanted.objects.get("auth", {}).items()
    }
    return exchange_check.Wanted({**wanted.objects, "auth": auths}, wanted.plan)


def image() -> Path | None:
    """A system image of this machine that has Asterisk and could be booted here."""
    if os.geteuid() != 0:
        return None
    found = sorted(path for path in images_folder().glob("sid-*") if (path / "usr/sbin/asterisk").is_file())
    return found[-1] if found else None


def _boot(world: World, files: Mapping[str, str], wanted: exchange_check.Wanted) -> tuple[str, list[str]]:
    """Where it was booted, and what was wrong there."""
    if root := image():
        try:
            with trial([root / "etc/asterisk", STATIC], files, str(root)) as one:
                return f"on this machine, from {root.name}", [
                    *one.complaints,
                    *exchange_live.read_back(one.ask, wanted),
                ]
        except TrialError as error:
            return "on this machine", [f"a throw-away Asterisk: {error}"]
    host = world.region.numbering.pbx
    try:
        found = told(world, host, ("validate", "-"), json.dumps(dict(files)))
    except OpsError as error:
        return f"{NOT_BOOTED}no image with Asterisk here, and {error}", []
    return f"beside the exchange, on {host}", list(found["faults"])


def told(
    world: World, host: str, words: tuple[str, ...], given: str | None = None, seconds: float = SECONDS
) -> dict[str, Any]:
    """What the program of role pbx answers on a host. HostFailedError when it can not."""
    world.need_servers()
    done = world.fleet.on(host).run([PROGRAM, *words], Ask(input=given, timeout=seconds))
    try:
        found: dict[str, Any] = json.loads(done.out.strip().splitlines()[-1])
    except (ValueError, IndexError):
        said = (done.err.strip() or done.out.strip() or "no output").splitlines()[-1]
        raise HostFailedError(host, said, f"ops provision --limit {host}") from None
    return found
