"""One backup by the source host itself (a systemd timer): look, read, back up, sign, leave the manifest at the vault.

The host proves nothing to itself: its signed manifest goes through the append-only door, and the station enters it in
its ledger (`ops backup collect`) with the time at which the vault received it.
"""

# ruff: noqa: PTH105, PTH108, PTH112, PTH123 # names on hosts need not be text
from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any

from backup.hostside import (
    mariadb_backup,
    mariadb_physical,
    memory,
    pg_backup,
    pg_physical,
    programs,
    restic_call,
    set_files,
    sqlite,
)

SETS, STATE = "/etc/kominfo/backup", "/var/lib/kominfo-backup"
REST_PASSWORD, CA = "/etc/kominfo/keys/vault.password", "/etc/kominfo/keys/vault.pem"
SIGNING_KEY = "/etc/kominfo/keys/backup-sign.pem"
LOCK = "/run/kominfo-backup.lock"  # sets of one host take turns
PROMETHEUS = "/var/lib/prometheus/node-exporter"  # node_exporter's folder for such files, where it has one
LONG, QUICK = 6 * 3600.0, 60.0  # seconds
NO_REPOSITORY, LOCKED, INCOMPLETE = 10, 11, 3  # restic's exit codes
_ENDINGS = {"postgresql": ".dump", "postgresql-physical": ".tar", "mariadb": ".sql", "mariadb-physical": ".xb"}
FILE, TAG = "/manifest.json", "manifest"  # as backup/manifest.py


class NoBackupError(Exception):
    """There is no backup that may be counted; the text says why."""


