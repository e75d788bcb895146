"""History as Markdown: who did what to whom and why, and nobody's words become markup."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ops.runs.history_page import MOST_EVENTS, markdown


def story(**changed: Any) -> dict[str, Any]:
    return {
        "id": "6f2a", "created": 1_795_000_000.0, "started": 1_795_000_001.0, "ended": 1_795_000_009.0, "kind": "apply",
        "state": "done", "who": "ani", "reason": "new office", "plan": "3f9a0c21be77d4101111", "error": None,
        "approvals": [{"who": "budi", "verdict": "approved", "comment": "seen"}],
        "opds": {"dinkes": {"state": "changed", "text": ""}},
        "hosts": {"dc-web": {"state": "failed", "text": "disk full"}},
        "events": [{"step": "files", "subject": "dc-web", "state": "changed", "text": "3 files"},
                   {"step": "look", "subject": "dc-dns", "state": "ok", "text": "seen"}], **changed,
    }  # fmt: skip


def page(*stories: dict[str, Any]) -> str:
    return "\n".join(markdown(stories, "Asia/Jakarta"))


def test_who_what_why_and_for_whom_stand_there() -> None:
    text = page(story())
    assert "2026-11-18" in text
    assert "WIB · apply · done" in text
    for words in ("asked by ani: new office", "plan `3f9a0c21be77d410`", "approved by budi: seen", "took 8 s"):
        assert words in text
    for row in ("| dinkes | changed |", "| dc-web | failed | disk full |", "| files | dc-web | changed | 3 files |"):
        assert row in text
    assert "dc-dns" not in text  # nothing changed there


def test_a_failure_is_told_and_long_runs_are_cut() -> None:
    many = [{"step": "s", "subject": f"h{n}", "state": "changed", "text": ""} for n in range(MOST_EVENTS + 5)]
    text = page(story(error={"what": "no space left"}, state="failed", events=many))
    assert "**no space left**" in text
    assert "… 5 more" in text


def test_nothing_found_is_an_empty_page() -> None:
    assert page() == "# 0 runs"


@given(st.text(max_size=60))
def test_nobodys_words_become_markup(words: str) -> None:
    text = page(story(reason="", who=words, opds={words: {"state": "ok", "text": words}}))
    (row,) = [line for line in text.splitlines() if line.startswith("| ") and " | ok | " in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert not re.search(r"(?<!\\)[`*<>#]", row)
