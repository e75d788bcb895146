"""Every drill check passes on what is good and fails on every damage that is planted."""

# ruff: noqa: E501 # a table reads best with one damage a line
from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from backup.checks.contract import Difference, Found, Point, checks
from backup.manifest import Manifest
from backup.restic import Snapshot

FILE = {"kind": "file", "size": 3, "sha256": "aa", "mode": "0644", "owner": "0:0", "mtime_ns": 5}
LINK = {"kind": "link", "target": "a b", "mode": "0777", "owner": "0:0", "mtime_ns": 5}
TREE = {"a b": FILE, "ü/\nx": {**FILE, "mode": "0755"}, "l": LINK}
TABLE = {"rows": 5, "sum": "1:2"}
DATABASE = {
    "tables": {"public.a": TABLE, "public.b": {"rows": 0, "sum": "0:0"}},
    "objects": {"index public.i": "x", "sequence public.s": "7"},
}
SQLITE = {**DATABASE, "sha256": "cc", "integrity": ["ok"], "orphans": "0"}
COPY = {**DATABASE, "system": "77", "broken": []}
SERVERS = {"postgresql": DATABASE, "postgresql-physical": COPY, "mariadb": DATABASE, "mariadb-physical": COPY}
CONTENTS = {"files": TREE, "sqlite": SQLITE, **SERVERS}
CANARIES = {"a b": "aa"}
NOW = 1_790_000_000.0  # after the snapshots below


def snapshot(name: str) -> Snapshot:
    return Snapshot(name * 4, "2026-01-01T00:00:00Z", "dc-app", ("dinkes.x",), ("/srv",), 100)


def good(kind: str) -> Found:
    content = CONTENTS[kind]
    entry = {
        "snapshot": "s3s3s3s3",
        "manifest_snapshot": "m3m3m3m3",
        "manifest_sha256": "dd",
        "bytes": 100,
        "taken": NOW - 60,
    }
    older = [{**entry, "snapshot": f"s{i}" * 4, "manifest_snapshot": f"m{i}" * 4} for i in (1, 2)]
    return Found(
        entry=entry,
        history=[*older, entry],
        snapshots=[snapshot(name) for name in ("s1", "m1", "s2", "m2", "s3", "m3")],
        unfinished=["run-7"],
        keys=["k1"],
        known_keys=["k1"],
        manifest=Manifest("dinkes", "x", kind, "dc-app", "/srv", "s3s3s3s3", "/srv", NOW - 60, content, (), CANARIES),
        signed=True,
        digest="dd",
        restored=content,
        point=Point(NOW - 60, "newest row"),
        declared=NOW,
        verified=NOW + 30,
        rpo=3600,
        rto=600,
    )


def restored(change: Callable[[dict[str, Any]], Any]) -> Callable[[Found], Found]:
    def damage(found: Found) -> Found:
        content = copy.deepcopy(dict(found.restored))
        change(content)
        return dataclasses.replace(found, restored=content)

    return damage


def replaced(**fields: Any) -> Callable[[Found], Found]:
    return lambda found: dataclasses.replace(found, **fields)


def with_entry(**fields: Any) -> Callable[[Found], Found]:
    return lambda found: dataclasses.replace(found, entry={**found.entry, **fields})


def with_flood(found: Found) -> Found:
    """Four backups of next to nothing within an hour, after good ones of other days: all counted."""
    old = [{**line, "taken": NOW - 86400 * 2} for line in found.history]
    small = [{**found.entry, "snapshot": f"f{n}", "bytes": 10, "taken": NOW - 600 * n} for n in (4, 3, 2, 1)]
    return dataclasses.replace(found, entry=small[-1], history=[*old, *small])


