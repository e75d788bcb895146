"""Records of calls by their age: full, masked, gone; whenever a run is cut off, none is lost and none doubled."""

from __future__ import annotations

import csv
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.system.call_records import FRESH, KEPT, TAKEN, aged, keep, mask, masked

DAY = 86400
NOW = 1_800_000_000.0
FULL, LONG = 90.0, 1830.0


def row(days: float, caller: str = "20101", called: str = "081234567890") -> list[str]:
    """As cdr_csv writes it."""
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(NOW - days * DAY))
    channels = [f"PJSIP/{caller}-0000001f", "PJSIP/trunk-telko-00000020"]
    name = f'"Kepala Dinas" <{caller}>'
    return ["", caller, called, "opd-dinkes", name, *channels, "Dial", f"PJSIP/{called}", began, began, began, "9", "8",
            "ANSWERED", "DOCUMENTATION"]  # fmt: skip


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_number_loses_its_last_digits_once() -> None:
    assert [mask(text) for text in ("20101", "081234567890", "112", "7", "", "anonymous")] == [
        "20xxx",
        "081234567xxx",
        "xxx",
        "x",
        "",
        "anonymous",
    ]


@given(st.text(max_size=40))
def test_masking_twice_is_masking_once_and_leaves_no_end_of_a_number(text: str) -> None:
    assert mask(mask(text)) == mask(text)
    assert not re.search(r"\d(?![\dx])", mask(text))


def test_a_masked_record_names_nobody() -> None:
    text = ",".join(masked(row(100)))
    for gone in ("20101", "081234567890", "Kepala"):
        assert gone not in text
    assert "opd-dinkes" in text
    assert "ANSWERED" in text


def test_records_age() -> None:
    rows = [row(0), row(89.9), row(90.1), row(1829), row(1831), ["broken"]]
    found = list(aged(rows, NOW, FULL, LONG))
    assert found == [rows[0], rows[1], masked(rows[2]), masked(rows[3]), ["broken"]]


@given(st.lists(st.lists(st.text(max_size=12), max_size=12), max_size=6), st.floats(0, 4e9))
def test_ageing_again_changes_nothing(rows: list[list[str]], now: float) -> None:
    once = list(aged(rows, now, FULL, LONG))
    assert list(aged(once, now, FULL, LONG)) == once


def test_a_folder_is_brought_to_its_age_and_new_calls_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.system.call_records.time.time", lambda: NOW)
    monkeypatch.setattr("ops.system.call_records.time.sleep", lambda _: None)
    write(tmp_path / FRESH, [row(200), row(1)])
    assert keep(str(tmp_path), FULL, LONG) == {"new": 2, "kept": 2, "masked": 1, "gone": 0}
    assert not (tmp_path / FRESH).exists()
    assert (tmp_path / KEPT).stat().st_mode & 0o077 == 0
    write(tmp_path / FRESH, [row(0)])
    assert keep(str(tmp_path), FULL, LONG)["kept"] == 3
    assert keep(str(tmp_path), FULL, LONG) == {"new": 0, "kept": 3, "masked": 1, "gone": 0}
    assert read(tmp_path / KEPT) == [masked(row(200)), row(1), row(0)]


def test_a_run_that_was_cut_off_loses_and_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.system.call_records.time.time", lambda: NOW)
    monkeypatch.setattr("ops.system.call_records.time.sleep", lambda _: None)
    write(tmp_path / TAKEN, [row(1), row(2)])  # moved away, then the power went
    write(tmp_path / FRESH, [row(0)])
    assert keep(str(tmp_path), FULL, LONG)["kept"] == 2
    assert keep(str(tmp_path), FULL, LONG)["kept"] == 3
    write(tmp_path / TAKEN, [row(0)])  # taken up, then the power went before it was removed
    assert keep(str(tmp_path), FULL, LONG)["kept"] == 3
    assert read(tmp_path / KEPT) == [row(1), row(2), row(0)]
