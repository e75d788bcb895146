"""What is judged of a call, what is kept of it, and what Prometheus gets to see."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from exporters.calls import CallResults
from ops.errors import OpsError
from ops.jobs import call_test
from ops.jobs.backup import Age
from ops.jobs.call_report import CallReport, Way, mos
from ops.progress import silent
from ops.system.sip.agent import Agent
from ops.system.sip.place import Account, Place
from ops.world import World

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
GOOD = Way(sent=201, received=200, lost=0, jitter_ms=2.5, tone_hz=1000, level_db=-12.1, other_db=-67.0)


def way(**changed: float) -> Way:
    return Way(**{**{name: getattr(GOOD, name) for name in Way.__slots__}, **changed})


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, ""),
        ({"received": 159}, "only 159 packets in 4 s"),
        ({"lost": 3}, "3 packets lost"),
        ({"level_db": -30.1}, "tone of 1000 Hz not heard (-30.1 dB)"),
        ({"other_db": -22.0}, "tone of 1000 Hz not clear of the other"),
    ],
)
def test_a_way_is_bad_for_one_reason_at_a_time(changed: dict[str, float], fault: str) -> None:
    assert way(**changed).faults(4) == ([fault] if fault else [])


@given(received=st.integers(0, 300), lost=st.integers(0, 300), level=st.floats(-99, 0), other=st.floats(-99, 0))
def test_silence_is_never_good(received: int, lost: int, level: float, other: float) -> None:
    """What passes has most of its packets, a loud tone, and only that tone."""
    if not way(received=received, lost=lost, level_db=level, other_db=other).faults(4):
        assert received >= 160
        assert level >= -30
        assert level - other >= 10


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known")


def shown(world: World, later: float = 0.0) -> str:
    registry = CollectorRegistry()
    registry.register(CallResults(lambda: world, lambda: time.time() + later))
    return generate_latest(registry).decode()


def test_a_kept_result_is_what_prometheus_sees(world: World) -> None:
    report = CallReport("dinkes", "disdik", "20100", "20200", 4, 3.1, 5.5, GOOD, GOOD, ())
    call_test._keep(world, ("dinkes", "disdik"), report.as_dict())
    text = shown(world)
    assert 'opd_call_test_ok{from_opd="dinkes",to_opd="disdik"} 1.0' in text
    assert 'opd_call_test_setup_seconds{from_opd="dinkes",to_opd="disdik"} 0.0055' in text
    assert 'opd_call_test_tone_level_dbfs{direction="back",from_opd="dinkes",to_opd="disdik"} -12.1' in text
    assert 'opd_call_test_jitter_seconds{direction="there",from_opd="dinkes",to_opd="disdik"} 0.0025' in text
    assert "20100" not in text, "labels name offices, never numbers"


def test_a_result_says_how_far_the_call_went() -> None:
    """Who only hears the exchange's echo has proven no office's line."""
    pair = ("dinkes", "disdik", "20100", "20298")
    assert CallReport(*pair, 4, 0, 5.5, None, GOOD, ()).as_dict()["reach"] == "exchange"
    assert CallReport(*pair, 4, 3.1, 5.5, GOOD, GOOD, ()).as_dict()["reach"] == "office"


def test_a_call_that_could_not_be_placed_is_kept_as_bad(world: World) -> None:
    call_test._keep(world, ("dinkes", "disdik"), {"ok": False, "faults": ["20100: no answer"]})
    text = shown(world)
    assert 'opd_call_test_ok{from_opd="dinkes",to_opd="disdik"} 0.0' in text
    assert "setup_seconds{" not in text


def test_what_is_gone_or_long_ago_is_not_bad_for_ever(world: World) -> None:
    for pair in (("dinkes", "disdik"), ("dinkes", "dinas-lama")):
        call_test._keep(world, pair, {"ok": False, "faults": ["20100: no answer"]})
    now, later = shown(world), shown(world, 3 * 86400.0)
    assert 'opd_call_test_ok{from_opd="dinkes",to_opd="disdik"} 0.0' in now
    assert "dinas-lama" not in now
    assert "opd_call_test_ok{" not in later
    assert 'opd_call_test_timestamp_seconds{from_opd="dinkes",to_opd="disdik"}' in later, (
        "what tells that calls stopped"
    )


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"from_opd": "a"}', '{"from_opd":"dinkes","to_opd":"disdik","setup_ms":"x"}']
)
def test_a_broken_result_gives_no_sample_and_no_error(world: World, content: str) -> None:
    (world.state / "calls").mkdir()
    (world.state / "calls/dinkes.disdik.json").write_text(content, encoding="utf-8")
    assert "setup_seconds{" not in shown(world)


@pytest.mark.parametrize(
    ("offices", "what"), [(("dinkes", "tiada"), "no office tiada"), (("tiada", "dinkes"), "no office tiada")]
)
def test_an_unknown_office_is_named(world: World, offices: tuple[str, str], what: str) -> None:
    with pytest.raises(OpsError, match=what):
        call_test.call_test(world, *offices, 4, silent)
    assert not (world.state / "calls").exists()


def test_an_office_that_is_not_in_the_twin_is_named(tmp_path: Path) -> None:
    twin = World("none", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known", station="none.station")
    with pytest.raises(OpsError, match="dinkes is not in this twin") as error:
        call_test.call_test(twin, "dinkes", "disdik", 4, silent)
    assert "ops twin up" in error.value.next_step


def test_a_call_that_somebody_else_answered_proves_nothing() -> None:
    callee = Agent(Account("20200", "x", "region.example", ("127.0.0.1", 9)), Place("127.0.0.1"), 600)
    with pytest.raises(OpsError, match="answered, but not by 20200"):
        asyncio.run(call_test._incoming(callee))


@pytest.mark.parametrize(("age", "late"), [(None, True), (0.0, False), (60.0, False), (60.1, True), (-0.1, True)])
def test_a_backup_from_the_future_is_not_fresh(age: float | None, late: bool) -> None:
    assert Age("dinkes.x", "files", "h", 60.0, age, 1, 1).late is late


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 500), st.floats(0, 500))
def test_a_worse_way_never_sounds_better(loss: float, more: float, jitter: float, shakier: float) -> None:
    assert 1 <= mos(max(loss, more), jitter) <= mos(min(loss, more), jitter) <= 4.5
    assert mos(loss, max(jitter, shakier)) <= mos(loss, min(jitter, shakier))


def test_the_score_is_the_e_models() -> None:
    """R = 93.2 - 0.024 x 40 = 92.24 without loss; with 5 %: 15.78 less (G.107, G.113)."""
    assert mos(0, 0) == 4.39
    assert mos(0.05, 0) == 3.88
    assert mos(1, 0) < 1.2