def main(argv: list[str]) -> int:
    """`kominfo-backup OPD.SET`: 0 when the backup may be counted."""
    key, programs.QUIET = argv[1], True
    with open(LOCK, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = described(key)
        result = attempt(told)
    memory.save(f"{STATE}/{key}.result.json", result)
    _metrics(key, told["opd"], result)
    print(f"{key}: {result['error'] or result['snapshot']}")
    return 0 if not result["error"] else 1


def described(key: str) -> dict[str, Any]:
    """The set's file, as `ops apply` placed it, with what every set of the host has."""
    path = f"{SETS}/{key}.json"
    with open(path, encoding="utf-8") as text:
        told = json.load(text)
    repository = {
        "url": told["repository"],
        "password": {"file": path, "key": "password"},
        "user": told["user"],
        "user_password": {"file": REST_PASSWORD},
        "ca": CA,
        "limits": told.get("limits", []),
        "timezone": told.get("timezone", "UTC"),
    }
    return {**told, "key": key, "spec": repository, "signing_key": SIGNING_KEY, "state": STATE, "program": "restic"}


def attempt(told: Mapping[str, Any]) -> dict[str, Any]:
    """One run; its result, whatever came of it. Times are epoch seconds, sizes bytes."""
    begun = time.time()
    result: dict[str, Any] = {"at": begun, "error": "", "snapshot": "", "bytes": 0, "added": 0, "figures": {}}
    try:
        result |= _run(told, begun)
    except (NoBackupError, OSError, RuntimeError) as error:
        result["error"] = str(error) or type(error).__name__
    return {**result, "seconds": round(time.time() - begun, 3)}


def _run(told: Mapping[str, Any], begun: float) -> dict[str, Any]:
    state = memory.load(_state(told))
    key = _key(told, state)
    mark = f"run-{secrets.token_hex(8)}"
    # Written ahead: what an interrupted run leaves at the vault is told by the next manifest as this host's own.
    pending = [*state.get("pending", []), mark]
    memory.save(_state(told), {**state, "key": key, "pending": pending})
    call = _call(told, _words(told, mark, []), key)
    if state.get("pending"):  # its restic may have been killed: the lock that it left would make drills red
        restic_call.unlock(**{**call, "words": _hint(call), "timeout": QUICK})
    taken = _take(told, call)
    done = taken["done"]
    summary = _summary(done)
    if done["code"] == INCOMPLETE or not summary.get("snapshot_id"):
        raise NoBackupError(f"the snapshot is not complete: {_said(done)}")
    made = _manifest(told, taken, summary, begun)
    sizes = {"bytes": _bytes(summary), "added": _new(summary)}
    made["run"] = {"mark": mark, "unfinished": pending[:-1], "key": key, **sizes}
    kept = _leave(told, made, key, mark)
    memory.save(_state(told), {"key": key, "pending": [], "exists": True})
    return {**sizes, "snapshot": made["snapshot"], "figures": made["figures"], "added": sizes["added"] + _new(kept)}


def _key(told: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    """Id of this host's key. A repository is made when there never was one; one that is gone is an alarm."""
    if known := str(state.get("key", "")):
        return known
    listed = _ask(told, ["key", "list", "--no-lock"], "")
    if listed["code"] == NO_REPOSITORY and not state.get("exists"):
        _must(_ask(told, ["init"], ""))
        listed = _ask(told, ["key", "list", "--no-lock"], "")
    return next(str(one["id"]) for one in json.loads(_must(listed)["out"]) if one["current"])


def _take(told: Mapping[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """{content, done, figures, canaries, unstable, path} of the set's kind. The lock of a dead restic of ours goes."""
    taken = _source(told, call)
    if taken["done"]["code"] == LOCKED and restic_call.unlock(**{**call, "words": _hint(call), "timeout": QUICK}):
        taken = _source(told, call)
    _must(taken["done"])
    return taken


def _source(told: Mapping[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    source, remembered = told["source"], f"{told['state']}/{told['key']}.last.json"
    if told["kind"] == "files":
        about = {"root": source, "key": told["key"], "remembered": remembered, "is_mount": bool(told.get("mount"))}
        taken = set_files.take(**about, call=call)
        if not taken["content"]:
            raise NoBackupError(f"{source} is empty: is the share mounted?")
        return {**taken, "path": source}
    name = f"/{source.rpartition('/')[2]}{_ENDINGS.get(told['kind'], '')}"
    call = {**call, "words": [*call["words"], "--stdin-filename", name]}
    taken = _database(told, {"call": call, "remembered": remembered})
    return {**taken, "content": taken.pop("facts"), "canaries": {}, "unstable": [], "path": name}


def _database(told: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """{facts, done, figures} of a set that is one file in its snapshot."""
    kind, source = told["kind"], told["source"]
    if kind == "sqlite":
        return sqlite.backup(database=source, **given)
    given = {**given, "where": [], "timezone": told.get("timezone", "UTC")}
    if kind == "postgresql":
        return pg_backup.backup(database=source, run_as="postgres", **given)
    if kind == "postgresql-physical":
        return pg_physical.backup(cluster=source, run_as="postgres", **given)
    if kind == "mariadb":
        return mariadb_backup.backup(database=source, **given)
    if kind == "mariadb-physical":
        return mariadb_physical.backup(**given)
    raise NoBackupError(f"{kind}: this host's program knows no such kind of set; run `ops provision`")


def _manifest(told: Mapping[str, Any], taken: Mapping[str, Any], summary: Any, begun: float) -> dict[str, Any]:
    """As backup/manifest.py reads it."""
    made = {name: told[name] for name in ("opd", "set", "kind", "source")} | {"server": told["user"], "taken": begun}
    made |= {name: taken[name] for name in ("content", "path", "unstable", "canaries", "figures")}
    return {**made, "snapshot": summary["snapshot_id"]}


def _leave(told: Mapping[str, Any], made: Mapping[str, Any], key: str, mark: str) -> dict[str, Any]:
    """Back the signed manifest up as a snapshot of its own; restic's summary."""
    text = json.dumps(made, sort_keys=True, separators=(",", ":"))
    sealed = json.dumps({"manifest": text, "signature": _signed(told, text), "by": told["user"]}) + "\n"
    words = _words(told, mark, [TAG, f"of-{made['snapshot'][:16]}"])
    call = _call(told, [*words, "--stdin", "--stdin-filename", FILE], key)
    return _summary(_must(restic_call.restic(**{**call, "given": sealed})))


def _signed(told: Mapping[str, Any], text: str) -> str:
    """Ed25519 by openssl(1), which wants a file: in the root-only state folder, gone afterwards."""
    name, out = (f"{told['state']}/{told['key']}.{end}" for end in ("signing", "signature"))
    memory_words = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", told["signing_key"], "-in", name, "-out", out]
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogateescape") as written:
            written.write(text)
        done = programs.run(memory_words, timeout=QUICK)
        if done["code"]:
            raise NoBackupError(f"the manifest could not be signed: {done['err'].strip()[-200:]}")
        with open(out, "rb") as signature:
            return base64.b64encode(signature.read()).decode()
    finally:
        for path in (name, out):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _words(told: Mapping[str, Any], mark: str, tags: list[str]) -> list[str]:
    words = [word for tag in (told["key"], *tags, mark) for word in ("--tag", tag)]
    return ["backup", "--host", told["user"], *words]


def _call(told: Mapping[str, Any], words: list[str], key: str) -> dict[str, Any]:
    hint = ["--key-hint", key] if key else []
    return {"program": told["program"], "words": [*hint, *words], "repository": told["spec"], "timeout": LONG}


def _hint(call: Mapping[str, Any]) -> list[str]:
    return list(call["words"][:2]) if call["words"][:1] == ["--key-hint"] else []


def _ask(told: Mapping[str, Any], words: list[str], key: str) -> dict[str, Any]:
    return restic_call.restic(**{**_call(told, words, key), "timeout": QUICK})


def _must(done: dict[str, Any]) -> dict[str, Any]:
    """NoBackupError for every code but 0 and «saved, not complete», which the caller tells apart."""
    if done.get("unreachable"):
        raise NoBackupError(f"the vault does not answer: {done['unreachable']}")
    if done["code"] not in (0, INCOMPLETE):
        raise NoBackupError(_said(done))
    return done


def _said(done: Mapping[str, Any]) -> str:
    """restic's last words, without Go's stack."""
    for line in reversed(str(done["err"]).splitlines()):
        with contextlib.suppress(ValueError, AttributeError):
            return f"restic: exit {done['code']}: {str(json.loads(line)['message']).splitlines()[0][:200]}"
        if line.startswith("Fatal:"):
            return f"restic: exit {done['code']}: {line[:200]}"
    return f"restic: exit {done['code']}"


def _summary(done: Mapping[str, Any]) -> dict[str, Any]:
    for line in reversed(str(done["out"]).splitlines()):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if found.get("message_type") == "summary":
                return dict(found)
    return {}


def _bytes(summary: Mapping[str, Any]) -> int:
    return int(summary.get("total_bytes_processed", 0))


def _new(summary: Mapping[str, Any]) -> int:
    return int(summary.get("data_added_packed", summary.get("data_added", 0)))


def _state(told: Mapping[str, Any]) -> str:
    return f"{told['state']}/{told['key']}.state.json"


def _metrics(key: str, opd: str, result: Mapping[str, Any]) -> None:
    """For the host's own node_exporter: the alarm on age needs no station."""
    if not os.path.isdir(PROMETHEUS):
        return
    labels = f'{{service="{key}",opd="{opd}"}}'
    lines = [f"opd_backup_host_last_run_ok{labels} {int(not result['error'])}"]
    lines.append(f"opd_backup_host_last_run_timestamp_seconds{labels} {result['at']}")
    path = f"{PROMETHEUS}/kominfo-backup-{key}.prom"
    with open(f"{path}.new", "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    os.replace(f"{path}.new", path)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
