"""Monthly reports: every figure from a record that was kept, and nothing green where there is none."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup.chain import Chain
from ops.errors import UsageError
from ops.jobs import config_backup
from ops.jobs.drift import DriftResult
from ops.jobs.report import Asked, report
from ops.jobs.report import facts as office_facts
from ops.plan.change import Change
from ops.reports.measured import Measured
from ops.reports.period import month_of
from ops.reports.render import markdown, render
from ops.texts import Language
from ops.world import World

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Asia/Jakarta")
HOUR, DAY = 3600.0, 86_400.0
KEYS = ("simpus", "dokumen-dinkes")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


END = at("2026-10-01")
LATER = at("2026-10-05")


@pytest.fixture
def here(tmp_path: Path) -> World:
    return World("batubara", ROOT / "inventories/batubara", tmp_path, tmp_path / "key", tmp_path / "known_hosts")


def backed_up(world: World, *times: float, names: tuple[str, ...] = KEYS) -> None:
    for time in times:
        for name in names:
            entry = {"event": "backup", "of": f"dinkes.{name}", "taken": time, "bytes": 5}
            Chain(world.state / "ledger/backup.jsonl").append(entry)


def drilled(world: World, when: float, service: str = "simpus", **changed: Any) -> Path:
    """One drill's record, in the chain as backup.evidence leaves it."""
    made = {
        "opd": "dinkes",
        "service": service,
        "declared": datetime.fromtimestamp(when, ZONE).isoformat(),
        "verdict": "proven",
        "failure": "",
        "objectives": {"rto": {"reached": 42.0, "target": 14_400.0}, "rpo": {"reached": 3600.0, "target": DAY}},
    } | changed
    path = world.state / "evidence" / f"{service}-{int(when)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made), encoding="utf-8")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    Chain(path.parent / "index.jsonl").append({"file": path.name, "sha256": digest, "verdict": made["verdict"]})
    return path


def called(world: World, when: float, **changed: Any) -> None:
    folder = world.state / "calls"
    folder.mkdir(parents=True, exist_ok=True)
    found = {"at": when, "from_opd": "dinkes", "to_opd": "disdik", "ok": True, "faults": [], "setup_ms": 12.4} | changed
    (folder / f"{found['from_opd']}.{found['to_opd']}.json").write_text(json.dumps(found), encoding="utf-8")


def drift(when: float, *hosts: str, unread: tuple[str, ...] = (), opds: tuple[str, ...] = ()) -> dict[str, Any]:
    changes = tuple(Change("router-queue", f"{host}/dinkes.wan", "a", "b", "dinkes.yml:32") for host in hosts)
    return DriftResult(when, "c", 700, changes, dict.fromkeys(unread, "no answer"), opds).summary()


def facts(
    world: World, *drifts: dict[str, Any], now: float = LATER, month: str = "2026-09", opd: str = "dinkes"
) -> dict[str, Any]:
    """Without any Prometheus."""
    asked = Asked(world, month_of(month, "Asia/Jakarta", now), None, drifts)
    (found,) = office_facts(asked, Measured(None), [opd])
    return found


def page(found: dict[str, Any], language: Language = "en") -> str:
    return render(found, "md", language).decode()


KEPT = ("backups", "drills", "calls", "drift", "configurations")


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: found[name]["state"] for name in KEPT}


def missing(found: dict[str, Any]) -> set[str]:
    return {one["figure"].partition(".")[0] for one in found["missing"]}


