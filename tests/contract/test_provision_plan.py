"""A provision that was looked at is applied only as it was looked at: same files, variables, secrets and versions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ops.errors import RefusedError, UsageError
from ops.jobs import provision_plan
from ops.jobs.provision import PROVISION
from ops.plan.machine import MachinePlan, Step
from ops.system.ansible import RunSummary
from ops.system.ansible_record import HostRun
from ops.world import World

BASE = Path(__file__).parent / "rules/base"
SECRETS = {"postgresql/simpus": "Zq7Canary0Value9Canary"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    inventory = tmp_path / "inventory"
    shutil.copytree(BASE, inventory)
    return World("w", inventory, tmp_path / "state", tmp_path / "key", tmp_path / "known_hosts")


def made(world: World, **steps: int) -> MachinePlan:
    hosts = {host: tuple(Step(f"task {n}", digest="d") for n in range(count)) for host, count in steps.items()}
    asked = {"limit": [], "tags": [], "fast": False, "steps": 100}
    plan = MachinePlan(hosts, {}, provision_plan.inputs(world, SECRETS, fast=False), asked)
    provision_plan.keep(world, plan)
    return plan


def holds(world: World, plan: MachinePlan, secrets: dict[str, str] | None = None, reason: str = "") -> None:
    fresh = replace(world)  # reads the inventory anew
    provision_plan.must_hold(fresh, plan, provision_plan.inputs(fresh, secrets or SECRETS, fast=False), reason)


def test_unchanged_it_holds(world: World) -> None:
    plan = made(world, a=2)
    assert provision_plan.take(world, plan.checksum[:12]) == plan
    holds(world, plan)


def test_whatever_it_was_made_from_and_changed_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = made(world, a=2)
    with pytest.raises(RefusedError, match="variables: secret postgresql/simpus has changed") as refused:
        holds(world, plan, {"postgresql/simpus": "another"})
    assert refused.value.exit_code == 5
    assert "ops provision --check" in refused.value.next_step
    extra = world.inventory / "group_vars/all/more.yml"
    extra.parent.mkdir(parents=True, exist_ok=True)
    extra.write_text("more: 1\n")
    with pytest.raises(RefusedError, match=r"inventory: group_vars/all/more\.yml is new"):
        holds(world, plan)
    extra.unlink()
    holds(world, plan)
    for part in ("playbooks", "versions"):
        with monkeypatch.context() as patch:
            patch.setattr(f"ops.system.ansible_inputs.{part}", lambda *_: {"site.yml": "other"})
            with pytest.raises(RefusedError, match=f"{part}: "):
                holds(world, plan)


def test_what_the_gate_objects_to_needs_a_reason(world: World) -> None:
    plan = made(world, a=40)
    with pytest.raises(RefusedError, match="the gate holds this plan back: server: 40 of 100"):
        holds(world, plan)
    holds(world, plan, reason="new roles")


def test_more_than_was_shown_is_refused(world: World) -> None:
    plan = made(world, a=2)
    provision_plan.must_not_go_beyond(plan, made(world, a=1))
    with pytest.raises(RefusedError, match=r"more would change than plan .* showed: a: task 2"):
        provision_plan.must_not_go_beyond(plan, made(world, a=3))


def test_from_a_file_too_but_not_one_that_was_written_to(world: World, tmp_path: Path) -> None:
    plan = made(world, a=2)
    kept = world.state / "machine-plans" / f"{plan.checksum}.json"
    file = tmp_path / "reviewed.json"
    file.write_bytes(kept.read_bytes())
    kept.unlink()
    with pytest.raises(RefusedError, match="no plan with the checksum"):
        provision_plan.take(world, plan.checksum)
    assert provision_plan.take(world, str(file)) == plan
    assert provision_plan.take(world, plan.checksum) == plan
    data = json.loads(file.read_text())
    data["hosts"]["b"] = [{"task": "slipped in", "about": [], "text": "", "digest": "", "at": ""}]
    file.write_text(json.dumps(data))
    with pytest.raises(RefusedError, match="not what its checksum says"):
        provision_plan.take(world, str(file))
    with pytest.raises(UsageError, match="no such file"):
        provision_plan.take(world, str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="too short"):
        provision_plan.take(world, "abc")


def test_it_holds_what_check_mode_said_and_no_secret(world: World, tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    change = {"path": "/etc/site", "text": "@@\n-a\n+b", "digest": "d1"}
    lines = [
        {"host": "a", "task": "Site", "state": "changed", "at": "site.yml:3", "about": ["x"], "changes": [change]},
        {"host": "a", "task": "Same", "state": "ok"},
        {"host": "b", "task": "Site", "state": "changed", "at": "site.yml:3"},
    ]
    record.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"cut')
    hosts = {"a": HostRun(ok=2, changed=1), "b": HostRun(failed=1, task="Next", message="no"), "c": HostRun(ok=1)}
    summary = RunSummary("r", 2, 1.0, hosts, record)
    plan = provision_plan.build(summary, provision_plan.inputs(world, SECRETS, fast=False), {})
    assert plan.changing == ("a",)
    assert plan.hosts["a"][0].about == ("/etc/site", "x")
    assert plan.unread == {"b": "Next: no"}
    assert plan.hosts["c"] == ()
    provision_plan.keep(world, plan)
    kept = (world.state / "machine-plans" / f"{plan.checksum}.json").read_text()
    assert not [value for value in [*SECRETS.values(), provision_plan.key(world)] if value in kept]


def test_it_locks_the_hosts_that_it_changes_as_any_other_run_there_does(world: World) -> None:
    one, two = (server.name for server in world.region.servers[:2])
    plan = made(world, **{one: 1, two: 0})
    assert PROVISION.scope(world, {"plan": plan.checksum}).locks == (f"host:{one}",)
    assert f"host:{one}" in PROVISION.scope(world, {}).locks
    assert PROVISION.scope(world, {"plan": made(world, **{one: 0}).checksum}).locks == ()
    assert "the gate holds this plan back" in PROVISION.hold(world, {"plan": made(world, **{one: 40}).checksum})
    assert PROVISION.hold(world, {"plan": plan.checksum}) == ""
