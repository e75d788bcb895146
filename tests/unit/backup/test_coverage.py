"""Which services count as protected, and what is said of the others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from backup import heads, keycheck
from backup.chain import Chain
from backup.coverage import DRILL_DAYS, FAILOVER_DAYS, State, coverage, failed_over, greens
from backup.layout import items
from backup.metrics import Backups
from exporters.metrics import family
from ops.inventory.load import load
from ops.inventory.model import Region, Waiver
from ops.world import World

BATUBARA = Path(__file__).parents[3] / "inventories/batubara"
NOW = 1_800_000_000.0  # 15 January 2027
DAY = 86_400.0
SIMPUS, ITS_RPO = "dinkes.simpus", 86_400.0


@pytest.fixture(scope="module")
def region() -> Region:
    return load(BATUBARA)


def one(region: Region, name: str, **known: float) -> tuple[State, str]:
    """`age`, `proof`: seconds since its newest backup and its newest green drill."""
    ages = {name: NOW - known["age"]} if "age" in known else {}
    drills = {name: NOW - known["proof"]} if "proof" in known else {}
    found = {service.name: service for service in coverage(region, ages, drills, NOW).services}
    return found[name].state, found[name].why


def test_only_a_fresh_backup_with_a_fresh_green_drill_counts(region: Region) -> None:
    assert one(region, SIMPUS, age=3600, proof=DAY) == (State.PROVEN, "")
    assert one(region, SIMPUS) == (State.NEVER, "it was never backed up")
    assert one(region, SIMPUS, proof=DAY)[0] is State.NEVER
    assert one(region, SIMPUS, age=ITS_RPO + 1, proof=DAY)[0] is State.LATE
    assert one(region, SIMPUS, age=-600, proof=DAY) == (State.LATE, "its newest backup was taken in the future")
    assert one(region, SIMPUS, age=3600) == (State.NO_DRILL, "no drill has proven it yet")
    assert one(region, SIMPUS, age=3600, proof=(DRILL_DAYS + 2) * DAY) == (
        State.NO_DRILL,
        "its newest green drill is 92 days old",
    )


def test_every_declared_service_is_told_by_name_and_place(region: Region) -> None:
    found = coverage(region, {}, {}, NOW)
    without = [opd.code for opd in region.opds if opd.no_backup]
    assert found.declared == len(items(region)) + len(without)
    assert (found.proven, found.share) == ((), 0.0)
    assert set(found.rest) == {service.name for service in found.services}
    assert all(service.at.startswith(str(BATUBARA)) or "opd/" in service.at for service in found.services)
    assert found.line.startswith(f"0 of {found.declared} services")


def test_a_signed_decision_holds_to_the_end_of_its_day_and_not_longer(region: Region) -> None:
    (opd,) = [opd for opd in region.opds if opd.code == "dkp"]
    assert opd.no_backup
    last = date.fromisoformat(opd.no_backup.until)

    def on(day: date, hour: int) -> tuple[State, str]:
        when = (day - date(1970, 1, 1)).days * DAY + (hour - 7) * 3600  # Asia/Jakarta
        (found,) = [service for service in coverage(region, {}, {}, when).services if service.name == "dkp"]
        return found.state, found.at

    assert on(last, 23)[0] is State.WAIVED
    state, at = on(date.fromordinal(last.toordinal() + 1), 1)
    assert state is State.EXPIRED
    assert at.rpartition("/")[2].startswith("dkp.yml:")


def test_one_service_of_an_office_can_be_waived(region: Region) -> None:
    waiver = Waiver(service="situs", reason="Data di pusat", until="2020-01-01", signed_by="Contoh")
    opds = tuple(opd.model_copy(update={"waivers": (waiver,)}) if opd.code == "dinkes" else opd for opd in region.opds)
    found = coverage(region.model_copy(update={"opds": opds}), {}, {}, NOW)
    assert [service.name for service in found.expired] == ["dinkes.situs"]
    assert "no backup until 2020-01-01 because Data di pusat, by Contoh" in found.expired[0].why


@given(
    ages=st.lists(st.floats(-DAY, 40 * DAY), min_size=5, max_size=5),
    proofs=st.lists(st.floats(0, 120 * DAY), min_size=5, max_size=5),
    lost=st.integers(0, 4),
)
def test_losing_a_drill_or_a_backup_never_protects_more(
    region: Region, ages: list[float], proofs: list[float], lost: int
) -> None:
    names = [item.key for item in items(region)][:5]
    taken = {name: NOW - age for name, age in zip(names, ages, strict=True)}
    green = {name: NOW - proof for name, proof in zip(names, proofs, strict=True)}
    whole = set(coverage(region, taken, green, NOW).proven)
    del green[names[lost]]
    assert set(coverage(region, taken, green, NOW).proven) == whole - {names[lost]}
    taken.clear()
    assert coverage(region, taken, green, NOW).proven == ()


def test_green_drills_are_read_from_the_chain_of_evidence(tmp_path: Path) -> None:
    index = Chain(tmp_path / "index.jsonl")
    index.append({"file": "20270101T000000-dinkes.simpus-ab12.json", "sha256": "x", "verdict": "proven"})
    index.append({"file": "20270102T000000-dinkes.simpus-ab13.json", "sha256": "x", "verdict": "not proven"})
    index.append({"file": "20261201T000000-rsud.simrs-x-ab14.json", "sha256": "x", "verdict": "proven"})
    assert greens(tmp_path) == {"dinkes.simpus": 1_798_761_600.0, "rsud.simrs-x": 1_796_083_200.0}


def test_a_service_counts_as_failed_over_for_a_year_and_a_drill_in_isolation_is_none(region: Region) -> None:
    name = ("dinkes.layanan", "dinkes")
    for age, proven in ((DAY, True), (FAILOVER_DAYS * DAY, True), ((FAILOVER_DAYS + 1) * DAY, False), (-DAY, False)):
        assert failed_over(region, {"failover.dinkes.layanan": NOW - age}, NOW)[name] is proven
    assert failed_over(region, {"service.dinkes.layanan": NOW - DAY, "dinkes.layanan": NOW}, NOW) == {name: False}


def test_metrics_say_what_the_ledger_says(tmp_path: Path) -> None:
    world = World("x", BATUBARA, tmp_path, tmp_path, tmp_path)
    registry = CollectorRegistry()
    registry.register(Backups(lambda: world, family))
    value = registry.get_sample_value
    assert value("opd_backup_ledger_up") is None, "without a ledger there is nothing to tell"
    ledger = Chain(tmp_path / "ledger/backup.jsonl")
    ledger.append({"event": "backup", "of": SIMPUS, "taken": NOW, "figures": {"canaries_changed": 1}})
    keycheck.save(tmp_path, {SIMPUS: ["ff"]})
    labels = {"service": SIMPUS, "opd": "dinkes"}
    assert value("opd_backup_ledger_up") == 1
    assert value("opd_backup_last_success_timestamp_seconds", labels) == NOW
    assert value("opd_backup_canaries_changed", labels) == 1
    assert value("opd_backup_changed_ratio", labels) is None, "no figure, no sample"
    assert value("opd_repo_unknown_keys", labels) == 1
    assert value("opd_backup_services_proven") == 0
    Chain(tmp_path / "evidence/index.jsonl").append({"file": "x.json", "sha256": "x", "verdict": "not proven"})
    assert value("opd_evidence_heads_owed") == 1
    (tmp_path / heads.SENT).write_text("1\n")
    assert value("opd_evidence_heads_owed") == 0
    assert value("opd_service_failover_proven", {"service": "dinkes.layanan", "opd": "dinkes"}) == 0
    ledger.append({"event": "backup", "of": SIMPUS, "taken": NOW + 9})
    assert value("opd_backup_first_success_timestamp_seconds", labels) == NOW
    assert value("opd_backup_last_success_timestamp_seconds", labels) == NOW + 9
    assert value("opd_backup_copy_wanted", labels) == (world.region.recovery.copy_to is not None)
    ledger.path.write_text(ledger.path.read_text().replace("simpus", "simpas"))
    assert value("opd_backup_ledger_up") == 0
    assert value("opd_backup_services_proven") is None


def test_the_escrow_s_own_drills_are_told_and_those_of_an_older_escrow_do_not_count(tmp_path: Path) -> None:
    world = World("x", BATUBARA, tmp_path, tmp_path, tmp_path)
    registry = CollectorRegistry()
    registry.register(Backups(lambda: world, family))
    ledger, value = Chain(tmp_path / "ledger/backup.jsonl"), registry.get_sample_value
    ok, green = "opd_escrow_test_ok", "opd_escrow_test_last_green_timestamp_seconds"
    story: list[tuple[dict[str, object], float | None, float | None]] = [
        ({"event": "escrow", "at": 1.0}, None, None),
        ({"event": "escrow-test", "at": 2.0, "failure": "", "shares": ["a", "b", "c"]}, 1, 2.0),
        ({"event": "escrow-test", "at": 3.0, "failure": "wrong sheet", "shares": ["a"]}, 0, 2.0),
        ({"event": "escrow", "at": 4.0}, None, None),
        ({"event": "escrow-test", "at": 5.0, "failure": "", "shares": ["d", "e", "f"]}, 1, 5.0),
    ]
    for line, held, opened in story:
        ledger.append({"of": SIMPUS, **line})
        assert (value("opd_escrow_declared"), value(ok), value(green)) == (1, held, opened)


def test_keys_that_nobody_registered_and_keys_that_are_gone() -> None:
    ledger = [
        {"event": "key", "of": "a.x", "key": "11"},
        {"event": "key", "of": "a.x", "key": "22", "role": "drill"},
        {"event": "backup", "of": "a.x"},
        {"event": "key", "of": "b.y", "key": "33"},
    ]
    there = {"a.x": ["11", "ee"], "b.y": ["33"]}
    assert keycheck.unknown(there, ledger) == {"a.x": ["ee"], "b.y": []}
    assert keycheck.missing(there, ledger) == {"a.x": ["22"]}
    assert keycheck.newest(ledger, "a.x", "host") == "11"
    assert keycheck.newest(ledger, "a.x", "escrow") == ""
