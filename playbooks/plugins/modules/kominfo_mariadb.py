#!/usr/bin/python
"""MariaDB databases with owners, all in one go and without a password in any argument or log."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_mariadb
short_description: MariaDB databases and the logins that own them
description:
  - Talks to the local server as root through C(mariadb)'s standard input; root needs no password there.
  - Passwords are compared and sent as the verifier that the server stores, never in clear.
  - An owner reaches its own databases, from this host and from O(networks), and nothing else.
  - Databases and logins that are not named are left alone.
options:
  databases: {type: list, elements: dict, required: true, description: "name, owner"}
  networks: {type: list, elements: str, default: [], description: networks that owners may log in from}
  passwords: {type: dict, required: true, description: "database → its owner's password"}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_mariadb:
    databases: [{name: simpeg, owner: simpeg}]
    networks: [10.40.0.0/24]
    passwords: {simpeg: "…"}
"""
RETURN = """
done: {type: list, returned: always, description: what was or would be changed}
"""

_SAFE = re.compile(r"[A-Za-z0-9_]{1,60}")
_STATE = (
    "SELECT JSON_OBJECT("
    "'bases', (SELECT JSON_ARRAYAGG(SCHEMA_NAME) FROM information_schema.SCHEMATA),"
    "'logins', (SELECT JSON_OBJECTAGG(CONCAT(User, '@', Host), IFNULL(JSON_VALUE(Priv, '$.authentication_string'), ''))"
    " FROM mysql.global_priv),"
    "'grants', (SELECT JSON_ARRAYAGG(CONCAT(Db, ' ', User, '@', Host)) FROM mysql.db))"
)


def tell(module: AnsibleModule, sql: str) -> str:
    """Run `sql` as root; fails the module with the server's error."""
    words = ["mariadb", "--batch", "--raw", "--skip-column-names", "--protocol=socket", "--user=root"]
    done = subprocess.run(words, input=sql, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        module.fail_json(msg=f"mariadb: {(done.stderr.strip() or f'exit {done.returncode}').splitlines()[0]}")
    return done.stdout


def verifier(password: str) -> str:
    """What mysql_native_password stores."""
    once = hashlib.sha1(password.encode()).digest()  # noqa: S324 # the server's own form
    return "*" + hashlib.sha1(once).hexdigest().upper()  # noqa: S324


def places(networks: list[str]) -> list[str]:
    """Hosts as MariaDB writes them: this one, and each network with its mask."""
    return ["localhost", *(str(ipaddress.ip_network(one).with_netmask) for one in networks)]


def steps(module: AnsibleModule, state: dict[str, Any]) -> dict[str, str]:
    """What to tell → the SQL that does it."""
    bases, logins, grants = set(state["bases"] or []), dict(state["logins"] or {}), set(state["grants"] or [])
    todo = {}
    for wanted in module.params["databases"]:
        base, owner = wanted["name"], wanted["owner"]
        stored = verifier(module.params["passwords"][base])
        if base not in bases:
            todo[f"database {base}"] = f"CREATE DATABASE `{base}`;"
        for place in places(module.params["networks"]):
            login, who = f"{owner}@{place}", f"'{owner}'@'{place}'"
            if logins.get(login) != stored:
                verb = "ALTER USER" if login in logins else "CREATE USER"
                todo[f"login {login}"] = f"{verb} {who} IDENTIFIED BY PASSWORD '{stored}';"
                logins[login] = stored
            if f"{base} {login}" not in grants:
                todo[f"rights of {login} in {base}"] = f"GRANT ALL PRIVILEGES ON `{base}`.* TO {who};"
    return todo


def check(module: AnsibleModule) -> None:
    """Fails the module when a name or a password will not do."""
    for wanted in module.params["databases"]:
        for word in (wanted["name"], wanted["owner"]):
            if not _SAFE.fullmatch(word):
                module.fail_json(msg=f"{word!r}: letters, digits and _ only")
        if not module.params["passwords"].get(wanted["name"]):
            module.fail_json(msg=f"no password given for {wanted['name']}")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "databases": {"type": "list", "elements": "dict", "required": True},
            "networks": {"type": "list", "elements": "str", "default": []},
            "passwords": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    check(module)
    stands = subprocess.run(["systemctl", "is-active", "--quiet", "mariadb"], check=False).returncode != 0
    if module.check_mode and stands:
        module.exit_json(changed=True, done=["everything: the server does not run yet"])
    todo = steps(module, json.loads(tell(module, _STATE)))
    if todo and not module.check_mode:
        tell(module, "\n".join(todo.values()))
    module.exit_json(changed=bool(todo), done=sorted(todo))


if __name__ == "__main__":
    main()