DAMAGES: list[tuple[str, str, str, Callable[[Found], Found], Difference]] = [
    ("files", "repository", "a stolen client's junk", replaced(left_out=[("tamper", "index/ab: 4 bytes")]), Difference("tamper", "index/ab: 4 bytes")),
    ("files", "ransomware", "was encrypted", replaced(attacked=["31 of 40 files changed at once"]), Difference("ransomware", "backup", "31 of 40 files changed at once")),
    ("files", "ransomware", "a canary", restored(lambda t: t["a b"].update(sha256="bb")), Difference("ransomware", "canary", "canary changed: a b")),
    ("files", "ransomware", "an emptied canary", restored(lambda t: t["a b"].update(size=0, sha256="e3")), Difference("incomplete", "canary", "canary changed: a b")),
    ("files", "file_contents", "changed", restored(lambda t: t["a b"].update(sha256="bb")), Difference("differs", "a b", "sha256 bb, was aa")),
    ("files", "file_contents", "truncated", restored(lambda t: t["a b"].update(size=2)), Difference("differs", "a b", "size 2, was 3")),
    ("files", "file_contents", "missing", restored(lambda t: t.pop("ü/\nx")), Difference("missing", "ü/\nx")),
    ("files", "file_contents", "extra", restored(lambda t: t.update(README_RANSOM=FILE)), Difference("extra", "README_RANSOM")),
    ("files", "file_contents", "link", restored(lambda t: t["l"].update(target="z")), Difference("differs", "l", "target z, was a b")),
    ("files", "file_contents", "kind", restored(lambda t: t["l"].update(kind="file")), Difference("differs", "l", "kind file, was link")),
    ("files", "file_owners", "mode", restored(lambda t: t["a b"].update(mode="0666")), Difference("differs", "a b", "mode 0666, was 0644")),
    ("files", "file_owners", "owner", restored(lambda t: t["a b"].update(owner="33:33")), Difference("differs", "a b", "owner 33:33, was 0:0")),
    ("files", "file_owners", "access list", restored(lambda t: t["a b"].update(attributes={"user.x": "00"})), Difference("differs", "a b", "attributes {'user.x': '00'}, was None")),
    ("files", "file_contents", "nothing", lambda f: dataclasses.replace(f, restored={}, manifest=dataclasses.replace(f.manifest, content={})), Difference("empty", "backup", "its manifest names nothing")),
    ("files", "file_owners", "time", restored(lambda t: t["a b"].update(mtime_ns=6)), Difference("differs", "a b", "mtime_ns 6, was 5")),
    ("postgresql", "table_rows", "row changed", restored(lambda t: t["tables"]["public.a"].update(sum="1:3")), Difference("differs", "public.a", "sum over 5 rows is not the one at the source")),
    ("postgresql", "table_rows", "row lost", restored(lambda t: t["tables"]["public.a"].update(rows=4)), Difference("differs", "public.a", "4 rows, was 5")),
    ("postgresql", "table_rows", "table lost", restored(lambda t: t["tables"].pop("public.a")), Difference("missing", "public.a", "5 rows")),
    ("postgresql", "table_rows", "table extra", restored(lambda t: t["tables"].update({"public.z": TABLE})), Difference("extra", "public.z")),
    ("postgresql", "table_objects", "index lost", restored(lambda t: t["objects"].clear()), Difference("missing", "index public.i")),
    ("postgresql", "table_objects", "index differs", restored(lambda t: t["objects"].update({"index public.i": "y"})), Difference("differs", "index public.i", "y, was x")),
    ("postgresql", "table_objects", "sequence behind", restored(lambda t: t["objects"].update({"sequence public.s": "6"})), Difference("differs", "sequence public.s", "6, was 7")),
    ("postgresql", "table_objects", "sequence unused", restored(lambda t: t["objects"].update({"sequence public.s": "unused"})), Difference("differs", "sequence public.s", "unused, was 7")),
    ("postgresql", "table_objects", "trigger extra", restored(lambda t: t["objects"].update({"trigger t": "y"})), Difference("extra", "trigger t")),
    ("sqlite", "table_rows", "row changed", restored(lambda t: t["tables"]["public.a"].update(sum="1:3")), Difference("differs", "public.a", "sum over 5 rows is not the one at the source")),
    ("sqlite", "table_objects", "index lost", restored(lambda t: t["objects"].pop("index public.i")), Difference("missing", "index public.i")),
    ("sqlite", "database_file", "a page is broken", restored(lambda t: t.update(integrity=["row 3 missing from index i"])), Difference("broken", "database", "row 3 missing from index i")),
    ("sqlite", "database_file", "another file", restored(lambda t: t.update(sha256="dd")), Difference("differs", "database", "sha256 dd, was cc")),
    ("sqlite", "database_file", "orphans", restored(lambda t: t.update(orphans="2")), Difference("differs", "database", "2 rows point to rows that are not there, was 0")),
    ("postgresql-physical", "table_rows", "row changed", restored(lambda t: t["tables"]["public.a"].update(sum="1:3")), Difference("differs", "public.a", "sum over 5 rows is not the one at the source")),
    ("postgresql-physical", "database_copy", "another server", restored(lambda t: t.update(system="78")), Difference("differs", "server", "system identifier 78, was 77")),
    ("mariadb-physical", "database_copy", "a page", restored(lambda t: t.update(broken=[["broken", "a/b.ibd", "page 3"]])), Difference("broken", "a/b.ibd", "page 3")),
    ("mariadb", "table_objects", "index lost", restored(lambda t: t["objects"].pop("index public.i")), Difference("missing", "index public.i")),
    ("files", "manifest", "changed", replaced(digest="ee"), Difference("changed", "manifest", "its sha256 is not the one in the station's ledger")),
    ("files", "manifest", "unsigned", replaced(signed=False), Difference("unsigned", "manifest", "the signature is not the station's")),
    ("files", "manifest", "of another snapshot", with_entry(snapshot="s2s2s2s2"), Difference("foreign", "manifest", "it speaks of snapshot s3s3s3s3")),
    ("files", "snapshots", "newest gone", replaced(snapshots=[snapshot("s1"), snapshot("m1")]), Difference("missing", "s3s3s3s3", "the ledger's newest snapshot is not in the repository")),
    ("files", "snapshots", "flood", replaced(snapshots=[*good("files").snapshots, snapshot("zz")]), Difference("foreign", "zzzzzzzz", "taken 2026-01-01T00:00:00Z on dc-app, not by this station")),
    ("files", "size", "near-empty again and again", with_flood, Difference("flood", "backup", "4 backups within a day hold next to nothing of what did")),
    ("files", "locks", "stale lock", replaced(locks=[("lock", "stale shared lock of web1")]), Difference("lock", "stale shared lock of web1")),
    ("files", "rot", "a rotten pack", replaced(scanned=[("corruption", "1 rotten")]), Difference("corruption", "1 rotten")),
    ("files", "keys", "foreign key", replaced(keys=["k1", "evil"]), Difference("foreign", "evil", "a key that no backup of this station registered")),
    ("files", "size", "empty", with_entry(bytes=0), Difference("empty", "backup", "it holds no bytes")),
    ("files", "size", "shrunk", with_entry(bytes=49), Difference("shrunk", "backup", "49 bytes; the median of 2 before is 100")),
    ("files", "rpo", "stale", replaced(point=Point(NOW - 3601, "newest row")), Difference("late", "RPO", "3601 s would be lost, 3600 s agreed (newest row)")),
    ("files", "rpo", "clock set back", replaced(point=Point(NOW + 1, "x"), verified=NOW + 30), Difference("future", "RPO", "the data speaks of the future (x)")),
    ("files", "rpo", "future", replaced(point=Point(NOW + 999, "newest row")), Difference("future", "RPO", "the data speaks of the future (newest row)")),
    ("files", "rto", "slow", replaced(verified=NOW + 601), Difference("late", "RTO", "it took 601 s, 600 s agreed")),
]  # fmt: skip


