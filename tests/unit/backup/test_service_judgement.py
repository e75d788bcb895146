"""What is said of a service that was started from its backups and asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup import service, service_drill
from backup.checks.contract import Difference, Point
from backup.drilled import Drill
from backup.hostside import probing, service_prove
from backup.service import Kind, ServiceDrill
from backup.verify.verdict import Fault
from ops import world
from ops.errors import HostFailedError, OpsError, UsageError
from ops.inventory.load import load
from ops.jobs.registry import find

BATUBARA = Path(__file__).parents[3] / "inventories/batubara"
REGION = load(BATUBARA)
NOW = 1_800_000_000.0
HOUR = 3600.0


def drill(**changes: Any) -> ServiceDrill:
    """A green one, but for `changes`."""
    (item,) = service.items(REGION, Kind.SERVICE, names=["layanan"])
    held: dict[str, list[Difference]] = {"file_contents": []}
    sets = [Drill(one.key, one, NOW, [], checked=dict(held), cleaned=True) for one in item.sets]
    probes = [{"probe": probe.model_dump(), "answer": {}, "wrong": ""} for probe in item.service.probes]
    made = ServiceDrill("x", item, NOW, [], sets, probes, green=NOW + 60, asked=NOW + 60, cleaned=True)
    made.point = Point(NOW - HOUR, "newest business time")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def classed(seen: ServiceDrill) -> tuple[bool, str]:
    return seen.proven, str(service.judge(seen).fault)


def unanswered(seen: ServiceDrill, at: float) -> ServiceDrill:
    seen.probes[1]["wrong"] = "the query gave 'f', 't' expected"
    seen.green, seen.asked = 0.0, at
    return seen


def test_a_green_one() -> None:
    assert classed(drill()) == (True, "none")
    assert (drill().rto, drill().rpo) == (60, HOUR)


def test_restored_right_and_yet_not_answering_is_incomplete() -> None:
    seen = unanswered(drill(), NOW + 90)
    assert classed(seen) == (False, "incomplete")
    assert "SELECT count(*) > 0" in service.judge(seen).proof[0].what


def test_an_answer_that_never_came_in_time_or_came_too_late_is_rto() -> None:
    late = 9 * HOUR
    assert classed(unanswered(drill(), NOW + late)) == (False, "rto")
    assert classed(drill(green=NOW + late, asked=NOW + late)) == (False, "rto")


def test_too_much_lost_is_rpo() -> None:
    assert classed(drill(point=Point(NOW - 25 * HOUR, "x"))) == (False, "rpo")


def test_a_set_that_is_not_proven_tells_the_class() -> None:
    seen = drill(green=0.0, asked=0.0, probes=[])
    seen.sets[0].checked["file_contents"] = [Difference("differs", "a.txt")]
    assert classed(seen) == (False, "silent")
    assert service.judge(seen).proof[0].what.startswith("dinkes.dokumen-dinkes: ")


@pytest.mark.parametrize(
    ("failure", "error", "expected"),
    [
        ("view: ns1 is silent", HostFailedError("ns1", "is silent"), Fault.NETWORK),
        ("start: nginx does not run", HostFailedError("drc-restore", "nginx does not run"), Fault.INCOMPLETE),
        ("provision: no", OpsError("no"), Fault.INCOMPLETE),
    ],
)
def test_where_it_stopped(failure: str, error: OpsError, expected: Fault) -> None:
    assert service.judge(drill(failure=failure, error=error, green=0.0, asked=0.0)).fault is expected


def test_names_gone_astray_and_anything_left_behind_are_red() -> None:
    assert classed(drill(astray=["after: the test view says 10.40.8.12"])) == (False, "incomplete")
    assert not drill(cleaned=False).proven
    seen = drill()
    seen.sets[1].cleaned = False
    assert not seen.proven


PAGE = {"path": "/", "sql": "", "status": 200, "expect": "Selamat"}
QUERY = {"path": "", "sql": "SELECT 1", "status": 200, "expect": "1"}


@pytest.mark.parametrize(
    ("probe", "answer", "said"),
    [
        (PAGE, {"status": 200, "holds": True}, ""),
        (PAGE, {"status": 404, "holds": False}, "status 404, 200 expected"),
        (PAGE, {"status": 200, "holds": False}, "the page does not hold 'Selamat'"),
        (PAGE, {"error": "ConnectionRefusedError"}, "no answer: ConnectionRefusedError"),
        (QUERY, {"value": "1"}, ""),
        (QUERY, {"value": "2"}, "the query gave '2', '1' expected"),
        (QUERY, {"value": None}, "the query gave nothing"),
        ({**QUERY, "expect": None}, {"value": "anything"}, ""),
        ({**QUERY, "expect": None}, {"value": ""}, "the query gave nothing"),
    ],
)
def test_answers(probe: dict[str, Any], answer: dict[str, Any], said: str) -> None:
    assert probing.wrong(probe, answer) == said


@given(st.lists(st.booleans(), min_size=2, max_size=2), st.floats(1, 20 * HOUR))
def test_it_is_proven_only_if_all_is_answered_in_time(right: list[bool], after: float) -> None:
    seen = drill(asked=NOW + after, green=NOW + after if all(right) else 0.0)
    for probe, held in zip(seen.probes, right, strict=True):
        probe["wrong"] = "" if held else "no"
    assert seen.proven is (all(right) and after <= 8 * HOUR)
    assert (service.judge(seen).fault is Fault.NONE) is seen.proven


def test_services_are_found_by_either_name_and_a_wrong_one_is_told() -> None:
    for name in ("layanan", "dinkes.layanan"):
        assert [one.key for one in service.items(REGION, Kind.FAILOVER, names=[name])] == ["failover.dinkes.layanan"]
    with pytest.raises(UsageError, match="no service named laianan"):
        service.items(REGION, Kind.SERVICE, names=["laianan"])
    with pytest.raises(UsageError, match="no office with a service named rsud"):
        service.items(REGION, Kind.SERVICE, opds=["rsud"])


def test_the_web_server_says_whose_it_is() -> None:
    made = service_prove.web_settings("/d/web", {"root": "/d/data", "name": "x.example", "mark": "drill-1"}, "80")
    assert "server_name x.example;" in made
    assert f'add_header {probing.MARK} "drill-1" always;' in made
    assert "user " not in made, "it runs as an account that can change nothing"


def test_a_failover_drill_of_the_regency_needs_a_second_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    real = world.real(BATUBARA)
    assert find("drill-failover").hold(real, {"service": ["layanan"]}) == "a service is started on a standby"
    assert find("drill-service").hold(real, {"service": ["layanan"]}) == ""
    assert find("drill-failover").scope(real, {}).locks == ("host:drc-restore",)


def test_two_services_of_one_set_each_restore_it_for_themselves() -> None:
    asked: list[str] = []

    def keep(name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]:
        asked.append(name)
        return work()

    (item,) = service.items(REGION, Kind.SERVICE, names=["layanan"])
    other = dataclasses.replace(item, service=item.service.model_copy(update={"name": "lain"}))
    for one in (item, other):
        service_drill.within(one, keep)("drill dinkes.simpus: restore", dict)
    assert len(set(asked)) == 2
