"""Plain Ansible's view of a region: region.yml and the offices beside it, as groups and variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.plugins.loader import inventory_loader

try:
    from ops.derive import ansible_vars
    from ops.errors import InventoryInvalidError, OpsError
    from ops.inventory.load import load
    from ops.inventory.model import Region
except ImportError as error:
    raise AnsibleParserError(
        f"{error}: use the Ansible of this project's environment (.venv/bin/ansible-playbook)"
    ) from error

DOCUMENTATION = """
name: kominfo
short_description: Offices (OPD) of a region as groups
description:
  - Reads the folder of C(region.yml) with the same loader as the command C(ops).
  - Every office is a group C(opd_<code>) with a variable of the same name; its members are the servers that serve it.
  - Routers are hosts of the group C(routers); servers come from C(hosts.yml), which is read as Ansible always does.
  - An inventory that C(ops check) refuses is refused here too.
options: {}
author: [kominfo-ops]
"""
EXAMPLES = """
# the file region.yml itself is the source:  ansible-inventory -i inventories/batubara --graph
name: Kabupaten Contoh
"""

REGION_FILE = "region.yml"

# the collection that drives a device: first part of the model's name → ansible_network_os
_NETWORK_OS = {
    "mikrotik": "community.routeros.routeros",
    "cisco": "cisco.ios.ios",
    "huawei": "community.network.ce",
    "juniper": "junipernetworks.junos.junos",
}


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc] # ansible ships no types
    NAME = "kominfo"

    def verify_file(self, path: str) -> bool:
        return Path(path).suffix in {".yml", ".yaml"}

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        if Path(path).name != REGION_FILE:
            # Ansible's own reader, but only from here: enabled beside us it would accept a region.yml that we refuse
            inventory_loader.get("ansible.builtin.yaml").parse(inventory, loader, path, cache)
            return
        region = _region(Path(path).parent)
        self._everybody(region)
        for server in region.servers:
            self._add(server.name, ())
            for name, value in ansible_vars.server_variables(region, server.name).items():
                self.inventory.set_variable(server.name, name, value)
        for opd in region.opds:
            group = ansible_vars.group(opd)
            self.inventory.add_group(group)
            self.inventory.set_variable(group, group, ansible_vars.variables(region, opd))
            for name in ansible_vars.servers(region, opd):
                self._add(name, (group,))
        self._routers(region)

    def _everybody(self, region: Region) -> None:
        variables = {
            "ansible_user": region.access.user,
            "ansible_port": region.access.port,
            "ansible_python_interpreter": "/usr/bin/python3",
            "kominfo_region": ansible_vars.region_variables(region),
        }
        for name, value in variables.items():
            self.inventory.set_variable("all", name, value)

    def _routers(self, region: Region) -> None:
        self.inventory.add_group("routers")
        self.inventory.set_variable("routers", "ansible_connection", "ansible.netcommon.network_cli")
        self.inventory.set_variable("routers", "ansible_user", region.access.router_user)
        for opd in region.opds:
            for router in opd.routers:
                self._add(router.name, ("routers", ansible_vars.group(opd)))
                self.inventory.set_variable(router.name, "ansible_host", str(router.address))
                self.inventory.set_variable(router.name, "kominfo_model", router.model)
                if system := _NETWORK_OS.get(router.model.partition("_")[0]):
                    self.inventory.set_variable(router.name, "ansible_network_os", system)

    def _add(self, host: str, groups: tuple[str, ...]) -> None:
        self.inventory.add_host(host)
        for group in groups:
            self.inventory.add_child(group, host)


def _region(folder: Path) -> Region:
    try:
        return load(folder)
    except InventoryInvalidError as error:
        raise AnsibleParserError("\n".join(str(problem) for problem in error.problems)) from error
    except OpsError as error:
        raise AnsibleParserError(str(error)) from error
