"""Drills that are killed: they go on at the first step that had not ended, or the next one clears up after them."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drill_stage import Stage, needs_root, processes, wait

from backup import drill, evidence, steps
from backup.steps import Name
from ops.errors import HostFailedError, RefusedError
from ops.progress import Event, State, silent
from ops.system.process import Local

pytestmark = needs_root


def test_a_killed_drill_leaves_no_process_and_the_next_one_cleans_up(clinic: Stage) -> None:
    """kill -9 of the station while the throw-away database runs."""
    here = Path(__file__).parents[1]
    code = (
        f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}]\n"
        "from pathlib import Path\nfrom backup_rig import Rig, item\nfrom backup import drill\n"
        f"rig = Rig(Path({str(clinic.rig.folder)!r}), Path({str(clinic.rig.repository)!r}))\n"
        "drill.run(rig.places, item('postgresql', 'simpus'), lambda event: None)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ))
    room = clinic.rig.folder / "d"
    wait(lambda: any(room.glob("*/s/.s.PGSQL.5432")), 60)
    (folder,) = room.iterdir()
    assert processes(str(folder)) != []
    child.send_signal(signal.SIGKILL)
    child.wait()
    wait(lambda: processes(str(folder)) == [], 15)
    assert folder.is_dir()
    assert drill.clean_abandoned(clinic.places, lambda _name: Local(), silent) == 1
    assert list(room.iterdir()) == []
    assert drill.clean_abandoned(clinic.places, lambda _name: Local(), silent) == 0


def test_a_drill_server_that_is_gone_stops_no_drill(own: Stage) -> None:
    left = own.places.journals / "left.jsonl"
    left.parent.mkdir(exist_ok=True)
    left.write_text('{"drill": "left", "server": "gone", "folder": "/nowhere/x"}\n')
    told: list[Event] = []

    def gone(name: str) -> Local:
        raise HostFailedError(name, "no such host in hosts.yml")

    assert drill.clean_abandoned(own.places, gone, told.append) == 0
    assert [(event.on, event.state) for event in told] == [("left", State.FAILED)]
    assert drill.clean_abandoned(own.places, lambda _name: Local(), silent) == 1, "it is tried again"


@dataclasses.dataclass
class Checkpoints:
    """What the job engine does for a drill, in a file: and a kill -9 before or after the checkpoint of one step."""

    path: Path
    kill: tuple[str, str] = ("", "")

    def __call__(self, name: str, work: Callable[[], dict[str, Any]], /) -> dict[str, Any]:
        kept = self.read()
        if name in kept:
            return dict(kept[name])
        self.note(f"begun {name}")
        made = work()
        self._die(name, "before")
        self.path.write_text(json.dumps({**kept, name: json.loads(json.dumps(made))}))
        self._die(name, "after")
        return made

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text())) if self.path.exists() else {}

    def note(self, what: str) -> None:
        with self.path.with_suffix(".log").open("a") as log:
            log.write(f"{what}\n")

    def _die(self, name: str, when: str) -> None:
        if (name.rpartition(": ")[2], when) == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(stage: Stage, keep: Checkpoints, name: Name) -> None:
    """A drill in a process of its own that dies where `keep` says."""
    child = os.fork()
    if child == 0:
        try:
            drill.run(stage.places, stage.item, silent, keep, name)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


STEPS = ("declare", "ledger", "choose", "manifest", "room", "restore", "look", "attack", "compare", "clean up")


@pytest.mark.parametrize(
    "kill",
    [("choose", "before"), ("restore", "before"), ("restore", "after"), ("look", "before"), ("clean up", "after")],
)
def test_a_killed_drill_goes_on_and_repeats_nothing_that_was_finished(
    own: Stage, tmp_path: Path, kill: tuple[str, str]
) -> None:
    name = Name.fresh(own.places, own.item)
    killed(own, Checkpoints(tmp_path / "kept.json", kill), name)
    finished = set(Checkpoints(tmp_path / "kept.json").read())
    seen = drill.run(own.places, own.item, silent, Checkpoints(tmp_path / "kept.json"), name)
    assert (seen.failure, own.differences(seen), seen.proven, seen.resumed) == ("", set(), True, 1)
    assert [step.name for step in seen.steps] == list(STEPS[1:])
    begun = (tmp_path / "kept.log").read_text().splitlines()
    assert [one for one in finished if begun.count(f"begun {one}") != 1] == []
    assert list((own.rig.folder / "d").iterdir()) == []
    steps.forget(own.places, name.id)
    assert [path.suffix for path in own.places.journals.iterdir() if name.id in path.name] == [".jsonl"]


def test_a_failure_that_was_noted_is_not_tried_away(own: Stage, tmp_path: Path) -> None:
    """Killed after a red step, the drill that goes on is red for the same reason."""
    (own.rig.repository / "config").rename(tmp_path / "config")
    name = Name.fresh(own.places, own.item)
    killed(own, Checkpoints(tmp_path / "kept.json", ("choose", "after")), name)
    (tmp_path / "config").rename(own.rig.repository / "config")
    seen = drill.run(own.places, own.item, silent, Checkpoints(tmp_path / "kept.json"), name)
    assert seen.failure.startswith("choose: ")
    assert "no-repository" in seen.failure
    assert not seen.proven


def test_what_a_later_drill_took_away_cannot_go_on(own: Stage, tmp_path: Path) -> None:
    name = Name.fresh(own.places, own.item)
    killed(own, Checkpoints(tmp_path / "kept.json", ("restore", "after")), name)
    assert drill.clean_abandoned(own.places, lambda _name: Local(), silent, {name.id}) == 0, "it may yet go on"
    assert drill.clean_abandoned(own.places, lambda _name: Local(), silent) == 1
    with pytest.raises(RefusedError, match="taken away"):
        drill.run(own.places, own.item, silent, Checkpoints(tmp_path / "kept.json"), name)
    assert list((own.rig.folder / "d").iterdir()) == []


def test_a_station_that_died_while_it_wrote_evidence_writes_no_second_record(own: Stage) -> None:
    seen = own.drill()
    first = evidence.write(own.places, seen)
    assert evidence.write(own.places, seen) == first
    assert len((own.places.evidence / "index.jsonl").read_text().splitlines()) == 1
