"""The drill of the drill works in one private folder, with room enough, and leaves nothing there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from backup import injection_room
from ops.errors import OpsError


def test_it_is_private_and_empty_before_and_after(tmp_path: Path) -> None:
    left = tmp_path / "inject/work/of-a-killed-one"
    left.mkdir(parents=True)
    (left / "warga.csv").write_text("x")
    with injection_room.alone(tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert [*folder.iterdir(), *(one for one in folder.parent.iterdir() if one != folder)] == []
        (folder / "data").mkdir()
        (folder / "data/warga.csv").write_text("x")
        with pytest.raises(OpsError, match="another drill of the drill"), injection_room.alone(tmp_path):
            pass
    with pytest.raises(OpsError, match="bytes are needed"), injection_room.alone(tmp_path) as folder:
        injection_room.enough(folder, 10**15, 0)
    assert list((tmp_path / "inject/work").iterdir()) == []


def test_too_little_room_says_how_much_is_needed(tmp_path: Path) -> None:
    injection_room.enough(tmp_path, 1000, 1000)
    with pytest.raises(OpsError, match=f"{2 * (10**15 + 5)} bytes are needed"):
        injection_room.enough(tmp_path, 10**15, 5)
