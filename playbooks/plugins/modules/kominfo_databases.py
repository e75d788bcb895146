#!/usr/bin/python
"""PostgreSQL databases with owners who log in by SCRAM, all in one go and without a password in any argument or log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_databases
short_description: PostgreSQL databases and the roles that own them
description:
  - Talks to the local server as C(postgres) through C(psql)'s standard input.
  - A password is compared with the stored SCRAM verifier, so that an unchanged one changes nothing, and is sent as a
    verifier, so that the server never sees (or logs) it.
  - Databases that are not named are left alone.
options:
  databases: {type: list, elements: dict, required: true, description: "name, owner"}
  passwords: {type: dict, required: true, description: "postgresql/<database> → the owner's password"}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_databases:
    databases: [{name: simpus, owner: simpus}]
    passwords: {postgresql/simpus: "…"}
"""
RETURN = """
done: {type: list, returned: always, description: what was or would be changed}
"""

ITERATIONS = 4096
_STATE = (
    "SELECT json_build_object("
    "'roles', (SELECT json_object_agg(rolname, coalesce(rolpassword, '')) FROM pg_authid WHERE rolcanlogin),"
    "'databases', (SELECT json_object_agg(datname, pg_get_userbyid(datdba)) FROM pg_database))"
)


def psql(module: AnsibleModule, sql: str) -> str:
    """Run `sql` as the superuser; fails the module with the server's first error."""
    words = ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]
    done = subprocess.run(words, input=sql, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit {done.returncode}"]
        module.fail_json(msg=f"psql: {said[0]}")
    return done.stdout


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores for a password (RFC 5803, RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored, server = hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}"


def fits(password: str, known: str) -> bool:
    """Whether the stored verifier `known` is that of `password`."""
    try:
        kind, middle, _ = known.split("$")
        iterations, salt = middle.split(":")
        if kind != "SCRAM-SHA-256":
            return False
        return hmac.compare_digest(known, verifier(password, base64.b64decode(salt), int(iterations)))
    except ValueError:
        return False


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def steps(databases: list[dict[str, Any]], passwords: dict[str, str], state: dict[str, Any]) -> dict[str, str]:
    """What to tell → the SQL that does it."""
    roles, existing = dict(state["roles"] or {}), state["databases"] or {}
    todo = {}
    for wanted in databases:
        base, owner = wanted["name"], wanted["owner"]
        password = passwords[f"postgresql/{base}"]
        if owner not in roles or not fits(password, roles[owner]):
            made = verifier(password, secrets.token_bytes(16))
            verb = "ALTER" if owner in roles else "CREATE"
            todo[f"role {owner}"] = f"{verb} ROLE {name(owner)} LOGIN PASSWORD {literal(made)};"
            roles[owner] = made
        if base not in existing:
            todo[f"database {base}"] = (
                f"CREATE DATABASE {name(base)} OWNER {name(owner)} ENCODING 'UTF8' TEMPLATE template0;\n"
                f"REVOKE CONNECT ON DATABASE {name(base)} FROM PUBLIC;"
            )
        elif existing[base] != owner:
            todo[f"owner of {base}"] = f"ALTER DATABASE {name(base)} OWNER TO {name(owner)};"
    return todo


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "databases": {"type": "list", "elements": "dict", "required": True},
            "passwords": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    wanted, passwords = module.params["databases"], module.params["passwords"]
    missing = [f"postgresql/{one['name']}" for one in wanted if not passwords.get(f"postgresql/{one['name']}")]
    if missing:
        module.fail_json(msg=f"no password given: {', '.join(missing)}")
    if (
        module.check_mode
        and subprocess.run(["systemctl", "is-active", "--quiet", "postgresql"], check=False).returncode
    ):
        module.exit_json(changed=True, done=["everything: the server does not run yet"])
    todo = steps(wanted, passwords, json.loads(psql(module, _STATE)))
    if todo and not module.check_mode:
        psql(module, "\n".join(todo.values()))
    module.exit_json(changed=bool(todo), done=sorted(todo))


if __name__ == "__main__":
    main()
