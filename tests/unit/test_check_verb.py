"""ops check and ops schema as a person runs them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest

from ops.cli.main import main

ROOT = Path(__file__).parents[2]
BATUBARA = ROOT / "inventories/batubara"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    folder = tmp_path / "batubara"
    shutil.copytree(BATUBARA, folder)
    office = folder / "opd/dinkes.yml"
    text = office.read_text(encoding="utf-8")
    office.write_text(text.replace("lan: 10.41.1.0/24", "lan: 10.41.2.0/24"), encoding="utf-8")
    (folder / "opd/baru.yml").write_text(text.replace("code: dinkes", "code: baru"), encoding="utf-8")
    return folder


def test_a_valid_inventory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-i", str(BATUBARA)]) == 0
    said = capsys.readouterr()
    first, *expired = said.out.splitlines()
    assert "is valid: 45 offices" in first
    assert all("the decision has run out" in line for line in expired), "decisions against a backup have a date"
    assert said.err == ""


def test_a_valid_inventory_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-i", str(BATUBARA), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is True
    assert told["counts"]["offices"] == 45


def test_a_range_that_is_nearly_full_is_told_and_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "batubara"
    shutil.copytree(BATUBARA, folder)
    office = folder / "opd/dinkes.yml"
    text = office.read_text(encoding="utf-8").replace(
        "  range: 20100-20199\n", "  range: 20100-20199\n  extensions:\n", 1
    )
    head, _, rest = text.partition("  extensions:\n")
    more = [f"    - {{number: {number}, name: Meja {number}, place: softphone}}\n" for number in range(20110, 20196)]
    for count, told in ((86, False), (87, True)):
        rows = "".join([*more, "    - {number: 20196, name: Satu lagi, place: softphone}\n"][:count])
        office.write_text(head + "  extensions:\n" + rows + rest.replace("  extensions:\n", "", 1), encoding="utf-8")
        assert main(["check", "-i", str(folder)]) == 0
        said = capsys.readouterr().out
        assert ("dinkes: 9 numbers of the range 20100-20199 are free" in said) is told
    assert main(["check", "-i", str(folder), "--json"]) == 0
    (room,) = json.loads(capsys.readouterr().out)["nearly_full"]
    assert (room["opd"], room["free"]) == ("dinkes", 9)


def test_all_problems_with_places_and_hints_and_exit_3(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in broken.rglob("*.yml")}
    assert main(["check", "-i", str(broken)]) == 3
    said = capsys.readouterr().err
    wrong = f"links[wan].lan: 10.41.2.0/24 overlaps 10.41.2.0/24 of dinkes ({broken}/opd/dinkes.yml:"
    assert re.search(rf"(?m)^{re.escape(str(broken))}/opd/disdik\.yml:\d+:10 {re.escape(wrong)}", said)
    assert "phones.extensions[20100].number: 20100 already belongs to baru Penerima Tamu" in said
    assert "\n    give each link a LAN of its own" in said
    assert "problem(s) in the inventory" in said
    assert "nothing was changed" in said
    assert {path: path.read_bytes() for path in broken.rglob("*.yml")} == before


def test_problems_as_json(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-i", str(broken), "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is False
    assert {"at", "what", "hint"} == set(told["problems"][0])


def test_no_inventory_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-i", str(tmp_path)]) == 3
    assert "region.yml:1:1 file not found" in capsys.readouterr().err


def test_schemas_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--write", str(tmp_path / "new")]) == 0
    assert "opd.json  for opd/<code>.yml" in capsys.readouterr().out
    for name in ("region", "fibre", "drc", "schedules", "opd"):
        made = json.loads((tmp_path / f"new/{name}.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(made)


def test_schemas_without_a_folder_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"region", "fibre", "drc", "schedules", "opd"}


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["schema", "--write", str(tmp_path / "file")]) == 1
    assert "name a folder" in capsys.readouterr().err
