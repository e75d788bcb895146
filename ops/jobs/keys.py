"""Keys of the repositories and the escrow, for `ops backup keys` and `ops backup escrow`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backup import collect as collecting
from backup import escrow, keycheck, keys, layout, manifest, places
from backup.layout import Item
from backup.trouble import ResticError, Trouble
from ops.errors import OpsError, RefusedError, UsageError
from ops.progress import Event, Progress, State
from ops.system.process import Ask
from ops.world import World


@dataclass(frozen=True)
class Key:
    """One registered key. `escrow`: which escrow holds it, by the beginning of its public half."""

    set: str
    role: str
    id: str
    escrow: str = ""


def listed(world: World) -> list[Key]:
    """Every key that the ledger registered, by set."""
    lines = [line for line in places.of(world).ledger.read() if line["event"] == "key"]
    found = [
        Key(line["of"], line.get("role", keycheck.HOST), line["key"], line.get("sealed", {}).get("to", "")[:16])
        for line in lines
    ]
    return sorted(found, key=lambda key: (key.set, key.role))


def register(world: World, sets: Sequence[Item], progress: Progress) -> dict[str, list[str]]:
    """Give repositories the drill's and the escrow's key where they lack; set → roles added. One failure stops none."""
    spots, done, failed = places.of(world), {}, []
    for item in sets:
        try:
            done[item.key] = keys.register(spots, item, world.secrets)
        except OpsError as error:
            failed.append(item.key)
            progress(Event("keys", item.key, State.FAILED, world.secrets.scrub(error.what)))
        else:
            if done[item.key]:
                progress(Event("keys", item.key, State.CHANGED, f"added: {', '.join(done[item.key])}"))
    if failed:
        raise OpsError(f"keys of {', '.join(failed)} were not added", "once their repositories answer: run it again")
    return done


def register_signers(world: World, sets: Sequence[Item], *, again: bool = False) -> dict[str, str]:
    """Note the keys by which source hosts sign; server → mark. A host that was never provisioned has none."""
    spots, found = places.of(world), {}
    for server in sorted({item.set.server for item in sets}) if not world.loopback else ():
        if spots.host and spots.host(server).run(["test", "-s", collecting.PUBLIC_KEY], Ask(timeout=30)).ok:
            found[server] = collecting.register_signer(spots, server, again=again)
    return found


def collect(world: World, sets: Sequence[Item], progress: Progress) -> list[collecting.Collected]:
    """Count what hosts backed up by themselves. One never backed up is passed over, a failure stops none."""
    spots, found = places.of(world), []
    register_signers(world, sets)
    for item in sets:
        try:
            found.append(collecting.collect(spots, item))
        except ResticError as error:
            if error.trouble is not Trouble.NO_REPOSITORY:
                why = world.secrets.scrub(error.what)
                found.append(collecting.Collected(item.key, 0, (why,)))
                progress(Event("collect", item.key, State.FAILED, why))
            continue
        if found[-1].counted:
            progress(Event("collect", item.key, State.CHANGED, f"{found[-1].counted} backups counted"))
    return found


def check(world: World) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(set → unknown key ids, set → registered ones that are gone)."""
    return keys.check(places.of(world), [item.key for item in layout.items(world.region)])


def look_for_strangers(world: World, progress: Progress) -> None:
    """Compare keys as a backup's last act, so that the metric is never old. A vault that is away is told elsewhere."""
    try:
        unknown, gone = check(world)
    except OpsError as error:
        progress(Event("keys", "vault", State.FAILED, f"not compared: {world.secrets.scrub(error.what)}"))
        return
    for of, ids in unknown.items():
        if ids:
            progress(Event("keys", of, State.FAILED, f"unknown key {ids[0][:16]}: ops backup keys check"))
    for of, ids in gone.items():
        progress(Event("keys", of, State.FAILED, f"registered key {ids[0][:16]} is gone: ops backup keys check"))


def make_escrow(world: World, folder: Path, *, again: bool) -> tuple[str, list[Path]]:
    """Write one sheet per declared holder into a new folder; (public half, sheets). Nothing else keeps a share.

    RefusedError where there is an escrow already: its sheets would be of no use for new keys.
    """
    declared, spots = world.region.recovery.escrow, places.of(world)
    if declared is None:
        raise UsageError("drc.yml declares no escrow", "escrow: {holders: [five names], threshold: 3}")
    before = keys.newest_escrow(spots.ledger.read())
    if before and not again:
        raise RefusedError(f"escrow {before['public'][:16]} exists", "--again makes another; the old sheets stay valid")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "name a new folder, best on a medium that leaves the house")
    public, shares = keys.begin_escrow(spots, declared.holders, declared.threshold)
    sheets = []
    for number, share in enumerate(shares, 1):
        others = [name for name in declared.holders if name != share.holder]
        path = folder / f"share-{number}.txt"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(share.text(public, declared.threshold, others))
        sheets.append(path)
    return public, sheets


def open_test(world: World, item: Item, sheets: Sequence[Path]) -> keys.Opened:
    """The escrow drill of one set: see `keys.open_test`."""
    words: Mapping[str, str] = {path.name: escrow.words_of(_text(path), str(path)) for path in sheets}
    return keys.open_test(places.of(world), item, words)


def lists(world: World, item: Item, folder: Path) -> tuple[Path, Path]:
    """The newest manifest as two lists that `ops drill verify` reads: (--expect, --canaries)."""
    spots = places.of(world)
    counted = [line for line in spots.ledger.read() if line["event"] == "backup" and line["of"] == item.key]
    if not counted:
        raise OpsError(f"{item.key} was never backed up", "ops backup run")
    restic = spots.view(item, places.key_of(spots, item))
    text = restic.dump(counted[-1]["manifest_snapshot"], manifest.FILE)
    if manifest.digest(text) != counted[-1]["manifest_sha256"]:
        raise OpsError(f"{item.key}: the manifest is not the one of the ledger", "keep the vault as it is")
    made, _ = manifest.opened(text, spots.public_pem(counted[-1]))
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{item.key}.manifest", folder / f"{item.key}.canaries"
    for path, content in zip(written, (manifest.expected(made), manifest.canary_list(made)), strict=True):
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return written


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name the file with a holder's sheet") from None