def test_the_job_writes_every_offices_files_and_those_of_all(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.reports.render.pdf", lambda page: b"%PDF " + page.encode()[:5])  # its time is elsewhere
    two = here.region.model_copy(update={"opds": here.region.opds[:2]})
    here.__dict__["region"] = two
    told: list[Any] = []
    made = report(Asked(here, month_of("2026-09", "Asia/Jakarta", LATER), None), told.append)
    ends = ("id.html", "en.html", "id.pdf", "json")
    names = {f"{name}.{end}" for name in [*(opd.code for opd in two.opds), "_region", "_upstream"] for end in ends}
    assert {path.name for path in made} == names
    assert {path.parent for path in made} == {here.state / "reports/2026-09"}
    assert {event.state.value for event in told} <= {"failed", "skipped"}  # never done while figures are missing


def test_without_any_record_nothing_is_good(here: World) -> None:
    found = facts(here)
    assert states(found) == {"backups": "bad"} | dict.fromkeys(KEPT[1:], "none")
    assert found["state"] == "bad"
    assert missing(found) == {"drills", "calls", "drift", "configurations", "availability", "bandwidth", "optics"}
    assert found["availability"]["state"] == "none"
    text = page(found)
    assert "as agreed" not in re.sub(r"NOT as agreed|not as agreed", "", text)
    assert "- Bandwidth against the contract: no Prometheus is declared" in text
    assert "**TIDAK sesuai**" not in text


def test_every_figure_names_a_query_that_stands_in_the_appendix(here: World) -> None:
    found = facts(here)
    named = set(re.findall(r'"source": "(Q\d+)"', json.dumps(found)))
    assert named == {one["id"] for one in found["sources"]}
    assert all(one["query"] for one in found["sources"])


def test_a_good_month_says_so_and_still_names_what_is_not_kept(here: World) -> None:
    backed_up(here, at("2026-09-10"), END - HOUR)
    for name in KEYS:
        drilled(here, at("2026-09-12"), name)
    called(here, at("2026-09-20"))
    files = config_backup.files(here)
    files.make()
    files.put("dinkes-rtr1.cfg", "x\n", lambda _before: "first")
    (commit,) = files.commits("dinkes-rtr1.cfg")
    month, now = datetime.fromtimestamp(commit.at, ZONE).strftime("%Y-%m"), commit.at + HOUR
    found = facts(here, drift(at("2026-09-30T12:00")))
    assert states(found) == dict.fromkeys(KEPT[:4], "ok") | {"configurations": "none"}
    assert found["backups"]["sets"][0]["taken"] == 2
    assert found["backups"]["sets"][0]["age"] == HOUR
    assert found["drills"]["sets"][0]["rto_reached"] == 42.0
    assert found["state"] == "none"
    assert missing(found) == {"availability", "bandwidth", "optics", "configurations"}
    later = facts(here, month=month, now=now)
    assert later["configurations"]["routers"] == [
        {"router": "dinkes-rtr1", "changes": 1, "read": later["configurations"]["routers"][0]["read"], "state": "ok"}
    ]


def test_records_of_other_months_do_not_count(here: World) -> None:
    backed_up(here, at("2026-08-20"), END + HOUR)
    drilled(here, at("2026-08-30"))
    drilled(here, END)
    called(here, END + 1)
    found = facts(here, drift(END + 1))
    assert states(found) == {"backups": "bad"} | dict.fromkeys(KEPT[1:], "none")
    assert found["backups"]["sets"][0]["age"] == END - at("2026-08-20")
    (simpus,) = (one for one in found["drills"]["sets"] if one["name"] == "simpus")
    assert (simpus["before"], simpus["drills"]) == (at("2026-08-30"), 0)


def test_a_backup_older_than_its_rpo_is_bad_also_in_the_running_month(here: World) -> None:
    backed_up(here, at("2026-09-10T08:00"))
    assert states(facts(here, now=at("2026-09-11T07:00")))["backups"] == "ok"
    found = facts(here, now=at("2026-09-11T09:00"))
    assert (states(found)["backups"], found["over"]) == ("bad", False)


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": "not proven", "failure": "restic: wrong key"},
        {"objectives": {"rto": {"reached": 20_000.0, "target": 14_400.0}, "rpo": {"reached": 1.0, "target": DAY}}},
        {"objectives": {"rto": {"reached": 1.0, "target": 14_400.0}, "rpo": {"reached": None, "target": DAY}}},
    ],
)
def test_a_drill_that_did_not_prove_is_bad(here: World, changed: dict[str, Any]) -> None:
    for name in KEYS:
        drilled(here, at("2026-09-12"), name)
    assert states(facts(here))["drills"] == "ok"
    drilled(here, at("2026-09-20"), **changed)
    assert states(facts(here))["drills"] == "bad"


def test_one_set_without_a_drill_leaves_the_drills_incomplete(here: World) -> None:
    drilled(here, at("2026-09-12"))
    found = facts(here)
    assert states(found)["drills"] == "none"
    assert "drills" in missing(found)


