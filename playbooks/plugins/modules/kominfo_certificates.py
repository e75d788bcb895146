#!/usr/bin/python
"""A host's keys and what it asks its region's certificate authority for; keys never leave the host."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kominfo_certificates
short_description: Keys of a host, and requests for the certificates that it lacks
description:
  - Looks which certificates below O(folder) are missing, end within O(days) days, have other names than wanted, or do
    not come from the authority in C(root.pem) there; makes their keys (EC P-256, 0600) and a request for each.
  - Closes keys that others may read.
  - What comes back signed is placed by the caller (kominfo_files), together with what uses it.
options:
  folder: {type: path, required: true, description: "<name>.key, <name>.pem and root.pem"}
  certificates: {type: list, elements: dict, required: true, description: "name, names: DNS names and IPv4 addresses"}
  days: {type: int, default: 60, description: a certificate that ends sooner is asked for again}
  root: {type: bool, default: true, description: whether the authority's own certificate is wanted as well}
author: [kominfo-ops]
"""
EXAMPLES = """
- kominfo_certificates:
    folder: /etc/kominfo/tls
    certificates: [{name: dinkes, names: [dinkes.example, www.dinkes.example]}]
"""
RETURN = """
requests: {type: list, returned: always, description: "name, names and csr (PEM) of each certificate that is lacking"}
root: {type: bool, returned: always, description: whether the authority's certificate is lacking}
held: {type: list, returned: always, description: names of wanted certificates that are there}
stray: {type: list, returned: always, description: names of certificates in the folder that nobody wants any more}
"""

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")

Seen = tuple[float, set[str]]  # when a certificate ends (seconds since 1970), the names it holds for


def openssl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it; its result, whatever it is. FileNotFoundError when it is not installed."""
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)


def must(module: AnsibleModule, *words: str) -> str:
    """Its output; the module fails with its last line when it refuses."""
    done = openssl(*words)
    if done.returncode != 0:
        module.fail_json(msg=f"openssl {words[0]}: {(done.stderr.strip() or 'no output').splitlines()[-1]}")
    return done.stdout


def alternative(names: list[str]) -> str:
    """The value of subjectAltName."""
    return ",".join(f"{'IP' if _ADDRESS.fullmatch(name) else 'DNS'}:{name}" for name in names)


def looked_at(folder: Path, names: list[str]) -> dict[str, Seen]:
    """What the certificates there say, by file name; those that cannot be read are left out. Two programs for all."""
    there = [name for name in names if (folder / f"{name}.pem").exists() and (folder / f"{name}.key").exists()]
    if not there or not (folder / "root.pem").exists():
        return {}
    paths = [str(folder / f"{name}.pem") for name in there]
    ours = openssl("verify", "-CAfile", str(folder / "root.pem"), *paths).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as bundle:
        bundle.write("".join(Path(path).read_text(encoding="ascii", errors="replace") for path in paths))
        bundle.flush()
        text = openssl("storeutl", "-noout", "-text", "-certs", bundle.name).stdout
    parts = re.split(r"(?m)^\d+: Certificate$", text)[1:]
    if len(parts) != len(there):
        return {}  # one of them is no certificate: all are asked for anew
    good = [name for name, path in zip(there, paths, strict=True) if f"{path}: OK\n" in ours and fits(folder, name)]
    return {name: seen(part) for name, part in zip(there, parts, strict=True) if name in good}


def seen(text: str) -> Seen:
    """From the text form of one certificate."""
    end = re.search(r"Not After : (.+)", text)
    held = re.search(r"Subject Alternative Name:[^\n]*\n(.+)", text)
    return (
        ssl.cert_time_to_seconds(end[1].strip()) if end else 0.0,
        set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", held[1])) if held else set(),
    )


def fits(folder: Path, name: str) -> bool:
    """Whether certificate and key belong together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    except (ssl.SSLError, OSError):
        return False
    return True


def make_key(module: AnsibleModule, path: Path) -> bool:
    """Whether it had to be made. Nobody else can ever read it, and half a key is never there."""
    if path.exists():
        return False
    text = must(module, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    handle, fresh = tempfile.mkstemp(dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        Path(fresh).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(fresh).unlink()
        raise
    return True


def stays(known: Seen | None, names: list[str], enough: float) -> bool:
    """Whether a certificate holds for exactly these names, and until `enough` (seconds since 1970)."""
    return known is not None and known[1] == set(names) and known[0] > enough


def readable(folder: Path) -> list[Path]:
    """Keys that somebody else than their owner may read."""
    return [key for key in sorted(folder.glob("*.key")) if key.stat().st_mode & 0o077]


def request(module: AnsibleModule, folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """A request for one certificate, its key made first."""
    key = folder / f"{wanted['name']}.key"
    make_key(module, key)
    subject = "/CN=" + wanted["names"][0][:64].replace("/", "")
    extension = f"subjectAltName={alternative(wanted['names'])}"
    text = must(module, "req", "-new", "-key", str(key), "-subj", subject, "-addext", extension)
    return {"name": wanted["name"], "names": wanted["names"], "csr": text}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "certificates": {"type": "list", "elements": "dict", "required": True},
            "days": {"type": "int", "default": 60},
            "root": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    folder, certificates = Path(module.params["folder"]), module.params["certificates"]
    if wrong := [one["name"] for one in certificates if not _SAFE.fullmatch(one["name"]) or not one["names"]]:
        module.fail_json(msg=f"{wrong[0]!r}: a certificate needs a plain name and at least one name to hold for")
    there = looked_at(folder, [one["name"] for one in certificates])
    enough = time.time() + module.params["days"] * 86400
    lacking = [one for one in certificates if not stays(there.get(one["name"]), one["names"], enough)]
    root = module.params["root"] and not (folder / "root.pem").exists()
    if module.check_mode:
        requests = [{**one, "csr": ""} for one in lacking]
    else:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        requests = [request(module, folder, one) for one in lacking]
    loose = readable(folder)
    for key in [] if module.check_mode else loose:
        key.chmod(0o600)
    files = {path.stem for path in folder.glob("*.pem")} - {"root"}
    names = [one["name"] for one in certificates]
    held = [name for name in names if name in files]
    stray = sorted(files - set(names))
    changed = bool(requests or root or loose)
    module.exit_json(changed=changed, requests=requests, root=root, held=held, stray=stray)


if __name__ == "__main__":
    main()
