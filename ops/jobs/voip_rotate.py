"""New passwords for telephones, and no registration lost on the way.

The exchange learns the new ones first and goes on taking the old ones, then the telephones get their files and are told
to fetch them. `finish` makes the old ones nobody's. What is done twice after a crash is done once: the passwords and
the mark of their run are written together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ops.derive import pbx, phones
from ops.errors import OpsError, PartlyAppliedError, UsageError
from ops.inventory.model import Region
from ops.plan.change import Artifact, Change
from ops.plan.plan import build
from ops.runs.inside import Inside
from ops.runs.model import Args, Scope, Verdict, job, named
from ops.system.secrets import Secrets
from ops.targets import pbx_config, phone_file
from ops.targets.host_files import HostFiles
from ops.world import World

MARK = "voip/rotation"  # the name of a secret: which run was the last to make new ones


def _scope(world: World, args: Args) -> Scope:
    region = world.region
    hosts = {artifact.host for artifact in (*pbx.artifacts(region), *phones.artifacts(region))}
    opds = named(args, "opd") or tuple(opd.code for opd in region.opds if opd.phones)
    return Scope(opds, tuple(sorted(hosts)), ("apply", *(f"host:{host}" for host in sorted(hosts))))


@job(
    "voip-rotate",
    "new passwords for telephones; the old ones hold until it is finished",
    scope=_scope,
    takes=("opd", "finish"),
    timeout=1800.0,
    attempts=2,
    changes=True,
)
def VOIP_ROTATE(run: Inside) -> Verdict:
    opds = named(run.args, "opd")
    numbers = numbers_of(run.world.region, opds)
    change: Callable[[Secrets, Sequence[str], str], None] = forget_old if run.args.get("finish") else renew
    run.step("passwords", lambda: change(run.world.secrets, numbers, run.key("passwords")))
    result: dict[str, Any] = {"extensions": len(numbers), "finished": bool(run.args.get("finish"))}
    stages = (("exchange", pbx_config.TARGET, pbx.artifacts), ("telephones", phone_file.TARGET, phones.artifacts))
    for name, target, follows in stages:
        wanted = [one for one in follows(run.world.region) if one.kind == target.kind]
        failed = _apply(run, target, wanted, opds)
        result[name] = {"failed": failed}
        if failed:  # the old passwords hold: telephones that have no new file go on as before
            why = f"{name}: {failed[0]}"
            return Verdict(result, PartlyAppliedError(why, "mend it, then `ops plan` and `ops apply` do the rest"))
        for opd in opds or ("all",):
            run.subject("opd", opd, "changed", name)
    return Verdict(result)


def numbers_of(region: Region, opds: Sequence[str]) -> list[str]:
    """Extensions that a device registers for. UsageError for an unknown office."""
    known = {opd.code for opd in region.opds}
    if missing := sorted(set(opds) - known):
        raise UsageError(f"no office has the code {missing[0]!r}", f"known: {', '.join(sorted(known))}")
    chosen = [opd for opd in region.opds if not opds or opd.code in opds]
    found = [phone.number for opd in chosen for phone in pbx.telephones(opd.phones)]
    if not found:
        raise OpsError("no telephone there has a password")
    return found


def renew(secrets: Secrets, numbers: Sequence[str], key: str) -> None:
    """What holds now becomes the old one, and a new one takes its place; once for a key, however often it is asked."""
    mark = hashlib.sha256(key.encode()).hexdigest()[:32]
    if secrets.knows(MARK) and secrets.get(MARK) == mark:
        return
    values = {MARK: mark}
    for number in numbers:
        values[pbx.old_secret_of(number)] = secrets.get(pbx.secret_of(number))
        values[pbx.secret_of(number)] = Secrets.made()
    secrets.put_all(values)


def forget_old(secrets: Secrets, numbers: Sequence[str], _: str) -> None:
    """The old passwords become ones that nobody knows."""
    secrets.put_all({pbx.old_secret_of(number): Secrets.made() for number in numbers})


def _apply(run: Inside, target: HostFiles, wanted: list[Artifact], opds: Sequence[str]) -> list[str]:
    """Put the files that hold passwords in place; why it failed, by host."""
    world: World = run.world
    reading = target.read(world, wanted)
    plan = build(wanted, {target.kind: reading.contents}, reading.failed, opds)
    hosts = {artifact.host for artifact in wanted}
    unread = [f"{host}: {why}" for host, why in reading.failed.items() if host in hosts]
    if unread:
        return unread
    changes: list[Change] = [one for one in plan.changes if one.after is not None and _holds_password(one)]
    return [result.error for result in target.applier.apply(world, changes, run.progress) if result.error]


def _holds_password(change: Change) -> bool:
    return "{{ha1:" in (change.after or "") or "{{secret:" in (change.after or "")