@pytest.mark.parametrize("kind", CONTENTS)
def test_good_passes_everywhere(kind: str) -> None:
    assert [(name, one) for name, check in checks(kind).items() for one in check.differences(good(kind))] == []


@pytest.mark.parametrize(("kind", "name", "what", "damage", "wanted"), DAMAGES, ids=[f"{d[1]}-{d[2]}" for d in DAMAGES])
def test_every_planted_damage_is_named(
    kind: str, name: str, what: str, damage: Callable[[Found], Found], wanted: Difference
) -> None:
    assert wanted in list(checks(kind)[name].differences(damage(good(kind)))), what


def test_every_check_has_a_damage_that_it_finds() -> None:
    assert {name for _, name, *_ in DAMAGES} == set(checks())


def test_what_changed_while_it_was_read_is_no_difference_but_too_much_of_it_is() -> None:
    found = restored(lambda t: t["a b"].update(sha256="bb", mode="0600"))(good("files"))
    many = {f"f{number}": FILE for number in range(200)}
    manifest = dataclasses.replace(found.manifest, content={**many, **TREE}, unstable=("a b",))
    found = dataclasses.replace(found, manifest=manifest, restored={**many, **found.restored})
    assert not list(checks()["file_contents"].differences(found))
    assert not list(checks()["file_owners"].differences(found))
    shaky = dataclasses.replace(found, manifest=dataclasses.replace(manifest, unstable=tuple(many)))
    assert "unproven" in [one.what for one in checks()["file_contents"].differences(shaky)]


