"""Every kind of job: found by its file, known to the inventory, and able to say what it locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import world
from ops.errors import OpsError
from ops.inventory.agenda import JOB_KINDS
from ops.jobs.registry import every, find
from ops.runs.model import named
from ops.runs.scheduler import expanded

ROOT = Path(__file__).parents[2]


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> world.World:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    return world.real(ROOT / "inventories/batubara")


def test_the_inventory_knows_exactly_the_kinds_that_there_are() -> None:
    assert sorted(every()) == sorted(JOB_KINDS)


@pytest.mark.parametrize("kind", JOB_KINDS)
def test_a_kind_is_found_by_its_name(kind: str) -> None:
    found = find(kind)
    assert (found.kind, bool(found.help)) == (kind, True)
    assert found.timeout <= 24 * 3600


def test_an_unknown_kind_is_said_so() -> None:
    for kind in ("no-such", "registry", "os.path"):
        with pytest.raises(OpsError, match="no job of the kind"):
            find(kind)


def test_every_declared_schedule_can_be_asked_for(region: world.World) -> None:
    """Its arguments name things that exist, and it knows what it locks."""
    servers = {server.name for server in region.region.servers}
    routers = {router.name for opd in region.region.opds for router in opd.routers}
    assert region.region.schedules
    for schedule in region.region.schedules:
        runs = list(expanded(region.region, schedule))
        assert len({suffix for suffix, _ in runs}) == len(runs)
        for _, args in runs:
            scope = find(schedule.job).scope(region, args)
            hosts = {name.partition(":")[2] for name in scope.locks if name.startswith("host:")}
            assert hosts <= servers | routers
            assert set(scope.opds) <= {opd.code for opd in region.region.opds}


def test_one_run_per_office_is_one_run_per_office(region: world.World) -> None:
    (schedule,) = [one for one in region.region.schedules if one.each == "opd"]
    runs = list(expanded(region.region, schedule))
    assert [args["opd"] for _, args in runs] == [[opd.code] for opd in region.region.opds]


def test_what_a_backup_reads_no_other_run_changes_meanwhile(region: world.World) -> None:
    """A backup and an apply meet on the source host's lock."""
    backup = find("backup").scope(region, {"set": ["simpus"]})
    assert backup.locks == ("host:dc-db",)
    assert find("drill").scope(region, {"set": ["simpus"]}).locks == ("host:drc-restore",)
    assert find("provision").scope(region, {"limit": ["dc-db"]}).locks == ("host:dc-db",)


def test_one_thing_may_be_named_without_a_list() -> None:
    assert named({"opd": "dinkes"}, "opd") == named({"opd": ["dinkes"]}, "opd") == ("dinkes",)
    assert named({}, "opd") == named({"opd": []}, "opd") == ()
