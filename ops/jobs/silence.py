"""Acknowledge an alert, or announce maintenance: a silence in Alertmanager, made by a job so that it is in the history.

A silence hides nothing from pages and metrics; it only keeps notices back, for a time that ends by itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ops.errors import OpsError, UsageError
from ops.progress import Event, State
from ops.runs import notify
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job
from ops.system import http
from ops.world import World

LABELS = ("alertname", "opd", "device", "segment")
LONGEST_MINUTES = 14 * 24 * 60
STEP = "silence"


def _scope(world: World, args: Args) -> Scope:
    matched(world, args)  # refused when it is asked for, not when a worker comes to it
    opd = str(args.get("opd", ""))
    return Scope((opd,) if opd else (), (), ("silences",))


@job(
    "silence",
    "keep notices of an alert or an office back for a time: acknowledged, or maintenance",
    scope=_scope,
    takes=(*LABELS, "minutes"),
    timeout=60.0,
    attempts=3,
    priority=1,
)
def SILENCE(run: Inside) -> Verdict:
    url = notify.address(run.world.region)
    if url is None:
        raise OpsError("no Alertmanager is declared", "put a server into the group monitoring in hosts.yml")
    found = run.step("silence", lambda: silence(url, run.world, run.args, (run.id, run.who, run.reason)))
    run.progress(Event(STEP, found["about"], State.CHANGED, f"until {found['until']}"))
    return Verdict(found)


def silence(url: str, world: World, args: Args, asked: tuple[str, str, str]) -> dict[str, Any]:
    """Make it, unless this run has made it already. `asked`: the run, who, and why. HostFailedError: not reached."""
    run, who, reason = asked
    matchers, minutes = matched(world, args), _minutes(args)
    comment = f"{reason or '-'} [{run}]"
    begin = time.time()
    wanted = {
        "matchers": [
            {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in matchers.items()
        ],
        "startsAt": _iso(begin),
        "endsAt": _iso(begin + 60 * minutes),
        "createdBy": who,
        "comment": comment,
    }
    there = [one for one in http.get_json(f"{url}/api/v2/silences") if one["comment"] == comment]
    if not there:
        http.post_json(f"{url}/api/v2/silences", wanted)
        there = [one for one in http.get_json(f"{url}/api/v2/silences") if one["comment"] == comment]
    about = ", ".join(f"{name}={value}" for name, value in matchers.items())
    return {"silence": there[0]["id"], "until": there[0]["endsAt"], "about": about}


def matched(world: World, args: Args) -> Mapping[str, str]:
    """Which alerts. UsageError for none at all, an unknown office, and the alert that proves that alerts arrive."""
    found = {name: str(args[name]).strip() for name in LABELS if str(args.get(name, "")).strip()}
    _minutes(args)
    if not found:
        raise UsageError("a silence of everything is not made", "name an alert or an office")
    if found.get("alertname") == "Watchdog":
        raise UsageError("Watchdog is never silenced", "it proves that alerts arrive")
    known = {opd.code for opd in world.region.opds}
    if "opd" in found and found["opd"] not in known:
        raise UsageError(f"no office has the code {found['opd']!r}", "`ops check` names them")
    return found


def _minutes(args: Args) -> int:
    text = str(args.get("minutes", "240"))
    if not text.isdecimal() or not 0 < int(text) <= LONGEST_MINUTES:
        raise UsageError(f"{text!r} is no time for a silence", f"write 1 to {LONGEST_MINUTES} minutes")
    return int(text)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
