"""The ledger, the manifest and the journal cannot be changed unnoticed, and survive a kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from backup import journal, manifest
from backup.chain import Chain
from backup.journal import Journal
from backup.manifest import Manifest
from backup.signing import Signer, verify
from ops.errors import OpsError

MADE = Manifest("dinkes", "x", "files", "dc-app", "/srv", "s1", "/srv", 1.5, {"a": {"kind": "file"}}, ("b",))


def chain(folder: Path) -> Chain:
    made = Chain(folder / "ledger.jsonl")
    for number in range(4):
        made.append({"n": number, "text": "ü\nx"})
    return made


def test_chain_reads_what_was_appended(tmp_path: Path) -> None:
    lines = chain(tmp_path).read()
    assert [line["n"] for line in lines] == [0, 1, 2, 3]
    assert [line["seq"] for line in lines] == [0, 1, 2, 3]
    assert lines[3]["previous"] == lines[2]["hash"]


@pytest.mark.parametrize("damage", ["change", "remove", "swap", "garbage"])
def test_a_damaged_chain_is_named(tmp_path: Path, damage: str) -> None:
    made = chain(tmp_path)
    lines = made.path.read_text().splitlines()
    if damage == "change":
        lines[1] = lines[1].replace('"n":1', '"n":9')
    elif damage == "remove":
        del lines[1]
    elif damage == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines[1] = "{"
    made.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(OpsError, match=r"ledger.jsonl:2: the chain is broken here"):
        made.read()


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_line_that_the_power_cut_off_never_counted(tmp_path: Path, kept: int) -> None:
    made = chain(tmp_path)
    text = made.path.read_text()
    made.path.write_text(text + text.splitlines()[-1][:kept])
    assert [line["n"] for line in made.read()] == [0, 1, 2, 3]
    made.append({"n": 4})
    assert [line["n"] for line in made.read()] == [0, 1, 2, 3, 4]


def test_a_first_line_that_was_cut_off_and_a_lost_last_newline_do_no_harm(tmp_path: Path) -> None:
    made = Chain(tmp_path / "one.jsonl")
    made.path.write_text('{"n":')
    made.append({"n": 0})
    made.path.write_text(made.path.read_text().rstrip("\n"))
    made.append({"n": 1})
    assert [line["n"] for line in made.read()] == [0, 1]


def test_chain_with_two_writers_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    code = (
        "from backup.chain import Chain\nfrom pathlib import Path\n"
        f"for i in range(20): Chain(Path({str(path)!r})).append({{'i': i}})"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert len(Chain(path).read()) == 40


def test_manifest_keeps_its_signature(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    sealed = manifest.sealed(MADE, signer)
    assert manifest.opened(sealed, signer.public_pem()) == (MADE, True)
    assert manifest.opened(sealed, Signer(tmp_path / "other").public_pem()) == (MADE, False)
    outer = json.loads(sealed)
    outer["manifest"] = outer["manifest"].replace("dc-app", "dc-evl")
    assert manifest.opened(json.dumps(outer), signer.public_pem())[1] is False
    with pytest.raises(OpsError, match="cannot be read"):
        manifest.opened("{}", signer.public_pem())


def test_signing_key_is_made_once_and_root_only(tmp_path: Path) -> None:
    signature = Signer(tmp_path / "keys").sign(b"x")
    again = Signer(tmp_path / "keys")
    assert verify(again.public_pem(), b"x", signature)
    assert not verify(again.public_pem(), b"y", signature)
    assert not verify(again.public_pem(), b"x", "no base64!")
    assert again.private.stat().st_mode & 0o777 == 0o600


def test_only_a_dead_unclosed_drill_is_abandoned(tmp_path: Path) -> None:
    Journal(tmp_path / "closed.jsonl", folder="/x").close()
    running = Journal(tmp_path / "running.jsonl", folder="/x")
    code = (
        f"import os, sys; sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "from backup.journal import Journal\nfrom pathlib import Path\n"
        f"book = Journal(Path({str(tmp_path / 'killed.jsonl')!r}), folder='/gone', server='s')\n"
        "with book.step('restore'):\n    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    (found,) = journal.abandoned(tmp_path)
    assert (found["drill"], found["folder"], found["server"]) == ("killed", "/gone", "s")
    journal.close_abandoned(found["path"])
    assert journal.abandoned(tmp_path) == []
    running.close()


def test_a_step_is_on_disk_before_it_begins_and_tells_how_it_ended(tmp_path: Path) -> None:
    book = Journal(tmp_path / "j.jsonl")

    def lines() -> list[dict[str, object]]:
        return [json.loads(line) for line in (tmp_path / "j.jsonl").read_text().splitlines()]

    def fails() -> None:
        with book.step("restore", "restic restore x"):
            assert lines()[-1]["step"] == "restore"
            assert "begun" in lines()[-1]
            raise OpsError("no")

    with pytest.raises(OpsError, match="no"):
        fails()
    assert lines()[-1]["exit"] == 1
    assert book.steps[0].exit == 1
    book.close()
