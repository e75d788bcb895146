"""New passwords for telephones, and no registration lost on the way.

The exchange learns the new ones first and goes on taking the old ones, then the telephones get their files and are told
to fetch them. `finish` makes the old ones nobody's, of those telephones that have fetched their file since; the others
are named and keep both. A softphone fetches nothing by itself: it is left alone unless it is named.

What is done twice after a crash is done once: the passwords and the mark of their run are written together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ops.derive import pbx, phones
from ops.errors import OpsError, PartlyAppliedError, RefusedError, UsageError
from ops.inventory.model import Region
from ops.jobs.voip_fetched import fetched
from ops.plan.change import Artifact, Change
from ops.plan.plan import build
from ops.progress import Event, State
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
    takes=("opd", "number", "finish", "force"),
    timeout=1800.0,
    attempts=2,
    changes=True,
)
def VOIP_ROTATE(run: Inside) -> Verdict:
    opds, finish = named(run.args, "opd"), bool(run.args.get("finish"))
    chosen = numbers_of(run.world.region, opds, named(run.args, "number"))
    result: dict[str, Any] = {"finished": finish, "softphones": softphones_left(run, opds)}
    numbers = run.step("ready", lambda: _ready(run, chosen)) if finish else chosen
    result |= {"extensions": len(numbers), "waiting": sorted({*chosen} - {*numbers})}
    change: Callable[[Secrets, Sequence[str], str], None] = forget_old if finish else renew
    run.step("passwords", lambda: change(run.world.secrets, numbers, run.key("passwords")))
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


def softphones_left(run: Inside, opds: Sequence[str]) -> list[str]:
    """Softphones that keep their passwords, for nobody named them."""
    asked = named(run.args, "number")
    chosen = [opd for opd in run.world.region.opds if not opds or opd.code in opds]
    found = [one.number for opd in chosen for one in pbx.telephones(opd.phones) if one.place == "softphone"]
    return [] if asked else found


def _ready(run: Inside, numbers: Sequence[str]) -> list[str]:
    """Of these, whose old passwords may end: rotated and not finished yet, and fetched since, or `force`."""
    left = [number for number in numbers if not _settled(run.world.secrets, number)]
    have = {*left} if run.args.get("force") else fetched(run.world)
    for number in sorted({*left} - have):
        run.progress(Event("finish", number, State.FAILED, "has not fetched its new file: both passwords hold"))
    return [number for number in left if number in have]


def numbers_of(region: Region, opds: Sequence[str], asked: Sequence[str] = ()) -> list[str]:
    """Extensions that a device registers for; softphones only where they are `asked` for by number. UsageError for an
    unknown office or number."""
    known = {opd.code for opd in region.opds}
    if missing := sorted(set(opds) - known):
        raise UsageError(f"no office has the code {missing[0]!r}", f"known: {', '.join(sorted(known))}")
    chosen = [opd for opd in region.opds if not opds or opd.code in opds]
    all_ = [phone for opd in chosen for phone in pbx.telephones(opd.phones)]
    if strange := sorted({*asked} - {phone.number for phone in all_}):
        raise UsageError(f"{strange[0]} is no telephone there")
    found = [phone.number for phone in all_ if phone.number in asked or not (asked or phone.place == "softphone")]
    if not found:
        raise OpsError("no telephone there has a password")
    return found


def renew(secrets: Secrets, numbers: Sequence[str], key: str) -> None:
    """What holds now becomes the old one, and a new one takes its place; once for a key, however often it is asked."""
    mark = hashlib.sha256(key.encode()).hexdigest()[:32]
    if secrets.knows(MARK) and secrets.get(MARK) == mark:
        return
    if going := [number for number in numbers if _open(secrets, number)]:
        what = f"the passwords before of {len(going)} telephones hold still, {going[0]} the first: they would end"
        raise RefusedError(what, "ops voip rotate --finish, then again")
    values = {MARK: mark}
    for number in numbers:
        values[pbx.old_secret_of(number)] = secrets.get(pbx.secret_of(number))
        values[pbx.secret_of(number)] = Secrets.made()
        values[_mark(number)] = _going(values[pbx.secret_of(number)])
    secrets.put_all(values)


def forget_old(secrets: Secrets, numbers: Sequence[str], _: str) -> None:
    """The old passwords become ones that nobody knows."""
    names = [name for number in numbers for name in (pbx.old_secret_of(number), _mark(number))]
    secrets.put_all({name: Secrets.made() for name in names})


def _mark(number: str) -> str:
    """A secret's name: while a number's rotation goes on it holds the digest of its new password."""
    return f"voip/{number}.rotation"


def _going(password: str) -> str:
    return hashlib.sha256(f"rotation {password}".encode()).hexdigest()[:32]


def _open(secrets: Secrets, number: str) -> bool:
    return secrets.knows(_mark(number)) and not _settled(secrets, number)


def _settled(secrets: Secrets, number: str) -> bool:
    """Nothing is left to finish. Where nobody knows, there may be."""
    return secrets.knows(_mark(number)) and secrets.get(_mark(number)) != _going(secrets.get(pbx.secret_of(number)))


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
