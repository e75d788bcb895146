"""Credentials of routers, looked up by the names that the inventory gives; nothing here ever shows them."""

from __future__ import annotations

from ops.catalogue.device import device
from ops.inventory.model import Access, BackboneDevice, Router
from ops.inventory.polling import Snmp
from ops.system.device_cli import DeviceLogin
from ops.system.secrets import Secrets
from ops.system.snmp import Login, SnmpLogin, SnmpUser
from ops.world import World

SSH = 22


def login(router: Router | BackboneDevice | None, access: Access, secrets: Secrets) -> Login:
    """How this router is asked: its own `snmp`, else the region's, else v2c with the region's community.

    None: a device that is not declared, which is asked as the region's are.
    """
    snmp = (router.snmp if router else None) or access.snmp or Snmp()
    if snmp.version != "3":
        community = secrets.get(snmp.community_secret or access.snmp_secret)
        return SnmpLogin(community, snmp.version, snmp.any_source)
    return SnmpUser(
        snmp.user or "",
        secrets.get(snmp.authentication_secret),
        snmp.authentication,
        snmp.privacy,
        "" if snmp.privacy == "none" else secrets.get(snmp.privacy_secret),
        snmp.cisco_keys,
    )


def command_line(router: Router | BackboneDevice, world: World) -> DeviceLogin:
    """How this router's command line is reached. OpsError when nothing is known of it."""
    access = world.region.access
    address, port = world.reach(str(router.address), SSH)
    password, keys = world.secrets.get(access.router_secret), world.state / "router_keys"
    return DeviceLogin(router.name, address, device(router.model).netmiko, access.router_user, password, keys, port)


def secret_words(found: Login) -> tuple[str, ...]:
    """What of a login must stand nowhere."""
    words = (found.community,) if isinstance(found, SnmpLogin) else (found.password, found.privacy_password)
    return tuple(word for word in words if word)
