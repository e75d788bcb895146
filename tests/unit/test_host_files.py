"""Reading what servers hold: those of the kind, and those that were of it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import HostFailedError
from ops.plan.plan import build
from ops.system.process import Ask, Done, Local
from ops.targets.host_files import HostFiles
from ops.world import World

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"
ROOT = "/srv/kind"


@dataclass
class Here:
    """Servers as folders of this machine: `<folder>/<server>/srv/kind`."""

    folder: Path
    down: tuple[str, ...] = ()
    name: str = ""

    def on(self, name: str) -> Here:
        return Here(self.folder, self.down, name)

    def run(self, argv: Sequence[str], ask: Ask = Ask()) -> Done:  # noqa: B008 # Ask is frozen
        if self.name in self.down:
            raise HostFailedError(self.name, "SSH: no route to host")
        return Local().run([word.replace(ROOT, f"{self.folder}/{self.name}{ROOT}") for word in argv], ask)


def test_a_server_that_left_the_group_gives_back_what_it_held(tmp_path: Path) -> None:
    world = World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known_hosts")
    world.__dict__["fleet"] = Here(tmp_path, down=("drc-vault",))
    for server in ("dc-web", "dc-app"):
        (tmp_path / server / "srv/kind").mkdir(parents=True)
    (tmp_path / "dc-app/srv/kind/dinkes.001565000001.cfg").write_text("password=canary-of-an-old-file\n")
    reading = HostFiles("phone-file", lambda _region: ["dc-web"], ROOT).read(world, [])
    assert reading.failed == {}  # drc-vault is down, but nothing of this kind is expected there
    (change,) = build([], {"phone-file": reading.contents}, {}).changes
    assert (change.key, change.after) == ("dc-app/dinkes.001565000001.cfg", None)
    assert "canary" not in (change.before or "")
