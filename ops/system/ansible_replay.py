"""A playbook that runs nothing but handlers that are owed, made from the one that notified them.

Each play keeps its own words (become, variables, environment, handlers), but of its tasks and roles only the handlers
are left: the roles are shown to Ansible in a folder of links, with empty lists of tasks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.errors import OpsError
from ops.system.ansible_handlers import Notified

TASK = "Handlers that were owed"
_WORK = {"pre_tasks", "tasks", "post_tasks", "roles", "import_playbook", "ansible.builtin.import_playbook", "strategy"}
_PARTS = ("handlers", "defaults", "vars", "templates", "files", "library")  # of a role that its handlers may need


def write(playbook: Path, owed: Mapping[str, Notified], folder: Path, roles: list[Path]) -> Path:
    """The playbook for what hosts are owed, in `folder` (a new one). `roles`: folders where its roles are."""
    folder.mkdir(mode=0o700)
    names = _link_roles(roles, folder / "roles")
    plays = [_play(play, wanted, names) for play in _plays(playbook) if (wanted := _owed_by(play, owed))]
    if not plays:
        what = ", ".join(sorted({name for names in owed.values() for name in names}))
        raise OpsError(
            f"{playbook.name} has no play any more that notified {what}",
            "see to it by hand, then remove these hosts from handlers.json in the state folder",
        )
    made = folder / playbook.name
    made.write_text(json.dumps(plays, indent=1), encoding="utf-8")
    return made


def _plays(playbook: Path) -> list[dict[str, Any]]:
    found = yaml.load(playbook.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [play for play in found if isinstance(play, dict) and "hosts" in play]


def _owed_by(play: Mapping[str, Any], owed: Mapping[str, Notified]) -> dict[str, tuple[str, list[str]]]:
    """name → role, hosts: what this play has notified."""
    called = str(play.get("name") or play["hosts"])
    found: dict[str, tuple[str, list[str]]] = {}
    for host, names in owed.items():
        for name, about in names.items():
            if about["play"] == called:
                found.setdefault(name, (about["role"], []))[1].append(host)
    return found


def _play(play: Mapping[str, Any], wanted: Mapping[str, tuple[str, list[str]]], roles: list[str]) -> dict[str, Any]:
    """Roles that notified something come last: of handlers of one name, the last one counts."""
    last = {role for role, _ in wanted.values()}
    kept = {word: value for word, value in play.items() if word not in _WORK}
    return {
        **kept,
        "force_handlers": True,
        "roles": sorted(roles, key=lambda role: (role in last, role)),
        "tasks": [
            {
                "name": TASK,
                "ansible.builtin.debug": {"msg": f"owed since a run that did not end well: {name}"},
                "changed_when": True,
                "when": f"inventory_hostname in {json.dumps(sorted(hosts))}",
                "notify": [name],
            }
            for name, (_, hosts) in sorted(wanted.items())
        ],
    }


def _link_roles(found: list[Path], into: Path) -> list[str]:
    """The roles that have handlers, without their tasks; their names."""
    into.mkdir()
    for role in (role for folder in found if folder.is_dir() for role in sorted(folder.iterdir())):
        own = into / role.name
        if not (role / "handlers").is_dir() or own.exists():
            continue
        (own / "tasks").mkdir(parents=True)
        (own / "tasks/main.yml").write_text("[]\n", encoding="ascii")
        for part in _PARTS:
            if (role / part).is_dir():
                (own / part).symlink_to(role / part)
    return sorted(role.name for role in into.iterdir())
