"""Count what hosts backed up by themselves (drc.yml, taken_by: hosts), as the vault received it."""

from __future__ import annotations

from ops.errors import PartlyAppliedError
from ops.jobs import keys
from ops.jobs.backup import chosen
from ops.runs.inside import Inside
from ops.runs.model import HOURS, Args, Scope, Verdict, job
from ops.world import World


def _scope(world: World, args: Args) -> Scope:
    """It only reads at the vault: nothing has to wait for it."""
    server = world.region.recovery.drills.server
    return Scope(tuple(sorted({item.opd.code for item in chosen(world, args)})), (server,), ("backup-collect",))


@job(
    "backup-collect",
    "count what hosts backed up by themselves",
    scope=_scope,
    takes=("opd", "set"),
    timeout=2 * HOURS,
    attempts=2,
    priority=4,
)
def BACKUP_COLLECT(run: Inside) -> Verdict:
    done = keys.collect(run.world, chosen(run.world, run.args), run.progress)
    keys.look_for_strangers(run.world, run.progress)
    refused = [f"{one.set} {why}" for one in done for why in one.refused]
    for one in done:
        state = "failed" if one.refused else "changed" if one.counted else "ok"
        run.subject("opd", one.set.partition(".")[0], state, "; ".join(one.refused))
    error = PartlyAppliedError(f"not counted: {'; '.join(refused)}", "a stolen credential? look at that host first")
    counted = {one.set: one.counted for one in done}
    return Verdict({"counted": counted, "refused": refused}, error if refused else None)
