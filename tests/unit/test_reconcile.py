"""Plan and apply around targets that only remember: what is kept, refused, recorded, and never done twice at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops import reconcile, world
from ops.cli.main import main
from ops.errors import OpsError, RefusedError
from ops.plan.change import Artifact, Change, Result
from ops.progress import Progress
from ops.targets.contract import Reading

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"


@dataclass
class Shelf:
    """A kind of place that holds its contents in memory; both Target and Applier."""

    kind: str
    contents: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None

    @property
    def applier(self) -> Shelf:
        return self

    @property
    def name(self) -> str:
        return self.kind

    def read(self, _world: world.World, wanted: Sequence[Artifact], opds: Sequence[str] = ()) -> Reading:  # noqa: ARG002
        kept = {key: text for key, text in self.contents.items() if key.partition("/")[0] not in self.failed}
        return Reading(kept, dict(self.failed))

    def apply(self, _world: world.World, changes: Sequence[Change], _progress: Progress) -> list[Result]:
        self.before()
        for change in changes:
            self.contents.pop(change.key, None)
            if change.after is not None:
                self.contents[change.key] = change.after
        return [Result(change) for change in changes]


@pytest.fixture
def region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> world.World:
    monkeypatch.setenv("OPS_STATE", str(tmp_path))
    return world.real(INVENTORY)


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> dict[str, Shelf]:
    """Two kinds: `aa` and `zz`, each wanting one thing on each of two hosts."""
    found = {kind: Shelf(kind) for kind in ("aa", "zz")}
    wanted = [Artifact(kind, f"{host}/dinkes.x", "new", "f.yml:1") for kind in found for host in ("h1", "h2")]
    monkeypatch.setattr(reconcile, "targets", lambda: found)
    monkeypatch.setattr(reconcile, "derive", lambda _region: wanted)
    return found


def test_a_host_that_one_kind_could_not_read_is_left_alone_by_all(
    region: world.World, shelves: dict[str, Shelf]
) -> None:
    shelves["aa"].failed = {"h1": "time out"}
    shelves["zz"].contents = {"h1/gone.x": "old", "h2/gone.x": "old", "h2/other.x": "old", "h2/dinkes.x": "new"}
    assert {change.host for change in reconcile.plan(region).changes} == {"h2"}


def test_an_interrupted_apply_goes_on_with_what_is_left(region: world.World, shelves: dict[str, Shelf]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    shelves["zz"].before = interrupt
    checksum = reconcile.plan(region).checksum
    with pytest.raises(KeyboardInterrupt):
        reconcile.apply(region, checksum, "because")
    shelves["zz"].before = lambda: None
    with pytest.raises(RefusedError, match="no longer"):  # somebody else's apply must see all of what was shown
        reconcile.apply(region, checksum, "because")
    outcome = reconcile.apply(region, checksum, "because", resumed=True)
    assert {result.change.kind for result in outcome.results} == {"zz"}


def test_what_was_not_shown_is_refused_to_a_resumed_apply_too(region: world.World, shelves: dict[str, Shelf]) -> None:
    checksum = reconcile.plan(region).checksum
    shelves["aa"].contents = {"h1/dinkes.x": "moved"}
    with pytest.raises(RefusedError, match="not in the reviewed plan"):
        reconcile.apply(region, checksum, "because", resumed=True)


def test_a_kind_that_cannot_begin_fails_alone(region: world.World, shelves: dict[str, Shelf]) -> None:
    def refuse() -> None:
        raise OpsError("ansible-playbook: not found", "make setup")

    shelves["aa"].before = refuse
    outcome = reconcile.apply(region, reconcile.plan(region).checksum)
    assert {result.change.kind: result.error for result in outcome.results} == {
        "aa": "ansible-playbook: not found (make setup)",
        "zz": "",
    }


def test_a_plan_that_was_not_shown_is_not_kept(region: world.World, shelves: dict[str, Shelf]) -> None:
    shown = reconcile.plan(region).checksum
    shelves["aa"].contents = {"h1/dinkes.x": "moved"}
    with pytest.raises(RefusedError):
        reconcile.apply(region, shown)
    assert [path.stem for path in (region.state / "plans").iterdir()] == [shown]


@pytest.mark.usefixtures("shelves")
def test_only_so_many_plans_are_kept(region: world.World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(reconcile.KEPT_PLANS + 5):
        one = Artifact("aa", "h1/dinkes.x", str(number), "f.yml:1")
        monkeypatch.setattr(reconcile, "derive", lambda _region, one=one: [one])
        latest = reconcile.plan(region).checksum
        path = region.state / f"plans/{latest}.json"
        os.utime(path, (number, number))
    left = list((region.state / "plans").iterdir())
    assert len(left) == reconcile.KEPT_PLANS
    assert path in left


def test_blanks_are_no_reason(region: world.World, shelves: dict[str, Shelf]) -> None:
    shelves["aa"].contents = {"h1/one.x": "old", "h1/two.x": "old"}
    checksum = reconcile.plan(region).checksum
    with pytest.raises(RefusedError, match="aa: 2 of 2 to delete"):
        reconcile.apply(region, checksum, "  ")
    assert reconcile.apply(region, checksum, "the office closed").failed == ()


@pytest.mark.usefixtures("shelves")
def test_a_plan_says_where_it_is_to_be_applied(region: world.World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "-q", "-i", str(INVENTORY)]) == 0
    assert f"ops apply {reconcile.plan(region).checksum[:16]} -i {INVENTORY}\n" in capsys.readouterr().out


def test_an_empty_plan_changes_nothing_and_says_so(
    region: world.World, shelves: dict[str, Shelf], capsys: pytest.CaptureFixture[str]
) -> None:
    for shelf in shelves.values():
        shelf.contents = {"h1/dinkes.x": "new", "h2/dinkes.x": "new"}
    assert main(["plan", "--json", "-q", "-i", str(INVENTORY)]) == 0
    checksum = json.loads(capsys.readouterr().out)["checksum"]
    assert reconcile.apply(region, checksum.upper()).results == ()


@pytest.mark.usefixtures("shelves")
def test_a_state_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OPS_STATE", str(tmp_path / "file"))
    assert main(["plan", "-q", "-i", str(INVENTORY)]) == 1
    assert capsys.readouterr().err.endswith("Not a directory\n     set OPS_STATE to a folder\n")
