"""Repositories behind doors, locks that live, sources of every kind, and what the command line says of it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from backup_rig import CANARY, CLIENT, item, rest_server, restic_program, rig
from repository_stock import DICE, HOST, HOUR, Stock, cheapen, judged, manifest, put, stock, text
from small_disks import disk

from backup import take
from backup.hostside import rest_mirror
from backup.verify import run
from backup.verify.run import Request, verify
from backup.verify.verdict import Verdict
from ops.errors import UsageError
from ops.progress import silent

DOOR = f"{CLIENT}:{CANARY}@127.0.0.1"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return stock(tmp_path_factory.mktemp("stock"), restic_program())


@pytest.fixture
def there(base: Stock, tmp_path: Path) -> Stock:
    return base.copy(tmp_path)


def told(found: Verdict) -> tuple[str, str]:
    return str(found.colour), str(found.fault)


@pytest.fixture
def served(there: Stock) -> Iterator[str]:
    """The stock behind an append-only rest-server; its address with user and password."""
    store = there.folder / "store" / CLIENT
    store.mkdir(parents=True)
    shutil.copytree(there.repository, store / "contoh")
    with rest_server(there.folder, "--append-only", "--private-repos") as url:
        yield f"{url.replace('127.0.0.1', DOOR)}/{CLIENT}/contoh"


def test_behind_a_rest_server_it_is_proven_by_reading_alone(there: Stock, served: str) -> None:
    before = sorted(path for path in (there.folder / "store").rglob("*"))
    assert told(judged(there, repo=served)) == ("green", "none")
    assert sorted(path for path in (there.folder / "store").rglob("*")) == before
    assert list(there.folder.glob("kominfo-verify-*")) == []


def test_junk_that_a_stolen_client_posted_is_told_and_gone_round(there: Stock, served: str) -> None:
    for kind in ("keys", "index", "snapshots", "locks"):
        junk = DICE.randbytes(4)
        name = subprocess.run(["sha256sum"], input=junk, capture_output=True, check=True).stdout[:64].decode()
        plain = served.removeprefix("rest:").replace(f"{CLIENT}:{CANARY}@", "")
        asked = urllib.request.Request(f"{plain}/{kind}/{name}", junk, method="POST")
        asked.add_header("Authorization", _basic())
        with urllib.request.urlopen(asked) as answer:
            assert answer.status == 200
    found = judged(there, repo=served)
    assert told(found) == ("red", "tamper")
    assert len([one for one in found.proof if one.fault == "tamper"]) == 4
    assert manifest(there.folder / "out") == there.manifest.read_bytes()


def _basic() -> str:
    import base64  # noqa: PLC0415

    return "Basic " + base64.b64encode(f"{CLIENT}:{CANARY}".encode()).decode()


def test_sums_of_small_files_are_asked_through_one_connection(there: Stock, served: str) -> None:
    names = [path.name for path in (there.repository / "snapshots").iterdir()]
    assert rest_mirror.sums(served.removeprefix("rest:"), "snapshots") == {
        "files": dict(zip(names, names, strict=True))
    }
    assert rest_mirror.sums(served.removeprefix("rest:").replace(CANARY, "x"), "snapshots")["fault"] == "key"
    assert rest_mirror.there(served.removeprefix("rest:"), "config") == {}
    assert rest_mirror.there(served.removeprefix("rest:"), "configs")["fault"] in ("repo", "network")


def test_doors_that_refuse_or_lead_nowhere(there: Stock, served: str) -> None:
    assert told(judged(there, repo=served.replace(CANARY, "salah"))) == ("red", "key")
    assert told(judged(there, repo=f"{served}-lain")) == ("red", "repo")


@pytest.mark.parametrize("listens", [False, True])
def test_a_dead_or_silent_port_is_the_network(there: Stock, listens: bool) -> None:
    """restic alone waits a quarter of an hour for either. All three at once: a silent one takes its seconds."""
    with socket.socket() as door, ThreadPoolExecutor() as pool:
        door.bind(("127.0.0.1", 0))
        if listens:
            door.listen(8)
        spot = f"127.0.0.1:{door.getsockname()[1]}"
        urls = [f"rest:http://{spot}/x/", f"s3:http://{spot}/bucket/x", f"sftp://u@{spot}//srv/x"]
        begun = time.monotonic()
        found = list(pool.map(lambda url: told(judged(there, repo=url)), urls))
        assert found == [("red", "network")] * 3
        assert time.monotonic() - begun < 60


def test_a_live_exclusive_lock_is_waited_for_and_left(there: Stock) -> None:
    lock = there.lock(age=40, exclusive=True)
    assert told(judged(there)) == ("wait", "lock")
    assert lock.exists()
    assert not (there.folder / "out").exists()


def test_what_a_killed_backup_leaves_is_a_stale_lock(there: Stock) -> None:
    argv = [there.program, "--repo", str(there.repository), "backup", "--host", "lain", "--stdin"]
    backup = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=-3, env={**os.environ, "RESTIC_PASSWORD": CANARY})
    end = time.monotonic() + 60
    # a lock has its own name last
    while not [lock for lock in (there.repository / "locks").iterdir() if "tmp" not in lock.name]:
        assert time.monotonic() < end
        time.sleep(0.05)
    backup.kill()
    backup.communicate()
    found = judged(there)
    assert told(found) == ("red", "lock"), found.proof
    assert manifest(there.folder / "out") == there.manifest.read_bytes()


def test_too_slow_and_too_old_are_red_though_proven(there: Stock) -> None:
    found = judged(there, rto=0.0)
    assert told(found) == ("red", "rto")
    assert told(judged(there, target=there.folder / "o2", rpo=60.0)) == ("red", "rpo")


def test_a_list_of_today_says_nothing_against_an_old_snapshot_but_its_age(there: Stock) -> None:
    for path in (there.repository / "snapshots").iterdir():
        path.unlink()
    there.backup(50 * HOUR, change=lambda root: (root / "catatan/2.txt").unlink())
    found = judged(there, root=f"/.{there.root}/")
    assert told(found) == ("red", "rpo")
    assert any("catatan/2.txt" in one.what for one in found.proof)


@pytest.mark.parametrize("options", ["size=64k", "size=64m,nr_inodes=9", "size=64m,ro"])
def test_a_target_that_is_full_or_takes_nothing_is_space(there: Stock, options: str) -> None:
    with disk(there.folder / "d", options) as folder:
        found = judged(there, target=folder / "out")
    assert told(found) == ("red", "space"), found.proof


@pytest.mark.parametrize(("name", "fault"), [("out", "space"), ("out/a", "space"), ("repository/x", "corruption")])
def test_a_disk_that_refuses_is_a_verdict(there: Stock, monkeypatch: pytest.MonkeyPatch, name: str, fault: str) -> None:
    """Whatever says no, and where: each of these places would need a disk of its own."""

    def refuse(*_words: object) -> bool:
        raise OSError(errno.EROFS, "Read-only file system", str(there.folder / name))

    monkeypatch.setattr(run, "_restore", refuse)
    assert told(judged(there)) == ("red", fault)


def test_of_several_faults_the_first_in_order_names_it_and_all_are_told(there: Stock) -> None:
    there.lock(age=90000, exclusive=True)
    there.put("index", b"abcd")
    found = judged(there, rpo=60.0)
    assert told(found) == ("red", "tamper")
    assert {str(one.fault) for one in found.proof} == {"tamper", "lock", "rpo", "none"}


def test_relative_sources_one_file_and_the_root_of_all(there: Stock) -> None:
    source = there.folder / "srv2"
    put(source / "data/satu.txt", text(1, 50))
    env = {**os.environ, "RESTIC_PASSWORD": CANARY}
    base = [there.program, "--repo", str(there.repository), "backup", "--host", "db1"]
    subprocess.run([*base, "data"], cwd=source, env=env, capture_output=True, check=True)
    dump = text(3, 200)
    subprocess.run(
        [*base, "--stdin", "--stdin-filename", "/satu[1].sql"], input=dump, env=env, capture_output=True, check=True
    )
    lists = {"expect": there.folder / "M", "canaries": None, "host": "db1"}
    lists["expect"].write_bytes(manifest(source / "data"))  # type: ignore[union-attr]
    assert told(judged(there, **lists, root="/data")) == ("green", "none")
    put(there.folder / "dump/satu[1].sql", dump)
    lists["expect"].write_bytes(manifest(there.folder / "dump"))  # type: ignore[union-attr]
    (there.folder / "dump/satu[1].sql").chmod(0o644)
    found = judged(there, **lists, root="/satu[1].sql", target=there.folder / "o2")
    assert told(found) == ("green", "none"), found.proof
    lists["expect"].write_bytes(b"%s  9  644  /satu[1].sql\n" % (b"0" * 64))  # type: ignore[union-attr]
    found = judged(there, **lists, root="/", target=there.folder / "o3")
    assert found.fault == "silent", found.proof


def test_the_suites_own_manifest_is_compared_where_no_list_is_given(tmp_path: Path) -> None:
    with rig() as made:
        source = tmp_path / "srv"
        put(source / "a/satu.txt", text(1, 90))
        put(source / "dua.bin", DICE.randbytes(900))
        take.take(made.places, item("files", str(source)))
        cheapen(made.repository)
        password = tmp_path / "password"
        password.write_text(CANARY)
        asked = Request(str(made.repository), password, "localhost", str(source), tmp_path / "out")
        found = verify(asked, silent)
    assert told(found) == ("green", "none")
    assert any("all 2 files" in one.what for one in found.proof)


@pytest.mark.parametrize("bad", ["/", "/etc/x", "/usr/local/y", "/tmp", "full", "file", "inside", "source"])
def test_a_target_that_looks_like_production_is_refused(there: Stock, bad: str) -> None:
    put(there.folder / "full/data", b"x")
    target = {
        "full": there.folder / "full",
        "file": there.folder / "full/data",
        "inside": there.repository / "out",
        "source": there.root / "out",
    }.get(bad, Path(bad))
    with pytest.raises(UsageError):
        judged(there, target=target)


def test_the_command_line_tells_it_as_json_and_by_its_exit_code(there: Stock) -> None:
    """With a restic in between that writes down what it was given: the password is in neither words nor environment."""
    spy = there.folder / "tools/restic"
    log = there.folder / "log"
    put(spy, f'#!/bin/sh\n(echo "$@"; env) >> {log}\nexec {there.program} "$@"\n'.encode(), 0o755)
    words = ["--repo", str(there.repository), "--password-file", str(there.password), "--host", HOST]
    words += ["--root", str(there.root), "--expect", str(there.manifest), "--canaries", str(there.canaries), "--json"]
    green = ops(there, *words, "--target", str(there.folder / "out"))
    assert green.returncode == 0, green.stderr
    answer = json.loads(green.stdout)
    assert (answer["verdict"], answer["class"]) == ("green", "none")
    assert all(one.keys() == {"class", "what"} for one in answer["proof"])
    used = log.read_text()
    assert "restore --no-lock" in used
    assert CANARY not in used + green.stdout + green.stderr
    there.lock(age=40, exclusive=True)
    wait = ops(there, *words, "--target", str(there.folder / "o2"))
    assert (wait.returncode, json.loads(wait.stdout)["verdict"]) == (7, "wait")
    again = ops(there, *words, "--target", str(there.folder / "out"))
    assert (again.returncode, again.stdout) == (2, "")
    assert "holds data" in again.stderr


def ops(there: Stock, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).parent / "ops"), "drill", "verify", *words]
    env = {**os.environ, "OPS_TOOLS": str(there.folder / "tools")}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
