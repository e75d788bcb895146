#!/usr/bin/python
"""A region's own certificate authority: its key stays on its host, and it signs for its own names only."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_authority
short_description: A certificate authority for one domain, on its own host
description:
  - Makes the authority when it is not there - a key (EC P-384, 0600) and a certificate that by its name constraints can
    vouch for O(domain) and O(networks) only, whatever somebody who stole the key may sign.
  - Signs O(requests) for the names that the caller gives; what a request itself says of names is not looked at.
  - Every certificate is a line of C(issued.jsonl) beside the key.
options:
  folder: {type: path, required: true, description: "where ca.key, root.pem and issued.jsonl are"}
  title: {type: str, required: true, description: the authority's name as people see it}
  domain: {type: str, required: true, description: domain that it vouches for}
  networks: {type: list, elements: str, default: [], description: networks whose addresses it vouches for}
  requests: {type: list, elements: dict, default: [], description: "name, names, csr (PEM)"}
  for_host: {type: str, required: true, description: who asks; noted}
  days: {type: int, default: 397, description: how long a certificate holds}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_authority:
    folder: /etc/kominfo/ca
    title: Kabupaten Contoh
    domain: contoh.example
    requests: [{name: dinkes, names: [dinkes.contoh.example], csr: "…"}]
    for_host: dc-web
  delegate_to: dc-ops
"""
RETURN = """
root: {type: str, returned: always, description: the authority's certificate (PEM)}
signed: {type: dict, returned: always, description: name → certificate (PEM)}
"""

YEARS = 10
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")

_ROOT = """
[req]
distinguished_name = name
prompt = no
string_mask = utf8only
utf8 = yes
x509_extensions = root
[name]
CN = {title}
[root]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, {constraints}
"""
_LEAF = """
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


class Authority:
    """The folder on this host. Only one of us at a time works in it."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.folder = Path(self.params["folder"])
        self.key, self.root, self.issued = (self.folder / n for n in ("ca.key", "root.pem", "issued.jsonl"))

    def openssl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(["openssl", *words], input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stderr.strip() or "no output"
            self.module.fail_json(msg=f"openssl {words[0]}: {said.splitlines()[-1]}")
        return done.stdout

    def make(self) -> bool:
        """Whether the authority had to be made. The certificate comes last: with it the authority is whole."""
        if self.root.exists():
            return False
        with tempfile.TemporaryDirectory(dir=self.folder) as where:
            settings, key, root = (Path(where) / name for name in ("settings", "key", "root"))
            title = re.sub(r"[^\w .,()-]", " ", self.params["title"])[:64].strip()
            settings.write_text(_ROOT.format(title=title, constraints=self.constraints()), encoding="utf-8")
            curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-noenc", "-sha384")
            files = ("-config", str(settings), "-keyout", str(key), "-out", str(root))
            self.openssl("req", "-x509", *curve, "-days", str(365 * YEARS), *files)
            key.chmod(0o600)
            key.replace(self.key)
            root.chmod(0o644)
            root.replace(self.root)
        return True

    def constraints(self) -> str:
        """The value of nameConstraints: the domain with all below it, and the networks."""
        parts = [f"permitted;DNS:{self.params['domain']}"]
        for network in self.params["networks"]:
            address, _, length = network.partition("/")
            mask = (0xFFFFFFFF << (32 - int(length))) & 0xFFFFFFFF
            parts.append(f"permitted;IP:{address}/{'.'.join(str(mask >> shift & 255) for shift in (24, 16, 8, 0))}")
        return ", ".join(parts)

    def sign(self, asked: dict[str, Any]) -> str:
        """The certificate for one request; the key in it is all that is taken from the request itself."""
        for name in asked["names"]:
            if not _ADDRESS.fullmatch(name) and not _NAME.fullmatch(name):
                self.module.fail_json(msg=f"{name!r} is neither a full DNS name nor an IPv4 address")
        names = ",".join(f"{'IP' if _ADDRESS.fullmatch(name) else 'DNS'}:{name}" for name in asked["names"])
        serial = f"0x{secrets.randbits(126) | 1 << 126:x}"
        with tempfile.TemporaryDirectory(dir=self.folder) as where:
            (extensions := Path(where) / "extensions").write_text(_LEAF.format(names=names), encoding="utf-8")
            pem = self.openssl(
                *("x509", "-req", "-CA", str(self.root), "-CAkey", str(self.key), "-sha256", "-set_serial", serial),
                *("-days", str(self.params["days"]), "-extfile", str(extensions)),
                given=asked["csr"],
            )
            (leaf := Path(where) / "leaf.pem").write_text(pem, encoding="ascii")
            self.openssl("verify", "-CAfile", str(self.root), str(leaf))  # a name that the constraints do not allow
        self.note(asked, serial)
        return pem

    def note(self, asked: dict[str, Any], serial: str) -> None:
        now = dt.datetime.now(dt.UTC)
        line = {
            "at": now.isoformat(timespec="seconds"),
            "until": (now + dt.timedelta(days=self.params["days"])).isoformat(timespec="seconds"),
            "host": self.params["for_host"],
            "name": asked["name"],
            "names": asked["names"],
            "serial": serial,
        }
        with self.issued.open("a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
            out.flush()
            os.fsync(out.fileno())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "title": {"type": "str", "required": True},
            "domain": {"type": "str", "required": True},
            "networks": {"type": "list", "elements": "str", "default": []},
            "requests": {"type": "list", "elements": "dict", "default": []},
            "for_host": {"type": "str", "required": True},
            "days": {"type": "int", "default": 397},
        },
        supports_check_mode=True,
    )
    authority = Authority(module)
    if module.check_mode:
        there = authority.root.exists()
        root = authority.root.read_text(encoding="ascii") if there else ""
        module.exit_json(changed=not there or bool(module.params["requests"]), root=root, signed={})
    authority.folder.mkdir(parents=True, exist_ok=True)
    authority.folder.chmod(0o700)
    with (authority.folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = authority.make()
        signed = {asked["name"]: authority.sign(asked) for asked in module.params["requests"]}
    module.exit_json(changed=made or bool(signed), root=authority.root.read_text(encoding="ascii"), signed=signed)


if __name__ == "__main__":
    main()
