"""Reading a folder that others work in meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup.hostside import tree


def test_what_is_deleted_while_it_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    usual = tree._sha256

    def others(path: str, most: int) -> str:
        (tmp_path / "b").unlink(missing_ok=True)
        return usual(path, most)

    monkeypatch.setattr(tree, "_sha256", others)
    assert sorted(tree.manifest(str(tmp_path))) == ["a", "c"]


def test_a_folder_that_is_gone_meanwhile_holds_nothing(tmp_path: Path) -> None:
    assert tree._inside(str(tmp_path / "gone")) == []
    with pytest.raises(FileNotFoundError, match="no such folder"):
        tree.manifest(str(tmp_path / "gone"))
