"""Does an office's line carry its contract? A short test by iperf3 each way; it is off until it has a budget of bytes.

At the regency a machine of the office runs `iperf3 --server`; its address is the argument `server`, by default host 50
of the LAN. In a twin the server is started there for the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ops.errors import OpsError, PartlyAppliedError, RefusedError, UsageError
from ops.inventory.model import Link, Opd
from ops.jobs.throughput_budget import FOLDER, Budget, need_quiet, size
from ops.progress import Event, Progress, State
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job, named
from ops.system import iperf, netns
from ops.world import World

STEP = "throughput"
HOST = 50  # of the LAN: where a twin's LAN has its one host
SECONDS, MOST_SECONDS = 5, 30
OVER = 1.1  # of the contract is tried: more could not tell more
STARTING = 15.0  # seconds that a server in a twin may take to listen


def _scope(world: World, args: Args) -> Scope:
    """One test at a time: two would share the upstream and each see half of it."""
    return Scope(tuple(sorted(one.code for one in _offices(world, args))), (), (STEP,))


@job(
    "throughput",
    "measure by iperf3 whether offices' lines carry their contracts, within a budget of bytes",
    scope=_scope,
    takes=("opd", "server", "seconds", "budget", "hours"),
    timeout=3600.0,
)
def THROUGHPUT(run: Inside) -> Verdict:
    found: list[dict[str, Any]] = []
    failed: list[str] = []
    for opd in _offices(run.world, run.args):
        try:
            found.append(run.step(f"test {opd.code}", partial(test, run.world, opd, run.args, run.progress)))
            run.subject("opd", opd.code, "ok")
        except OpsError as error:
            failed.append(f"{opd.code}: {error.what}")
            run.subject("opd", opd.code, "failed", error.what)
            run.progress(Event(STEP, opd.code, State.FAILED, error.what))
            if isinstance(error, RefusedError | UsageError) and not found:
                raise  # it would be refused for the others too
    missing = PartlyAppliedError(f"not measured: {'; '.join(failed)}", "mend that, then try again") if failed else None
    return Verdict({"offices": found}, missing)


def test(world: World, opd: Opd, args: Args, progress: Progress) -> dict[str, Any]:
    """Both ways through the office's first link, one after the other. RefusedError when it is not the time for it, or
    its bytes are not left; HostFailedError when the office's server does not answer.
    """
    now = datetime.now(ZoneInfo(world.region.timezone))
    if args.get("hours", "") != "any" and not world.rehearsal:
        need_quiet(now)
    budget = Budget(world.state, opd.code, size(str(args.get("budget", "0"))), now)
    if not budget.allowed:
        raise RefusedError("throughput tests are off: they have no budget", "give them one: budget=200M (a month)")
    link, seconds = opd.links[0], _seconds(args)
    tests = [_test(link, args, seconds, back=back) for back in (False, True)]
    most = sum(one.most_bytes for one in tests)
    budget.take(most)
    down, up = (_measure(world, opd, one) for one in tests)
    budget.give_back(most - down.bytes - up.bytes)
    progress(Event(STEP, opd.code, State.OK, f"{_mega(down)} down, {_mega(up)} up"))
    found = {
        "opd": opd.code,
        "at": now.timestamp(),
        "download_bps": round(down.bits_per_second),
        "upload_bps": round(up.bits_per_second),
        "contract_download_bps": link.contract.download,
        "contract_upload_bps": link.contract.upload,
        "bytes": down.bytes + up.bytes,
        "retransmits": down.retransmits + up.retransmits,
        "budget_left_bytes": max(0, budget.allowed - budget.used),
    }
    keep(world.state, found)
    return found


def keep(state: Path, found: Mapping[str, Any]) -> None:
    """Leave an office's last result to the exporter, in `<state>/throughput/results`. OpsError: it cannot be."""
    folder = state / FOLDER / "results"
    fresh = folder / f".{found['opd']}.new"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(found) + "\n", encoding="utf-8")
        fresh.replace(folder / f"{found['opd']}.json")
    except OSError as error:
        raise OpsError(f"{folder}: the result can not be kept: {error.strerror}") from None


def _test(link: Link, args: Args, seconds: int, *, back: bool) -> iperf.Test:
    """`back`: from the office to us, its upload."""
    contract = link.contract.upload if back else link.contract.download
    server = str(args.get("server") or link.lan.network_address + HOST)
    return iperf.Test(server, int(contract * OVER), seconds, back)


def _measure(world: World, opd: Opd, one: iperf.Test) -> iperf.Carried:
    if not world.station:
        return iperf.measure(one)
    space = f"{world.station.rpartition('.')[0]}.{opd.code}.lan"
    there = (netns.RUN / space).exists()
    with iperf.server(space, one.server, one.seconds + 2 * STARTING) if there else nullcontext():
        return iperf.measure(one, STARTING)


def _offices(world: World, args: Args) -> list[Opd]:
    """Those that are named, or all that have a link. UsageError for one that is not declared, or has none."""
    codes = set(named(args, "opd"))
    found = [opd for opd in world.region.opds if opd.links and (not codes or opd.code in codes)]
    if missing := sorted(codes - {opd.code for opd in found}):
        raise UsageError(f"no office {missing[0]!r} with a link", "ops check lists the offices' files")
    if args.get("server") and len(found) != 1:
        raise UsageError("`server` is the address in one office", "name the office: opd=CODE")
    return found


def _seconds(args: Args) -> int:
    said = str(args.get("seconds", SECONDS))
    if not said.isdigit() or not 1 <= int(said) <= MOST_SECONDS:
        raise UsageError(f"seconds {said!r}", f"a number from 1 to {MOST_SECONDS}")
    return int(said)


def _mega(carried: iperf.Carried) -> str:
    return f"{carried.bits_per_second / 1e6:.1f} Mbit/s"
