"""Every text of the pages has an Indonesian one, nothing is left over, and figures are written as people write them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.texts import NONE, words
from ops.texts.catalogue import FOLDER, read
from ops.texts.extract import literals, texts

ROOT = Path(__file__).parents[2]
ROOMS = [ROOT / "ops" / room for room in ("web", "overview", "reports")]
FILES = sorted(FOLDER.glob("*.po"))
used_texts = cache(lambda: texts(ROOMS))
_PLACES = re.compile(r"\{(\w+)\}")


def test_every_text_has_an_indonesian_one() -> None:
    used, known = used_texts(), {text for path in FILES for text in read(path)}
    assert {text: places[0] for text, places in used.items() if text not in known} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_left_over(path: Path) -> None:
    used = used_texts().keys() | literals(ROOMS)
    assert sorted(read(path).keys() - used) == []


def test_owners_do_not_contradict_each_other() -> None:
    found: dict[str, set[str]] = {}
    for path in FILES:
        for text, said in read(path).items():
            found.setdefault(text, set()).add(said)
    assert {text: said for text, said in found.items() if len(said) > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_translations_name_the_same_values(path: Path) -> None:
    wrong = {
        text: said for text, said in read(path).items() if set(_PLACES.findall(text)) != set(_PLACES.findall(said))
    }
    assert wrong == {}


def test_figures_as_people_write_them() -> None:
    indonesian, english = words("id"), words("en")
    assert (indonesian.number(1234.56, 1), english.number(1234.56, 1)) == ("1.234,6", "1,234.6")
    assert [indonesian.span(one) for one in (0, 45, 60, 4320, 86400, 97200, 90061)] == [
        "0 s", "45 s", "1 m", "1 j 12 m", "1 hr", "1 hr 3 j", "1 hr 1 j",
    ]  # fmt: skip
    assert (indonesian.ago(12), english.ago(12)) == ("12 s lalu", "12 s ago")
    assert [indonesian.rate(one) for one in (0, 999, 1_500_000, 50_000_000, 1_000_000_000)] == [
        "0 bit/s", "999 bit/s", "1,5 Mbit/s", "50 Mbit/s", "1 Gbit/s",
    ]  # fmt: skip
    assert indonesian.time(1795330204, "Asia/Jakarta") == "22 Nov 2026 13.50 WIB"
    assert english.time(1795330204, "Asia/Jakarta", seconds=True) == "22 Nov 2026 13:50:04 WIB"
    assert indonesian.date(1795330204, "Asia/Jayapura", "EEEE, d MMMM y") == "Minggu, 22 November 2026"


@given(st.sampled_from(["number", "percent", "span", "ago", "rate", "bytes"]), st.sampled_from(["id", "en"]))
def test_nothing_is_a_dash_and_never_a_nought(form: str, language: str) -> None:
    assert getattr(words(language), form)(None) == NONE  # type: ignore[arg-type]


@given(st.floats(-1e15, 1e15), st.integers(0, 4))
def test_a_number_reads_back(x: float, digits: int) -> None:
    said = words("id").number(x, digits)
    assert float(said.replace(".", "").replace(",", ".")) == pytest.approx(round(x, digits))
