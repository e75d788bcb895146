"""Evidence: what it says, that it says no more than was shown, and that any change to it is found."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from backup_rig import CANARY
from drill_stage import Stage, damaging, needs_root, one, places_entry

from backup import evidence
from backup.drilled import Drill
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
    assert [len(kept[name]["standards"]) for name in "abcd"] == [3, 3, 0, 2]
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
