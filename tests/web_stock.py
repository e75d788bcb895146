"""Something to see on every page: runs in every state, plans of both kinds, users and devices; nothing is reached."""

from __future__ import annotations

import json
from dataclasses import dataclass

from past_runs import ask, end, start, whole

from ops import reconcile
from ops.jobs import provision_plan
from ops.plan.change import REGION_SCOPE
from ops.plan.machine import MachinePlan, Step
from ops.plan.plan import build, dump
from ops.runs.model import Run
from ops.runs.steps import Steps, append_events
from ops.web.accounts import devices, users
from ops.web.accounts.users import User
from ops.web.page import Role
from ops.web.shared import Shared
from ops.world import World

PASSWORD = "kuda hijau makan roti"
EVERYTHING = frozenset({Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.ADMIN})


@dataclass(frozen=True)
class Stock:
    """What addresses may name."""

    done: str
    held: str
    failed: str
    plan: str
    machine_plan: str


def fill(shared: Shared) -> Stock:
    """Put it all into an empty database and state folder."""
    database, world = shared.desk.database, shared.declared.now()
    opds = [opd.code for opd in world.region.opds][:3]
    done = _done(shared, opds)
    failed = whole(database, "dc-db: no space left on device", {opds[0]: "failed"})
    ask(database, "drill", tuple(opds), who="jadwal", reason="bulanan")
    plan, machines = _plan(world), _machines(world)
    held = ask(
        database, "apply", tuple(opds), who="budi", hold="the gate holds this plan back", args={"checksum": plan}
    )
    users.add(database, User("budi", "Budi Santoso", frozenset({Role.OPERATOR})), PASSWORD, "test")
    users.add(database, User("semua", "Semua Peran", EVERYTHING), "", "test")
    users.add(database, User("dinas", "Kepala Dinas", frozenset({Role.OPD}), frozenset(opds[:1])), "", "test")
    devices.add(database, "ruang-komando", "semua")
    return Stock(done.id, held.id, failed.id, plan, machines)


def _done(shared: Shared, opds: list[str]) -> Run:
    database = shared.desk.database
    ask(database, "backup", tuple(opds))
    run = start(database)
    steps = Steps(database, shared.world.state / "artefacts")
    steps.begin(run, "back up")
    steps.end(run, "back up", {"bytes": 1_234_567})
    told = [("backup", f"{opd}.simpeg", state, text) for opd in opds for state, text in (
        ("running", "reads the source"), ("changed", "3 files, 1 234 567 bytes"))]  # fmt: skip
    append_events(database, run, [*told, ("backup", "", "skipped", "<b>not declared</b> & left out")])
    return end(database, run, opds=dict.fromkeys(opds, "changed"))


def _plan(world: World) -> str:
    """Everything that follows from the declarations, as if nothing was there but one old artefact."""
    few = {REGION_SCOPE, *[opd.code for opd in world.region.opds][:3]}
    wanted = [one for one in reconcile.derive(world.region) if one.scope in few]
    old = next(one for one in wanted if "{{" not in one.content)
    found = {old.kind: {old.key: "as it was\n", f"{old.key.partition('/')[0]}/gone.conf": "nobody declares this\n"}}
    made = build(wanted, found, {"dc-pbx": "no answer within 10 s"})
    folder = world.state / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{made.checksum}.json").write_text(json.dumps(dump(made)))
    return made.checksum


def _machines(world: World) -> str:
    steps = (
        Step(
            "base : packages",
            ("nftables", "chrony"),
            "+nftables\n+chrony",
            "d1",
            "playbooks/roles/base/tasks/main.yml:3",
        ),
        Step("base : clock", ("/etc/chrony/chrony.conf",), "-pool old\n+pool new", "d2"),
    )
    made = MachinePlan(
        {"dc-db": steps, "dc-web": ()}, {"dc-pbx": "unreachable"}, {"inventory": {"a": "b"}}, {"steps": 9}
    )
    provision_plan.keep(world, made)
    return made.checksum
