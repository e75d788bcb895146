#!/usr/bin/python
"""Several systemd units in one go: enabled and running, or disabled and stopped."""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_units
short_description: Enable and start, or disable and stop, several systemd units
description:
  - One look at all units, then only the commands that are needed.
  - A unit that systemd skips because of its own conditions (a clock service in a container) counts as done.
options:
  running: {type: list, elements: str, default: [], description: units that are enabled and run}
  stopped: {type: list, elements: str, default: [], description: units that are disabled and stand still}
  daemon_reload: {type: bool, default: false, description: read unit files again first}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_units:
    running: [nginx.service]
"""
RETURN = """
units: {type: list, returned: always, description: what was or would be changed}
conditioned: {type: list, returned: always, description: units that systemd did not start because of their conditions}
"""

ASKED = "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
ALIVE = {"active", "activating", "reloading"}
INSTALLED = {"enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "linked"}


def systemctl(module: AnsibleModule, *words: str) -> str:
    """Its output; the module fails with the last line when it refuses."""
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()
        module.fail_json(msg=f"systemctl {' '.join(words)}: {said[0]}")
    return done.stdout


def look(module: AnsibleModule, units: list[str]) -> dict[str, dict[str, str]]:
    """Properties of each unit, by the name it was asked by."""
    if not units:
        return {}
    blocks = systemctl(module, "show", f"--property={ASKED}", *units).strip().split("\n\n")
    seen = [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]
    return dict(zip(units, seen, strict=True))


def excused(units: dict[str, dict[str, str]]) -> set[str]:
    """Units that do not run because their own conditions say no; systemd forgets this at once, so it is asked again."""
    down = [name for name, seen in units.items() if seen["ActiveState"] == "inactive" and seen["LoadState"] == "loaded"]
    ask = ["systemd-analyze", "--quiet", "condition", "--unit"]
    return {name for name in down if subprocess.run([*ask, name], capture_output=True, check=False).returncode}


def wanted(
    running: dict[str, dict[str, str]], stopped: dict[str, dict[str, str]], excuse: set[str]
) -> dict[str, list[str]]:
    """systemctl verb → units that need it."""
    return {
        "enable": [name for name, seen in running.items() if seen["UnitFileState"] not in INSTALLED],
        "start": [n for n, seen in running.items() if seen["ActiveState"] not in ALIVE and n not in excuse],
        "disable": [name for name, seen in stopped.items() if seen["UnitFileState"] == "enabled"],
        "stop": [name for name, seen in stopped.items() if seen["ActiveState"] in ALIVE],
    }


def main() -> None:
    several = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={"running": several, "stopped": several, "daemon_reload": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    names = [*module.params["running"], *module.params["stopped"]]
    seen = look(module, names)
    stale = module.params["daemon_reload"] or any(unit.get("NeedDaemonReload") == "yes" for unit in seen.values())
    if stale and not module.check_mode:
        systemctl(module, "daemon-reload")
        seen = look(module, names)
    missing = [name for name in module.params["running"] if seen[name]["LoadState"] == "not-found"]
    if missing and not module.check_mode:
        module.fail_json(msg=f"no such unit: {', '.join(missing)}")
    running = {name: seen[name] for name in module.params["running"]}
    stopped = {name: seen[name] for name in module.params["stopped"] if seen[name]["LoadState"] != "not-found"}
    excuse = excused(running)
    verbs = wanted(running, stopped, excuse)
    for verb, units in verbs.items():
        if units and not module.check_mode:
            systemctl(module, "--quiet", verb, *units)
    after = look(module, [name for name in running if name not in excuse])
    down = [name for name, unit in after.items() if unit["ActiveState"] not in ALIVE]
    if down and not module.check_mode:
        module.fail_json(msg=f"does not stay up: {', '.join(down)}; see `journalctl -u {down[0]}`")
    done = sorted({name for units in verbs.values() for name in units})
    module.exit_json(changed=bool(done), units=done, conditioned=sorted(excuse))


if __name__ == "__main__":
    main()
