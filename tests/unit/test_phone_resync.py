"""Who is told to fetch its file again: those whose file is another one, each once, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ops.errors import HostFailedError
from ops.inventory.load import load
from ops.plan.change import Change
from ops.progress import Event, State
from ops.system.process import Ask, Done
from ops.targets import phone_file
from ops.world import World

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
PHONE = "dc-web/dinkes.001565000102.cfg"


def change(key: str = PHONE, before: str | None = "a", after: str | None = "b") -> Change:
    return Change("phone-file", key, before, after, "opd/dinkes.yml:40")


@dataclass
class Exchange:
    """Stands where the fleet does; keeps what it was asked to run."""

    ran: list[tuple[str, list[str]]] = field(default_factory=list)
    down: bool = False

    def on(self, name: str) -> Exchange:
        self.ran.append((name, []))
        return self

    def run(self, argv: list[str], ask: Ask) -> Done:
        if self.down:
            raise HostFailedError("dc-pbx", "SSH: no route to host")
        assert ask.timeout
        self.ran[-1][1].extend(argv)
        return Done(tuple(argv), 0, "", "")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known")
    made.__dict__["fleet"] = Exchange()
    return made


def tell(world: World, *changes: Change) -> list[Event]:
    events: list[Event] = []
    phone_file.TARGET.applied(world, changes, events.append)
    return events


def test_one_changed_file_is_one_word_to_one_telephone(world: World) -> None:
    events = tell(world, change())
    command = "pjsip send notify kominfo-check-sync endpoint 20102"
    asked = [(name, ["asterisk", "-rx", command]) for name in ("dc-pbx", "drc-pbx")]  # it is registered at one of them
    assert world.fleet.ran == asked  # type: ignore[attr-defined]
    assert [event.state for event in events] == [State.CHANGED]


def test_new_gone_and_foreign_files_are_told_to_nobody(world: World) -> None:
    assert tell(world, change(before=None), change(after=None), change("dc-web/dinkes.ffffffffffff.cfg")) == []
    assert tell(world) == []
    assert world.fleet.ran == []  # type: ignore[attr-defined]


def test_an_exchange_that_is_down_spoils_no_apply(world: World) -> None:
    world.fleet.down = True  # type: ignore[attr-defined]
    (event,) = tell(world, change())
    assert event.state is State.FAILED
    assert "within a day" in event.text


def test_many_are_told_in_lines_that_asterisk_reads() -> None:
    numbers = [str(20000 + at) for at in range(120)]
    lines = list(phone_file.commands({"check-sync": numbers, "resync": ["29999"]}))
    assert len(lines) == 4
    assert max(map(len, lines)) < 1000
    assert sorted(" ".join(line.partition("endpoint ")[2] for line in lines).split()) == sorted([*numbers, "29999"])


def test_the_exchange_knows_every_event_that_a_model_wants() -> None:
    text = (Path(__file__).parents[2] / "playbooks/roles/pbx/files/pjsip_notify.conf").read_text(encoding="utf-8")
    region = load(INVENTORY)
    told = phone_file.resyncs(region, [change()])
    assert told == {"check-sync": ["20102"]}
    for event in ("check-sync", "resync"):
        assert f"[kominfo-{event}]" in text
