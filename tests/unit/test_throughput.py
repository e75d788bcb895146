"""Throughput tests cost bytes: how many, of whose, and when they are refused. iperf3 itself is a stand-in here."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.throughput import FIGURES, ThroughputResults
from ops import world as worlds
from ops.errors import HostFailedError, OpsError, RefusedError, UsageError
from ops.jobs import throughput
from ops.jobs.throughput_budget import Budget, need_quiet, size
from ops.progress import silent
from ops.system import iperf
from ops.system.process import Ask, Local

BATUBARA = Path(__file__).parents[2] / "inventories/batubara"
NOW = datetime(2026, 11, 21, 22, 0, tzinfo=ZoneInfo("Asia/Jakarta"))  # a Saturday night


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> worlds.World:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    return worlds.real(BATUBARA)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> list[iperf.Test]:
    """What is asked of iperf3; the line carries 95 % of what is tried."""
    asked: list[iperf.Test] = []

    def measure(test: iperf.Test, _patience: float = 0.0) -> iperf.Carried:
        asked.append(test)
        return iperf.Carried(test.most_bits * 0.95 / throughput.OVER, test.most_bits * test.seconds // 10, 3)

    monkeypatch.setattr(iperf, "measure", measure)
    return asked


def tried(world: worlds.World, **args: Any) -> dict[str, Any]:
    return throughput.test(world, world.region.opd("dinkes"), {"hours": "any", **args}, silent)


def test_both_ways_are_tried_up_to_a_tenth_over_the_contract(world: worlds.World, line: list[iperf.Test]) -> None:
    contract = world.region.opd("dinkes").links[0].contract
    found = tried(world, budget="1G", seconds="3")
    assert [(one.back, one.seconds, one.most_bits) for one in line] == [
        (False, 3, int(contract.download * 1.1)),
        (True, 3, int(contract.upload * 1.1)),
    ]
    assert line[0].server == "10.41.1.50"
    assert found["download_bps"] == pytest.approx(0.95 * contract.download, rel=0.01)
    assert found["contract_upload_bps"] == contract.upload


def scraped(state: Path) -> dict[tuple[str, ...], float]:
    """(metric, office, direction) → value."""
    found = [sample for family in ThroughputResults(state).collect() for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


def test_the_last_result_is_told_to_prometheus(world: worlds.World, line: list[iperf.Test]) -> None:
    found = tried(world, budget="1G")
    assert scraped(world.state) == {
        ("opd_throughput_bits_per_second", "dinkes", "download"): found["download_bps"],
        ("opd_throughput_bits_per_second", "dinkes", "upload"): found["upload_bps"],
        ("opd_throughput_contract_bits_per_second", "dinkes", "download"): found["contract_download_bps"],
        ("opd_throughput_contract_bits_per_second", "dinkes", "upload"): found["contract_upload_bps"],
        ("opd_throughput_timestamp_seconds", "dinkes"): found["at"],
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"at": 1, "download_bps": 5}', '{"at": NaN}'])
def test_a_broken_result_gives_no_sample_and_hides_no_other(
    world: worlds.World, line: list[iperf.Test], text: str
) -> None:
    tried(world, budget="1G")
    (world.state / "throughput/results/bpbd.json").write_text(text)
    assert {name[1] for name in scraped(world.state)} == {"dinkes"}


def test_a_test_that_breaks_leaves_the_last_result(world: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    throughput.keep(world.state, {"opd": "dinkes", "at": 7.0} | dict.fromkeys(FIGURES, 5))

    def broken(test: iperf.Test, _patience: float = 0.0) -> iperf.Carried:
        raise HostFailedError(test.server, "iperf3: unable to connect")

    monkeypatch.setattr(iperf, "measure", broken)
    with pytest.raises(HostFailedError):
        tried(world, budget="200M")
    assert scraped(world.state)["opd_throughput_timestamp_seconds", "dinkes"] == 7.0


def test_it_is_off_until_it_has_a_budget(world: worlds.World, line: list[iperf.Test]) -> None:
    with pytest.raises(RefusedError, match="off"):
        tried(world)
    assert line == []


def test_what_was_used_counts_against_the_next(world: worlds.World, line: list[iperf.Test]) -> None:
    found = tried(world, budget="200M")
    kept = json.loads((world.state / "throughput/dinkes.json").read_text())
    assert kept["bytes"] == found["bytes"]
    assert found["budget_left_bytes"] == 200_000_000 - found["bytes"]
    with pytest.raises(RefusedError, match="left this month"):
        tried(world, budget="70M")
    assert len(line) == 2


def test_a_test_that_breaks_has_paid(world: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(test: iperf.Test, _patience: float = 0.0) -> iperf.Carried:
        raise HostFailedError(test.server, "iperf3: unable to connect")

    monkeypatch.setattr(iperf, "measure", broken)
    with pytest.raises(HostFailedError):
        tried(world, budget="200M")
    assert json.loads((world.state / "throughput/dinkes.json").read_text())["bytes"] > 50_000_000


@given(st.lists(st.integers(1, 10**9), max_size=12), st.integers(1, 10**9))
def test_never_more_than_the_budget_is_taken(
    tmp_path_factory: pytest.TempPathFactory, asks: list[int], most: int
) -> None:
    folder, taken = tmp_path_factory.mktemp("budget"), 0
    budget = Budget(folder, "dinkes", most, NOW)
    for count in asks:
        try:
            budget.take(count)
            taken += count
        except RefusedError:
            assert taken + count > most
    assert taken == budget.used <= most


def test_a_new_month_has_a_new_budget_and_a_broken_note_has_none(tmp_path: Path) -> None:
    Budget(tmp_path, "dinkes", 100, NOW).take(100)
    later = Budget(tmp_path, "dinkes", 100, NOW.replace(month=12))
    later.take(60)
    assert later.used == 60
    (tmp_path / "throughput/dinkes.json").write_text("{")
    with pytest.raises(OpsError, match="cannot be read"):
        later.take(1)


@pytest.mark.parametrize(
    ("day", "hour", "quiet"), [(23, 6, True), (23, 7, False), (27, 16, False), (27, 17, True), (28, 10, True)]
)
def test_working_hours_are_left_alone(day: int, hour: int, quiet: bool) -> None:
    at = NOW.replace(day=day, hour=hour)
    if quiet:
        need_quiet(at)
    else:
        with pytest.raises(RefusedError, match="working hours"):
            need_quiet(at)


def test_sizes_are_read_as_people_write_them() -> None:
    assert (size("200M"), size("2G"), size("1500")) == (200_000_000, 2_000_000_000, 1500)
    with pytest.raises(UsageError):
        size("much")


@pytest.mark.parametrize("args", [{"opd": ["nosuch"]}, {"server": "10.41.1.9"}])
def test_what_cannot_be_meant_is_refused(world: worlds.World, args: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        throughput.THROUGHPUT.scope(world, args)


def test_only_one_test_runs_at_a_time(world: worlds.World) -> None:
    scope = throughput.THROUGHPUT.scope(world, {"opd": "dinkes"})
    assert (scope.opds, scope.locks) == (("dinkes",), ("throughput",))


def test_what_iperf3_complains_about_is_told() -> None:
    with pytest.raises(HostFailedError, match="Connection refused") as failed:
        iperf.Carried.parse('{"end": {}, "error": "unable to connect to server: Connection refused"}', "10.41.1.50")
    assert "iperf3 --server" in failed.value.next_step
    with pytest.raises(HostFailedError, match="can be read"):
        iperf.Carried.parse("", "10.41.1.50")


@pytest.mark.skipif(not shutil.which("iperf3"), reason="iperf3 is not installed (apt-get install iperf3)")
@pytest.mark.parametrize("back", [False, True])
def test_the_real_iperf3_is_understood(back: bool) -> None:
    port = 20_000 + (threading.get_native_id() % 20_000) + back
    words = ["iperf3", "--server", "--one-off", "--bind", "127.0.0.1", "--port", str(port)]
    serving = threading.Thread(target=lambda: Local().run(words, Ask(timeout=30)))
    serving.start()
    found = iperf.measure(iperf.Test("127.0.0.1", 8_000_000, 1, back, port), 20)
    serving.join()
    assert 4e6 < found.bits_per_second < 12e6
    assert 0 < found.bytes <= iperf.Test("", 8_000_000, 1).most_bytes