def test_records_that_somebody_changed_are_told_and_not_believed(here: World) -> None:
    backed_up(here, END - HOUR)
    for name in KEYS:
        path = drilled(here, at("2026-09-12"), name)
    path.write_text(path.read_text(encoding="utf-8").replace("42.0", "41.0"), encoding="utf-8")
    ledger = here.state / "ledger/backup.jsonl"
    ledger.write_text(ledger.read_text(encoding="utf-8").replace('"bytes":5', '"bytes":6'), encoding="utf-8")
    found = facts(here)
    assert (states(found)["drills"], states(found)["backups"]) == ("bad", "bad")
    assert path.name in found["drills"]["broken"]
    assert "the chain is broken here" in page(found)


def test_a_call_with_faults_is_bad_for_both_offices(here: World) -> None:
    called(here, at("2026-09-20"), ok=False, faults=["disdik hears dinkes: 40 packets lost | <b>"])
    assert states(facts(here))["calls"] == "bad"
    found = facts(here, opd="disdik")
    assert r"40 packets lost \| \<b\>" in page(found, "id")
    assert "40 packets lost | &lt;b&gt;" in render(found, "html", "id").decode()


def test_a_call_that_could_not_be_placed_has_no_figures(here: World) -> None:
    folder = here.state / "calls"
    folder.mkdir(parents=True)
    found = {"ok": False, "faults": ["nobody"], "at": at("2026-09-20"), "from_opd": "dinkes", "to_opd": "disdik"}
    (folder / "dinkes.disdik.json").write_text(json.dumps(found), encoding="utf-8")
    (folder / "broken.json").write_text("{", encoding="utf-8")
    assert states(facts(here))["calls"] == "bad"


def test_drift_counts_the_last_check_that_looked_at_the_office(here: World) -> None:
    day = at("2026-09-10")
    other = drift(day + 3 * DAY, opds=("disdik",))
    assert states(facts(here, other))["drift"] == "none"
    found = facts(here, drift(day + DAY, "dinkes-rtr1"), drift(day), other)
    assert states(found)["drift"] == "bad"
    assert found["drift"] | {"state": "", "source": ""} == {
        "source": "",
        "state": "", "checks": 2, "drifted": 1, "last": day + DAY, "changes": 1, "shared": 0,
        "hosts": {"dinkes-rtr1": 1}, "unread": [],
    }  # fmt: skip
    assert states(facts(here, drift(day, "dinkes-rtr1"), drift(day + DAY)))["drift"] == "ok"


def test_a_host_that_did_not_answer_is_unknown_and_not_good(here: World) -> None:
    day = at("2026-09-10")
    assert states(facts(here, drift(day, unread=("dinkes-rtr1",))))["drift"] == "none"
    assert states(facts(here, drift(day, unread=("dc-db",))))["drift"] == "none"
    assert states(facts(here, drift(day, unread=("disdik-rtr1",))))["drift"] == "ok"


def test_a_signed_decision_against_backups_holds_until_its_day(here: World) -> None:
    decided = [opd for opd in here.region.opds if opd.no_backup]
    assert decided
    until = datetime.fromisoformat(decided[0].no_backup.until).replace(tzinfo=ZONE)  # type: ignore[union-attr]
    for year, state in ((until.year, "absent"), (until.year + 1, "bad")):
        month = f"{year}-{until.month:02d}"
        found = facts(here, month=month, now=until.replace(year=year).timestamp() + HOUR, opd=decided[0].code)
        assert found["backups"]["state"] == state
        assert found["drills"]["state"] == "absent"


@pytest.mark.parametrize("month", ["2026-13", "September", "2026", "2026-9-1", "../x", ""])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(UsageError, match="is not a month"):
        month_of(month, "Asia/Jakarta", LATER)


def test_a_month_that_has_not_begun_is_refused() -> None:
    with pytest.raises(UsageError, match="not begun"):
        month_of("2026-11", "Asia/Jakarta", LATER)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1)), st.sampled_from(["Asia/Jakarta", "Europe/Berlin"]))  # noqa: DTZ001
def test_every_moment_lies_in_exactly_one_month(moment: datetime, zone: str) -> None:
    now = moment.replace(tzinfo=ZoneInfo(zone))
    month = month_of(f"{now:%Y-%m}", zone, now.timestamp())
    assert month.holds(now.timestamp())
    after = month_of(datetime.fromtimestamp(month.end, ZoneInfo(zone)).strftime("%Y-%m"), zone, month.end)
    assert after.begin == month.end
    assert month.last_day <= f"{now:%Y-%m-%d}"


@given(st.text())
def test_no_text_breaks_a_table(text: str) -> None:
    shown = markdown(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`]", shown)
