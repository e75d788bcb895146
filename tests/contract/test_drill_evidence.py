"""Evidence: what it says, that it says no more than was shown, and that any change to it is found."""

from __future__ import annotations

import dataclasses
import hashlib
import html.parser
import json
import random
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from backup_rig import CANARY
from drill_stage import Stage, damaging, needs_root, one, places_entry
from pypdf import PdfReader

from backup import evidence, evidence_pdf, heads
from backup.drilled import Drill
from ops.cli.main import main
from ops.errors import DrillFailedError, HostFailedError
from ops.jobs import drill as jobs
from ops.progress import silent
from ops.world import World

pytestmark = needs_root


class Loads(html.parser.HTMLParser):
    """Everything that a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "data", "action"}]
        assert tag != "script"


def test_evidence_verifies_with_openssl_and_sha256sum_alone(own: Stage, seen: Drill) -> None:
    proven = evidence.write(own.places, seen)
    failed = evidence.write(own.places, own.drill(lambda folder: one(folder).unlink()))
    folder = proven.record.parent
    for made, verdict in ((proven, "proven"), (failed, "not proven")):
        record = json.loads(made.record.read_text())
        assert record["verdict"] == verdict
        page = made.page.read_text()
        loads = Loads()
        loads.feed(page)
        assert loads.found == []
        assert "url(" not in page
        assert made.sha256 in page
        commands = [line for line in page.splitlines() if "sha256sum -c" in line or "openssl pkeyutl" in line]
        assert len(commands) == 2
        for command in commands:  # exactly what the page tells a person to type
            words = command.replace("<pre>", "").replace("</pre>", "").split()
            assert subprocess.run(words, cwd=folder, check=False, capture_output=True).returncode == 0, command
    first, second = json.loads(proven.record.read_text()), json.loads(failed.record.read_text())
    assert second["previous"] == proven.sha256
    assert first["objectives"]["rpo"]["target"] == 86400
    assert [one["what"] for one in second["differences"]] == [
        "missing",
        *["differs"] * (second["differences_total"] - 1),
    ]
    assert evidence.problems(failed.record) == []


def test_evidence_claims_only_what_was_shown(own: Stage, seen: Drill) -> None:
    made = seen.manifest
    assert made
    shaky = dataclasses.replace(seen, id="shaky", manifest=dataclasses.replace(made, unstable=("a", "b")))
    failed = dataclasses.replace(seen, id="failed", failure="clean up: x")
    here = dataclasses.replace(own.places, root="/one/machine")
    pages = {name: evidence.write(own.places, one) for name, one in (("a", seen), ("b", shaky), ("c", failed))}
    pages["d"] = evidence.write(here, dataclasses.replace(seen, id="loopback"))
    kept = {name: json.loads(one.record.read_text()) for name, one in pages.items()}
    assert [len(kept[name]["standards"]) for name in "abcd"] == [4, 4, 0, 3]
    assert "all compared<" in pages["a"].page.read_text()
    assert "all compared but 2 that changed while they were read" in pages["b"].page.read_text()
    assert "Kesesuaian standar" not in pages["c"].page.read_text()


def test_an_odd_name_that_is_missing_can_be_shown_anywhere(own: Stage) -> None:
    odd = b"\xff\n-".decode(errors="surrogateescape")
    usual = own.places
    spots = dataclasses.replace(
        usual, view=lambda _item, key: damaging(own.rig.restic(key), lambda folder: (folder / odd).unlink())
    )
    world = World("t", Path("/nowhere"), own.rig.folder / "w", own.rig.folder / "k", own.rig.folder / "h")
    found = jobs.one(jobs.Asked(spots, own.item, world, silent))
    assert found.why == r"file_contents: missing \udcff\n-"
    assert found.why.encode()
    record = json.loads(found.record.read_text())
    assert record["differences"][0]["name"] == "\\udcff\n-"


def test_two_writers_of_evidence_keep_one_chain(own: Stage, seen: Drill) -> None:
    def write(number: int) -> Path:
        return evidence.write(own.places, dataclasses.replace(seen, id=f"n{number}")).record

    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(write, range(24)))
    assert evidence.problems(records[0]) == []


@pytest.mark.parametrize("damage", ["record", "signature of another", "gone"])
def test_tampered_evidence_is_named(own: Stage, seen: Drill, damage: str) -> None:
    first, second = (evidence.write(own.places, dataclasses.replace(seen, id=name)) for name in ("a", "b"))
    if damage == "record":
        first.record.write_text(first.record.read_text().replace("Contoh", "Palsu"))
    elif damage == "gone":
        first.record.unlink()
    trusted = evidence.Signer(own.rig.folder / "other").public_pem() if damage == "signature of another" else ""
    (problem, *_) = evidence.problems(second.record, trusted)
    assert first.record.name in problem
    done = subprocess.run(
        ["sha256sum", "-c", first.record.with_suffix(".sha256").name], cwd=first.record.parent, check=False
    )
    assert (done.returncode == 0) == (damage == "signature of another")


def test_no_password_is_in_anything_that_stays(own: Stage) -> None:
    seen = own.drill()
    evidence.write(own.places, seen)
    kept = [path for path in (own.rig.folder / "state").rglob("*") if path.is_file()]
    assert {path.parent.name for path in kept} >= {"ledger", "drills", "evidence", "keys"}
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []
    assert CANARY not in repr(seen)


def test_a_page_never_shows_what_was_not_restored(own: Stage) -> None:
    (own.rig.repository / "snapshots" / places_entry(own)["snapshot"]).unlink()
    page = evidence.write(own.places, own.drill()).page.read_text()
    figure = page.split("Dipulihkan <i>/ restored</i><b>")[1].split("</b>")[0]
    assert figure == "–"
    assert "TIDAK TERBUKTI" in page


@pytest.fixture
def three(own: Stage, seen: Drill) -> list[Path]:
    """Records of three drills in their chain."""
    return [evidence.write(own.places, dataclasses.replace(seen, id=f"n{number}")).record for number in range(3)]


def test_any_changed_byte_is_found(three: list[Path]) -> None:
    dice, folder = random.Random(20240620), three[0].parent
    for path in sorted(path for path in folder.iterdir() if path.suffix != ".lock"):
        whole = path.read_bytes()
        for _ in range(4):
            at = dice.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(7))]) + whole[at + 1 :])
            assert evidence.problems(three[-1]) != [], f"{path.name}, byte {at}"
        path.write_bytes(whole)
    assert evidence.problems(three[-1]) == []


def test_deleted_and_reordered_records_are_found(three: list[Path]) -> None:
    index = three[0].parent / "index.jsonl"
    lines = index.read_text().splitlines(keepends=True)
    for changed in (lines[1:], [lines[0], lines[2]], [lines[1], lines[0], lines[2]], [*lines, lines[0]]):
        index.write_text("".join(changed))
        assert evidence.problems(three[-1]) != []
    index.write_text("".join(lines))
    assert evidence.problems(three[-1]) == []
    for path in sorted(three[0].parent.glob("n1.*")):
        content = path.read_bytes()
        path.unlink()
        assert evidence.problems(three[-1]) != [], path.name
        path.write_bytes(content)


def cut_off(three: list[Path]) -> str:
    """Take the newest record away, its line too; what the ledger said meanwhile is taken away as well."""
    folder = three[0].parent
    index, ledger = folder / "index.jsonl", folder.parent / "ledger/backup.jsonl"
    whole = index.read_text()
    for path in folder.glob(f"{three[-1].stem}.*"):
        path.unlink()
    for chain in (index, ledger):
        chain.write_text("".join(chain.read_text().splitlines(keepends=True)[:-1]))
    return whole


def test_newest_records_that_were_cut_off_are_found_by_what_was_said_elsewhere(
    three: list[Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger = three[0].parent.parent / "ledger/backup.jsonl"
    kept, digest = ledger.read_text(), hashlib.sha256(three[-1].read_bytes()).hexdigest()
    whole = cut_off(three)
    assert evidence.problems(three[0]) == [], "the folder alone cannot tell"
    lines = [json.loads(line) for line in whole.splitlines()]
    told = "".join(
        json.dumps({"file": line["file"], "record_seq": line["seq"], "record_hash": line["hash"]}) + "\n"
        for line in lines
    )
    for name, said in (("index", whole), ("vault", told), ("ledger", kept)):
        (tmp_path / name).write_text(said)
        assert main(["evidence", "verify", str(three[0]), "--head", str(tmp_path / name)]) == 7
        assert f"{three[-1].name}: was cut off" in capsys.readouterr().err
    for page, code in ((digest, 7), (hashlib.sha256(three[0].read_bytes()).hexdigest(), 0)):
        assert main(["evidence", "verify", str(three[0]), "--head", page]) == code
    assert main(["evidence", "verify", str(three[0]), "--head", "nothing is said here"]) == 2
    ledger.write_text(kept)  # only the evidence was cut: the ledger beside it tells
    assert evidence.problems(three[0]) == [f"{three[-1].name}: was cut off, with all records after it"]


def test_a_record_that_no_line_names_is_found(three: list[Path]) -> None:
    folder = three[0].parent
    (folder / "n9.json").write_bytes(three[0].read_bytes())
    assert evidence.problems(three[0]) == ["n9.json: a record that the chain does not hold"]


def test_a_chain_that_was_written_anew_is_found(three: list[Path], own: Stage, seen: Drill) -> None:
    whole = cut_off(three)
    evidence.write(own.places, dataclasses.replace(seen, id=three[-1].stem, resumed=1))
    assert evidence.problems(three[-1]) == []
    (problem,) = evidence.problems(three[-1], "", heads.given(whole))
    assert problem == f"{three[-1].name}: the chain was written anew, at this record or before"


def test_a_vault_that_was_away_is_told_with_the_next_record(own: Stage, seen: Drill) -> None:
    told: list[str] = []

    def away(_lines: str) -> None:
        raise HostFailedError("drc-vault", "no answer")

    for number, tell in enumerate((told.append, away, told.append)):
        spots = dataclasses.replace(own.places, tell_vault=tell)
        evidence.write(spots, dataclasses.replace(seen, id=f"n{number}"))
        assert heads.sent(own.places.state) == (1, 1, 3)[number]
    assert [one.file for one in heads.given("".join(told))] == ["n0.json", "n1.json", "n2.json"]


def test_the_chain_can_be_followed_with_plain_commands(three: list[Path]) -> None:
    for before, after in pairwise(three):
        line = f'grep -q "\\"previous\\": \\"$(sha256sum < {before.name} | cut -c1-64)\\"" {after.name}'
        assert subprocess.run(["sh", "-c", line], cwd=before.parent, check=False).returncode == 0
        assert subprocess.run(["sh", "-c", line.replace(before.name, after.name, 1)], cwd=before.parent,
                              check=False).returncode != 0  # fmt: skip


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{"), lambda path: path.write_text("[]")])
def test_a_lost_record_stops_no_later_drill_and_is_told_by_it(
    own: Stage, seen: Drill, damage: Callable[[Path], object]
) -> None:
    usual = dataclasses.replace(seen, id="20260101T000000-dinkes.contoh-aaaa", restore_seconds=1.0)
    damage(evidence.write(own.places, usual).record)
    later = evidence.write(own.places, dataclasses.replace(usual, id="20260108T000000-dinkes.contoh-bbbb"))
    told = json.loads(later.record.read_text())
    assert (told["trend"], told["unreadable_before"]) == ({}, ["20260101T000000-dinkes.contoh-aaaa.json"])
    assert "20260101T000000-dinkes.contoh-aaaa.json" in later.page.read_text()


def test_every_step_says_what_it_proves_and_a_slower_restore_is_told(own: Stage, seen: Drill) -> None:
    usual = dataclasses.replace(seen, id="20260101T000000-dinkes.contoh-aaaa", restore_seconds=1.0)
    evidence.write(own.places, usual)
    slow = evidence.write(own.places, dataclasses.replace(usual, id="20260108T000000-dinkes.contoh-bbbb",
                                                          restore_seconds=2.0))  # fmt: skip
    told = json.loads(slow.record.read_text())
    assert (told["trend"]["ratio"], told["trend"]["alarm"]) == (0.5, True)
    assert "slower by more than 30 %" in slow.page.read_text()
    assert all(step["proves"]["controls"] for step in told["steps"])
    assert {line[0] for line in told["standards"]} >= {"ISO/IEC 27001:2022 A.5.30", "ISO 22301:2019 8.5"}


def test_the_page_is_a_pdf_too_and_nobody_prints_a_forgery(three: list[Path], tmp_path: Path) -> None:
    made = evidence_pdf.write(three[0], tmp_path / "bukti.pdf")
    text = " ".join("".join(page.extract_text() for page in PdfReader(made).pages).split())
    digest = hashlib.sha256(three[0].read_bytes()).hexdigest()
    for words in ("TERBUKTI", "Restore drill evidence", "A.8.13", "ISO 22301:2019 8.5", "openssl pkeyutl"):
        assert words in text
    assert digest in "".join(text.split())
    page = three[0].with_suffix(".html")
    page.write_text(page.read_text().replace("TERBUKTI", "TIDAK TERBUKTI"))
    with pytest.raises(DrillFailedError, match="changed since"):
        evidence_pdf.write(three[0], tmp_path / "palsu.pdf")
