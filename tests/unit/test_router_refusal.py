"""A router that refuses the login: the plan says where its password belongs, and never the password."""

from __future__ import annotations

from pathlib import Path

from ops import world
from ops.errors import HostFailedError
from ops.system.device_cli import REFUSED
from ops.targets.router_queue import _why

INVENTORY = Path(__file__).parents[2] / "inventories/batubara"


def test_a_refused_password_is_told_with_its_place(tmp_path: Path) -> None:
    here = world.World("batubara", INVENTORY, tmp_path, tmp_path / "key", tmp_path / "known_hosts")
    password = here.secrets.get("router/password")
    said = _why(here, HostFailedError("dinkes-rtr1", f"SSH: {REFUSED} {password}"))
    assert said.startswith("SSH: user or password refused")
    assert said.endswith(f"belongs into {tmp_path / 'secrets.yml'} as router/password")
    assert password not in said
