"""Three keys per repository: the source host's, the drills', and one in escrow. The ledger knows every one of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backup import escrow, keycheck, layout, places
from backup.keycheck import DRILL, ESCROW, HOST
from backup.layout import Item
from backup.places import Places
from backup.restic import Restic, Secret
from backup.trouble import ResticError
from ops.errors import DrillFailedError, OpsError
from ops.system.secrets import Secrets

REGION = "_region"  # what a ledger's line is of that belongs to no single set


@dataclass(frozen=True, slots=True)
class Opened:
    """What an escrow drill showed of one repository. `fewer`: what one share less was answered with."""

    set: str
    key: str
    snapshots: int
    holders: tuple[str, ...]
    fewer: str


def note(spots: Places, item: Item, key: str, role: str, **more: Any) -> None:
    """Register one key: from now on it is no stranger's."""
    line = {"event": "key", "of": item.key, "key": key, "role": role, "at": time.time(), "by": places.who()}
    spots.ledger.append({**line, **more})


def register(spots: Places, item: Item, secrets: Secrets) -> list[str]:
    """Give a set's repository the keys that it lacks; the roles that were added. Nothing before its first backup."""
    ledger = spots.ledger.read()
    own = keycheck.newest(ledger, item.key, HOST)
    if not own:
        return []
    restic, added = spots.source(item, own), []
    if not keycheck.newest(ledger, item.key, DRILL):
        secret = Secret(secrets.get(layout.drill_secret(item.opd.code, item.set.name)))
        note(spots, item, restic.add_key(secret, DRILL), DRILL)
        added.append(DRILL)
    made = newest_escrow(ledger)
    if made and sealed(ledger, item.key, made["public"]) is None:
        secret = Secret(escrow.password())
        box = escrow.seal(made["public"], secret.value)
        note(spots, item, restic.add_key(secret, ESCROW), ESCROW, sealed=box)
        added.append(ESCROW)
    return added


def begin_escrow(spots: Places, holders: Sequence[str], threshold: int) -> tuple[str, list[escrow.Share]]:
    """Make an escrow and note its public half; the shares are handed out by the caller and kept nowhere."""
    public, shares = escrow.make(holders, threshold)
    line = {"event": "escrow", "of": REGION, "public": public, "threshold": threshold, "holders": list(holders)}
    spots.ledger.append({**line, "at": time.time(), "by": places.who()})
    return public, shares


def newest_escrow(ledger: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    found = [line for line in ledger if line["event"] == "escrow"]
    return found[-1] if found else None


def sealed(ledger: Sequence[Mapping[str, Any]], of: str, public: str) -> Mapping[str, Any] | None:
    """The line of a set's key in that escrow."""
    found = [line for line in ledger if line["event"] == "key" and line["of"] == of and line.get("role") == ESCROW]
    return next((line for line in reversed(found) if line["sealed"]["to"] == public), None)


def open_test(spots: Places, item: Item, words: Mapping[str, str]) -> Opened:
    """Open a set's repository with shares alone. `words`: holder (or file) → share.

    DrillFailedError when it does not open, or when one share less would have sufficed. The ledger keeps the result.
    """
    ledger = spots.ledger.read()
    made = newest_escrow(ledger)
    line = made and sealed(ledger, item.key, made["public"])
    if not made or not line:
        raise OpsError(f"{item.key} has no key in escrow", "ops backup escrow make; ops backup keys register")
    try:
        password = escrow.unseal(escrow.recover(list(words.values())), line["sealed"])
        restic = _with(spots.view(item, ""), password, line["key"])
        there = len(restic.snapshots())
    except (OpsError, ResticError) as error:
        _tested(spots, item, words, error.what)
        raise DrillFailedError(f"{item.key} was not opened by {len(words)} shares: {error.what}") from None
    try:
        fewer = _refused(list(words.values())[: made["threshold"] - 1])
    except DrillFailedError as error:
        _tested(spots, item, words, error.what)
        raise
    _tested(spots, item, words, "")
    return Opened(item.key, line["key"], there, tuple(words), fewer)


def check(spots: Places, known: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(set → unknown key ids, set → registered ones that are gone), of the declared sets that have a repository.

    What was found is kept for the metrics.
    """
    there: dict[str, list[str]] = {}
    for path in spots.key_files().splitlines():
        *_, of, _folder, name = path.split("/")
        if of in known:
            there.setdefault(of, []).append(name)
    ledger = spots.ledger.read()
    unknown = keycheck.unknown(there, ledger)
    keycheck.save(spots.state, unknown)
    return unknown, keycheck.missing(there, ledger)


def _with(restic: Restic, password: str, key: str) -> Restic:
    return Restic(restic.where, replace(restic.repository, password=Secret(password), key_hint=key), restic.program)


def _refused(words: Sequence[str]) -> str:
    """What too few shares are answered with. DrillFailedError when they open anything."""
    try:
        escrow.recover(words)
    except OpsError as error:
        return error.what
    raise DrillFailedError(f"{len(words)} shares sufficed: the escrow is weaker than declared")


def _tested(spots: Places, item: Item, words: Mapping[str, str], failure: str) -> None:
    line = {"event": "escrow-test", "of": item.key, "shares": sorted(words), "failure": failure}
    spots.ledger.append({**line, "at": time.time(), "by": places.who()})
