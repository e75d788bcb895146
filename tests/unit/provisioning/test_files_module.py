"""The module that writes files on hosts: all or nothing, checked, taken into service, made up for."""

from __future__ import annotations

import base64
import errno
import grp
import hashlib
import hmac
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_modules import load

from ops.targets.host_files import _READ

ROOT = Path(__file__).parents[3]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("kominfo_files")
    monkeypatch.setattr(module, "PENDING", tmp_path / "pending")
    return module


def mine(path: Path, content: str, **more: Any) -> dict[str, Any]:
    me = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    return {"path": str(path), "content": content, **me, **more}


def call(module: ModuleType, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    capsys.readouterr()
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_writes_then_has_nothing_to_do(files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [mine(tmp_path / "a", "one\n", mode="0640"), mine(tmp_path / "b", "two\n")]
    first = call(files, capsys, files=wanted, reload=[["touch", str(tmp_path / "reloaded")]])
    assert first["changed"]
    assert sorted(first["paths"]) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o640
    (tmp_path / "reloaded").unlink()
    second = call(files, capsys, files=wanted, reload=[["touch", str(tmp_path / "reloaded")]])
    assert not second["changed"]
    assert not (tmp_path / "reloaded").exists()


def test_a_certificate_is_laid_down_as_der_once_it_is_there(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem, der = tmp_path / "root.pem", tmp_path / "root.der"
    wanted = [{name: value for name, value in mine(der, "").items() if name != "content"} | {"der_of": str(pem)}]
    assert not call(files, capsys, files=wanted)["changed"], "nothing to make it of"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=r"]
    subprocess.run([*made, "-keyout", str(tmp_path / "key"), "-out", str(pem)], check=True, capture_output=True)
    assert call(files, capsys, files=wanted)["paths"] == [str(der)]
    told = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-in", str(der), "-noout", "-subject"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip().replace(" ", "") == "subject=CN=r"
    assert not call(files, capsys, files=wanted)["changed"]
    pem.write_text("no certificate\n", encoding="ascii")
    before = der.read_bytes()
    assert "no certificate in PEM" in call(files, capsys, files=wanted)["msg"]
    assert der.read_bytes() == before


def test_a_folder_that_others_own_is_made_but_never_taken_over(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [{"path": str(tmp_path / "documents"), "mode": "0750", "keep": True}]
    assert call(files, capsys, directories=wanted)["changed"]
    assert (tmp_path / "documents").stat().st_mode & 0o7777 == 0o750
    (tmp_path / "documents").chmod(0o2775)
    assert not call(files, capsys, directories=wanted)["changed"]
    assert (tmp_path / "documents").stat().st_mode & 0o7777 == 0o2775


def test_mode_alone_is_a_change(files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(files, capsys, files=[mine(tmp_path / "a", "x", mode="0600")])
    assert call(files, capsys, files=[mine(tmp_path / "a", "x", mode="0640")])["changed"]


@pytest.mark.parametrize("step", ["validate", "reload"])
def test_a_refusal_puts_everything_back(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    call(files, capsys, files=[mine(tmp_path / "kept", "before", mode="0600"), mine(tmp_path / "gone", "there")])
    refusal = {step: [["sh", "-c", "echo line one >&2; echo emerg: no such thing >&2; exit 1"]]}
    result = call(
        files,
        capsys,
        files=[mine(tmp_path / "kept", "after", mode="0644"), mine(tmp_path / "fresh", "new")],
        absent=[str(tmp_path / "gone")],
        **refusal,
    )
    assert result["failed"]
    assert "emerg: no such thing" in result["msg"]
    assert (tmp_path / "kept").read_text() == "before"
    assert (tmp_path / "kept").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "gone").read_text() == "there"
    assert not (tmp_path / "fresh").exists()
    assert not list((tmp_path / "pending").glob("*"))
    assert not list(tmp_path.glob(".kominfo-new-*"))


def test_a_file_is_checked_before_it_takes_its_place(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "sudoers"
    target.write_text("good")
    check = ["sh", "-c", f'test "$(cat {target})" = good && ! grep -q bad "$1"', "sh", "%s"]
    assert call(files, capsys, files=[mine(target, "bad", check=check)])["failed"]
    assert target.read_text() == "good"
    assert call(files, capsys, files=[mine(target, "better", check=check)])["changed"]


def test_a_reload_that_never_came_is_made_up_for(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reload = [["touch", str(tmp_path / "reloaded")]]
    wanted = [mine(tmp_path / "a", "x")]

    def die(_: object) -> None:
        raise KeyboardInterrupt  # as a kill -9 between writing and reloading would leave it

    with monkeypatch.context() as patch:
        patch.setattr(files.Run, "serve", die)
        with patch_module_args({"files": wanted, "reload": reload}), pytest.raises(KeyboardInterrupt):
            files.main()
    assert not (tmp_path / "reloaded").exists()
    result = call(files, capsys, files=wanted, reload=reload)
    assert result["changed"]
    assert result["reloaded"]
    assert (tmp_path / "reloaded").exists()
    assert not call(files, capsys, files=wanted, reload=reload)["changed"]


def test_what_waits_for_a_reload_is_not_taken_for_done(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An apply is killed between writing and reloading: the next plan must see it, the next apply make up for it."""
    root = tmp_path / "kominfo"
    root.mkdir()
    (root / "gone").write_text("x")
    mode = {"mode": "0755", "owner": mine(root, "")["owner"], "group": mine(root, "")["group"]}
    place = {"directories": [{"path": str(root), **mode}], "reload": [["touch", str(tmp_path / "reloaded")]]}
    call(files, capsys, files=[mine(root / "kept", "1")], **place)
    (tmp_path / "reloaded").unlink()

    def die(_: object) -> None:
        raise KeyboardInterrupt

    def read() -> dict[str, str]:
        words = [sys.executable, "-I", "-", str(root), str(tmp_path / "pending")]
        done = subprocess.run(words, input=_READ, capture_output=True, text=True, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(files.Run, "serve", die)
        wanted = {"files": [mine(root / "b", "2")], "absent": [str(root / "gone")]}
        with patch_module_args({**place, **wanted}), pytest.raises(KeyboardInterrupt):
            files.main()
    assert {name: text == {"kept": "1", "b": "2"}.get(name) for name, text in read().items()} == {
        "kept": True,
        "b": False,
        "gone": False,
    }
    result = call(files, capsys, files=[mine(root / "a", "3")], **place)
    assert result["reloaded"]
    assert (tmp_path / "reloaded").exists()
    assert read() == {"kept": "1", "b": "2", "a": "3"}


def test_a_service_that_took_refused_files_up_is_told_of_the_old_ones(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, serves = tmp_path / "a", tmp_path / "serves"
    take = ["sh", "-c", f"cat {target} > {serves}; ! grep -q bad {target}"]
    call(files, capsys, files=[mine(target, "good")], reload=[take])
    assert call(files, capsys, files=[mine(target, "bad")], reload=[take])["failed"]
    assert serves.read_text() == "good"


def test_a_full_disk_stops_no_file_from_being_put_back(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call(files, capsys, files=[mine(tmp_path / "a", "old")])
    write = files.write

    def full(path: Path, content: bytes, *more: Any) -> None:
        if path.name == "b":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content, *more)

    monkeypatch.setattr(files, "write", full)
    (tmp_path / "b").write_text("kept")
    result = call(files, capsys, files=[mine(tmp_path / "a", "new"), mine(tmp_path / "b", "x")])
    assert "No space left" in result["msg"]
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("old", "kept")


def test_only_the_changed_files_own_reload_runs(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def wanted(text: str) -> list[dict[str, Any]]:
        return [
            mine(tmp_path / "a", "same", reload=[["touch", str(tmp_path / "ra")]]),
            mine(tmp_path / "b", text, reload=[["touch", str(tmp_path / "rb")]]),
        ]

    call(files, capsys, files=wanted("1"))
    (tmp_path / "ra").unlink()
    (tmp_path / "rb").unlink()
    call(files, capsys, files=wanted("2"))
    assert not (tmp_path / "ra").exists()
    assert (tmp_path / "rb").exists()


def test_looking_only_changes_nothing_and_tells_the_difference(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("old\n")
    result = call(
        files,
        capsys,
        files=[mine(tmp_path / "a", "new\n")],
        directories=[{"path": str(tmp_path / "folder")}],
        links=[{"path": str(tmp_path / "link"), "target": "/nowhere"}],
        reload=[["touch", str(tmp_path / "reloaded")]],
        _ansible_check_mode=True,
        _ansible_diff=True,
    )
    assert result["changed"]
    assert result["diff"][0]["before"] == "old\n"
    assert result["diff"][0]["after"] == "new\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]
    assert (tmp_path / "a").read_text() == "old\n"


def test_no_output_shows_a_secret(files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "Zq7Canary0Value9"
    arguments = {
        "files": [mine(tmp_path / "a", f"password={secret}\n")],
        "validate": [["sh", "-c", f"echo error near password={secret} >&2; exit 1"]],
        "secrets": [secret],
        "_ansible_diff": True,
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        files.main()
    out = capsys.readouterr().out
    assert "error near password=" in out
    assert secret not in out


def test_unknown_group_is_named_and_nothing_is_written(
    files: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = mine(tmp_path / "a", "x") | {"group": "no-such-group"}
    result = call(files, capsys, files=[mine(tmp_path / "b", "y"), item])
    assert "no-such-group" in result["msg"]
    assert not (tmp_path / "b").exists()


def test_scram_verifier_is_the_one_of_the_standard() -> None:
    """RFC 7677 §3: user "user", password "pencil", its salt; StoredKey and ServerKey follow from the exchange there."""
    databases = load("kominfo_databases")
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    known = databases.verifier("pencil", salt, 4096)
    stored, server = (base64.b64decode(part) for part in known.split("$")[2].split(":"))
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}").encode()
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client = bytes(a ^ b for a, b in zip(proof, hmac.digest(stored, message, "sha256"), strict=True))
    assert hashlib.sha256(client).digest() == stored
    signature = base64.b64encode(hmac.digest(server, message, "sha256")).decode()
    assert signature == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert databases.fits("pencil", known)
    assert not databases.fits("Pencil", known)
    assert not databases.fits("pencil", "md5abcdef")


def test_database_steps_follow_from_the_state() -> None:
    databases = load("kominfo_databases")
    wanted = [{"name": "simpus", "owner": "simpus"}]
    secret = {"postgresql/simpus": "s3cret'\"value"}
    nothing: dict[str, Any] = {"roles": None, "databases": {"postgres": "postgres"}}
    todo = databases.steps(wanted, secret, nothing)
    assert list(todo) == ["role simpus", "database simpus"]
    assert not any(secret["postgresql/simpus"] in sql for sql in todo.values())
    done = {
        "roles": {"simpus": databases.verifier(secret["postgresql/simpus"], b"0123456789abcdef")},
        "databases": {"simpus": "simpus"},
    }
    assert databases.steps(wanted, secret, done) == {}
    assert list(databases.steps(wanted, {"postgresql/simpus": "other"}, done)) == ["role simpus"]
    done["databases"]["simpus"] = "postgres"
    assert list(databases.steps(wanted, secret, done)) == ["owner of simpus"]
