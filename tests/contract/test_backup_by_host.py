"""A host backs up by itself, the station counts it: real restic, real openssl, and what a thief of the host may try."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from backup_rig import CANARY, Rig, item, restic_program, rig
from repository_stock import Stock

from backup import collect, drill, keycheck, manifest
from backup.hostside import limits, memory, run_set
from backup.layout import Item
from backup.places import Places
from ops.errors import OpsError
from ops.progress import silent
from ops.system.process import Local

HOST = "localhost"  # the server that the rig's set lives on


@dataclass
class Host:
    """A source host with one set, its signing key and its repository."""

    rig: Rig
    item: Item
    folder: Path

    @property
    def spots(self) -> Places:
        def received(_item: Item) -> str:
            there = (self.rig.repository / "snapshots").iterdir()
            return "\n".join(f"{path.stat().st_mtime} {path.name}" for path in there)

        return dataclasses.replace(self.rig.places, host=lambda _name: Local(), received=received)

    def told(self, **changes: Any) -> dict[str, Any]:
        about = {"opd": "dinkes", "set": "contoh", "kind": "files", "source": str(self.folder), "user": HOST}
        places = {"signing_key": str(self.rig.folder / "sign.pem"), "state": str(self.rig.folder / "state-of-host")}
        spec = {"url": str(self.rig.repository), "password": {"value": CANARY}}
        return {**about, **places, "key": self.item.key, "spec": spec, "program": restic_program(), **changes}

    def back_up(self, **changes: Any) -> dict[str, Any]:
        return run_set.attempt(self.told(**changes))


def key_pair(private: Path, public: Path) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private)], check=True)
    subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    patch = pytest.MonkeyPatch()
    with rig() as made:
        folder = made.folder / "srv"
        folder.mkdir()
        for number in range(25):
            (folder / f"surat {number}.txt").write_text(f"Surat nomor {number}\n" * 30)
        key_pair(made.folder / "sign.pem", made.folder / "sign.pub.pem")
        patch.setattr(collect, "PUBLIC_KEY", str(made.folder / "sign.pub.pem"))
        yield Host(made, item("files", str(folder)), folder)
    patch.undo()


@pytest.fixture(scope="module")
def counted(host: Host) -> collect.Collected:
    """One backup by the host, registered and collected."""
    result = host.back_up()
    assert result["error"] == ""
    collect.register_signer(host.spots, HOST)
    return collect.collect(host.spots, host.item)


def entry(host: Host) -> dict[str, Any]:
    return [line for line in host.spots.ledger.read() if line["event"] == "backup"][-1]


def test_what_the_host_took_is_counted_and_proven(host: Host, counted: collect.Collected) -> None:
    assert (counted.counted, counted.refused) == (1, ())
    line = entry(host)
    assert (line["counts"]["files"], line["figures"]) == (27, {"canaries_changed": 0})
    assert line["signed_by"] == collect.mark_of((host.rig.folder / "sign.pub.pem").read_text())
    assert keycheck.newest(host.spots.ledger.read(), host.item.key, "host") == line["key"]
    assert collect.collect(host.spots, host.item) == collect.Collected(host.item.key, 0), "nothing is counted twice"
    if os.geteuid() == 0:
        seen = drill.run(host.spots, host.item, silent)
        assert (seen.failure, seen.differences, seen.proven) == ("", 0, True)


def test_its_clock_is_not_trusted(host: Host, counted: collect.Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = run_set.time.time
    monkeypatch.setattr(run_set.time, "time", lambda: usual() + 86_400)
    assert host.back_up()["error"] == ""
    monkeypatch.undo()
    assert collect.collect(host.spots, host.item).counted == 1
    line = entry(host)
    assert line["taken"] == line["done"] <= usual()
    assert 86_000 < line["clock_ahead"] < 87_000


def test_a_stolen_credential_cannot_make_a_backup_count(host: Host, counted: collect.Collected) -> None:
    """Who has the vault's and the repository's password but not the signing key."""
    key_pair(host.rig.folder / "thief.pem", host.rig.folder / "thief.pub.pem")
    before = entry(host)["seq"]
    forged = host.back_up(signing_key=str(host.rig.folder / "thief.pem"), state=str(host.rig.folder / "thief"))
    assert forged["error"] == ""
    found = collect.collect(host.spots, host.item)
    assert found.counted == 0
    assert [why.partition(": ")[2] for why in found.refused] == [
        "the manifest is signed by none of the host's registered keys"
    ]
    assert entry(host)["seq"] == before


def test_what_was_counted_cannot_be_said_again(host: Host, counted: collect.Collected) -> None:
    """An old manifest, genuine and signed, put in once more would make an old backup the newest."""
    restic, line = host.rig.restic(), entry(host)
    text = restic.dump(line["manifest_snapshot"], manifest.FILE)
    words = [*restic.backup_words(HOST, [manifest.TAG]), "--stdin", "--stdin-filename", manifest.FILE]
    restic.backup(words, text)
    found = collect.collect(host.spots, host.item)
    assert found.counted == 0
    assert any("is in the ledger already" in why for why in found.refused)
    assert entry(host)["seq"] == line["seq"]


@pytest.mark.parametrize("size", [4, 200])
def test_a_thief_s_junk_is_told_and_keeps_nothing_from_being_counted(
    host: Host, counted: collect.Collected, size: int
) -> None:
    content = os.urandom(size)
    junk = host.rig.repository / "snapshots" / hashlib.sha256(content).hexdigest()
    assert host.back_up()["error"] == ""
    already = collect.collect(host.spots, host.item)
    assert host.back_up()["error"] == ""
    junk.write_bytes(content)
    try:
        found = collect.collect(host.spots, host.item)
    finally:
        junk.unlink()
    assert (found.counted, len(found.refused)) == (1, len(already.refused) + 1)
    assert any(junk.name[:12] in why for why in found.refused)
    assert list(Path(host.spots.drill_folder).glob("look-*")) == []


def test_another_signing_key_needs_a_person(host: Host, counted: collect.Collected) -> None:
    public = host.rig.folder / "sign.pub.pem"
    kept = public.read_text()
    key_pair(host.rig.folder / "new.pem", public)
    try:
        with pytest.raises(OpsError, match="signs with another key than before"):
            collect.register_signer(host.spots, HOST)
    finally:
        public.write_text(kept)
    assert collect.register_signer(host.spots, HOST) == collect.mark_of(kept)


def test_a_run_that_was_cut_off_is_told_by_the_next_one(host: Host, counted: collect.Collected) -> None:
    state = host.rig.folder / "state-of-host" / f"{host.item.key}.state.json"
    kept = memory.load(str(state))
    memory.save(str(state), {**kept, "pending": ["run-cut-off"]})
    dead = subprocess.Popen(["true"])
    dead.wait()
    lock = Stock(host.rig.folder, "").lock(age=60, exclusive=False, host=socket.gethostname(), pid=dead.pid)
    assert host.back_up()["error"] == ""
    assert collect.collect(host.spots, host.item).counted == 1
    begun = [line["run"] for line in host.spots.ledger.read() if line["event"] == "begun"]
    assert "run-cut-off" in begun
    assert memory.load(str(state))["pending"] == []
    assert not lock.exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"source": "/nowhere"}, "no such folder"),
        ({"mount": True}, "is declared a mount and is none"),
        ({"spec": {"url": "rest:http://127.0.0.1:9/x", "password": {"value": "x"}}}, "the vault does not answer"),
    ],
)
def test_what_hinders_a_run_is_told_and_nothing_counts(
    host: Host, counted: collect.Collected, changes: dict[str, Any], says: str
) -> None:
    result = host.back_up(**changes)
    assert says in result["error"]
    assert result["snapshot"] == ""


def test_data_without_its_manifest_does_not_count(host: Host, counted: collect.Collected) -> None:
    assert "could not be signed" in host.back_up(signing_key="/nowhere.pem")["error"]
    assert collect.collect(host.spots, host.item).counted == 0


def test_an_empty_folder_is_no_backup(host: Host, counted: collect.Collected) -> None:
    empty = host.rig.folder / "empty"
    empty.mkdir(exist_ok=True)
    assert "is the share mounted?" in host.back_up(source=str(empty))["error"]


def test_a_repository_that_is_gone_is_not_made_anew(host: Host, counted: collect.Collected) -> None:
    host.rig.repository.rename(host.rig.folder / "away")
    try:
        assert host.back_up()["error"].startswith("restic: exit 10")
        assert not host.rig.repository.exists()
    finally:
        (host.rig.folder / "away").rename(host.rig.repository)


def test_the_program_reads_its_file_and_leaves_its_result(
    host: Host, counted: collect.Collected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {key: host.told()[key] for key in ("opd", "set", "kind", "source", "user")}
    (tmp_path / f"{host.item.key}.json").write_text(json.dumps({**told, "repository": "rest:http://127.0.0.1:9/x"}))
    monkeypatch.setattr(run_set, "SETS", str(tmp_path))
    monkeypatch.setattr(run_set, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(run_set, "LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(run_set, "PROMETHEUS", str(tmp_path))
    assert run_set.main(["kominfo-backup", host.item.key]) == 1
    kept = memory.load(str(tmp_path / f"state/{host.item.key}.result.json"))
    assert kept["error"]
    metrics = (tmp_path / f"kominfo-backup-{host.item.key}.prom").read_text()
    assert f'opd_backup_host_last_run_ok{{service="{host.item.key}",opd="dinkes"}} 0' in metrics


def test_slow_hours() -> None:
    windows = [
        {"from": "07:00", "until": "17:00", "kib_per_second": 1000},
        {"from": "16:00", "until": "02:00", "kib_per_second": 500},
    ]
    noon, zone = 1_800_000_000.0, "Asia/Jakarta"  # 15:00 there
    assert limits.words(windows, zone, noon) == ["--limit-upload", "1000"]
    assert limits.words(windows, zone, noon + 3600) == ["--limit-upload", "500"]
    assert limits.words(windows, zone, noon + 10 * 3600) == ["--limit-upload", "500"]
    assert limits.words(windows, zone, noon + 11 * 3600) == []
    assert limits.words([], zone, noon) == []