def test_files_made_meanwhile_and_the_times_of_their_folders_leave_the_rest_proven() -> None:
    """As in a state folder of few files: a log was begun, and so its folder has another time."""
    found = good("files")
    tree = {**TREE, "logs": {"kind": "folder", "mode": "0700", "owner": "0:0", "mtime_ns": 5}}
    manifest = dataclasses.replace(found.manifest, content=tree, unstable=("logs", "logs/new"))
    there = {**tree, "logs": {**tree["logs"], "mtime_ns": 6}, "logs/new": FILE}
    found = dataclasses.replace(found, manifest=manifest, restored=there)
    assert not [one for name in ("file_contents", "file_owners") for one in checks()[name].differences(found)]
    lost = dataclasses.replace(found, manifest=dataclasses.replace(manifest, unstable=("logs", "a b")))
    assert "unproven" in [one.what for one in checks()["file_contents"].differences(lost)]


@pytest.mark.parametrize(
    ("entries", "shaken", "proven"), [(9, 1, False), (10, 1, True), (10, 2, False), (300, 3, True)]
)
def test_how_much_may_change_while_it_is_read(entries: int, shaken: int, proven: bool) -> None:
    tree = {f"f{number}": FILE for number in range(entries)}
    found = good("files")
    manifest = dataclasses.replace(found.manifest, content=tree, unstable=tuple(tree)[:shaken])
    said = [
        one.what
        for one in checks()["file_contents"].differences(dataclasses.replace(found, manifest=manifest, restored=tree))
    ]
    assert said == ([] if proven else ["unproven"])


@pytest.mark.parametrize("name", list(checks()))
def test_every_check_has_a_title_in_two_languages(name: str) -> None:
    assert len({*checks()[name].TITLE}) == 2


def test_a_sequence_that_went_on_while_the_dump_was_made_is_no_difference() -> None:
    ahead = restored(lambda t: t["objects"].update({"sequence public.s": "9"}))(good("postgresql"))
    assert not list(checks()["table_objects"].differences(ahead))


def test_what_an_interrupted_backup_of_ours_left_is_no_stranger() -> None:
    left = dataclasses.replace(snapshot("zz"), tags=("dinkes.x", "run-7"))
    found = replaced(snapshots=[*good("files").snapshots, left])(good("files"))
    assert not list(checks()["snapshots"].differences(found))
