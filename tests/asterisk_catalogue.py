"""Reads names and kinds of values out of Asterisk's own documentation (core-en_US.xml of the package).

`OPS_WRITE_CATALOGUE=1 .venv/bin/pytest tests/system/test_asterisk_catalogue.py` writes ops/catalogue/asterisk anew.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

DATA = Path(__file__).parents[1] / "ops/catalogue/asterisk"
XML = "usr/share/asterisk/documentation/core-en_US.xml"
TYPES = {
    "res_pjsip": ("endpoint", "auth", "aor", "transport", "global", "system"),
    "res_pjsip_endpoint_identifier_ip": ("identify",),
    "res_pjsip_outbound_registration": ("registration",),
}
_YES_NO = {"yes", "no"}
# Values that the documentation names in running text only, or with names of other options among them.
_AS_TEXT = {"set_var", "tos", "tos_audio", "tos_video", "codec_prefs_incoming_offer", "codec_prefs_outgoing_offer"}
_ALSO = {"auth_type": ["digest"], "dtmf_mode": ["rfc4733"], "protocol": ["udp", "tcp", "tls", "ws", "wss", "flow"]}


def objects(root: Path) -> dict[str, Any]:
    """type → option → `bool`, `int`, `text` or the list of values."""
    found: dict[str, Any] = {}
    for info in ET.parse(root / XML).getroot().iter("configInfo"):
        for made in info.iter("configObject"):
            if made.get("name") in TYPES.get(info.get("name", ""), ()):
                options = {one.attrib["name"]: _kind(one) for one in made.iter("configOption")}
                found[made.attrib["name"]] = dict(sorted(options.items()))
    return dict(sorted(found.items()))


def names(root: Path, what: str) -> dict[str, str]:
    """application or function → the module that has it."""
    found: dict[str, str] = {}
    for one in ET.parse(root / XML).getroot().iter(what):  # voicemail is there for several stores: the plain one counts
        found.setdefault(one.attrib["name"], one.get("module") or "builtin")
        found[one.attrib["name"]] = min(found[one.attrib["name"]], one.get("module") or "builtin", key=len)
    return dict(sorted(found.items()))


def _kind(option: ET.Element) -> str | list[str]:
    name, default = option.attrib["name"], option.get("default", "")
    values = [one.attrib["name"] for one in option.findall("./description/enumlist/enum")]
    if values and name not in _AS_TEXT and all(re.fullmatch(r"[\w-]+", value) for value in values):
        every = [*values, *(value for value in _ALSO.get(name, ()) if value not in values)]
        return "bool" if set(every) <= _YES_NO else [*every, *([default] if default and default not in every else [])]
    if default in _YES_NO:
        return "bool"
    return "int" if re.fullmatch(r"\d+", default) and name not in _AS_TEXT else "text"


def write(root: Path, version: str) -> None:
    DATA.mkdir(exist_ok=True)
    head = f"# Extracted from the documentation of Asterisk {version} (tests/asterisk_catalogue.py); do not edit.\n"
    parts = {
        "pjsip.yml": {"version": version, "objects": objects(root)},
        "dialplan.yml": {
            "version": version,
            "applications": names(root, "application"),
            "functions": names(root, "function"),
        },
    }
    for name, made in parts.items():
        text = yaml.safe_dump(made, sort_keys=False, width=120, default_flow_style=None)
        (DATA / name).write_text(head + text, encoding="utf-8")


def version_of(root: Path) -> str:
    """As the package says: `22.10.1`."""
    status = (root / "var/lib/dpkg/status").read_text(encoding="utf-8")
    found = re.search(r"^Package: asterisk\n(?:.+\n)*?Version: (?:\d+:)?([\d.]+)", status, re.MULTILINE)
    assert found
    return found[1]
