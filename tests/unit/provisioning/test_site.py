"""site.yml and the files that include its roles: none is forgotten, and each is reached by its tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

OTHERS = {"standby"}  # roles of other playbooks


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_every_role_is_included_by_its_own_file(root: Path) -> None:
    (play,) = read(root / "playbooks/site.yml")
    roles = {path.name for path in (root / "playbooks/roles").iterdir() if path.is_dir()} - OTHERS
    files = {path.stem: path for path in (root / "playbooks/tasks").glob("*.yml")}
    assert set(play["vars"]["site_roles"]) == roles == set(files)
    for role, path in files.items():
        (task,) = read(path)
        include = task["ansible.builtin.include_role"]
        assert include["name"] == role
        assert set(include["apply"]["tags"]) <= set(task["tags"]), "its tasks would not be reached"
