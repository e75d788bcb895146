"""`ops voip` on the twin: what runs is what a fresh start would give, and new passwords reach whom they concern."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.system
PROGRAM = "/usr/local/sbin/kominfo-exchange"


def test_the_exchange_runs_what_a_fresh_start_would_give(applied: Any) -> None:
    found = applied.json("voip", "check")
    assert found["ok"]
    status = applied.json("voip", "status")["dc-pbx"]
    assert status["release"] == status["staged"] == found["exchanges"]["dc-pbx"]["release"]
    assert "nothing changed, nothing reloaded" in applied.on("dc-pbx", PROGRAM)


def test_new_passwords_reach_the_exchange_and_the_telephones_and_a_plan_is_empty_after(applied: Any) -> None:
    def held() -> tuple[str, ...]:
        text = applied.on("dc-pbx", "cat /etc/asterisk/current/dinkes.auth.conf")
        return tuple(re.findall(r"^\[20100(?:-old)?\][^[]*?MD5:(\w+)", text, re.MULTILINE))

    before = held()
    found = applied.json("voip", "rotate", "--opd", "dinkes")
    after = held()
    assert found["exchange"]["failed"] == found["telephones"]["failed"] == []
    assert after[1] == before[0], "what held goes on holding"
    assert after[0] not in before
    changes = applied.json("plan", "--opd", "dinkes")["changes"]
    assert [one for one in changes if one["kind"] in {"pbx-config", "phone-file"}] == []
