"""What Asterisk knows, from its own documentation (`ops/catalogue/asterisk/*.yml`), and what role pbx makes it load."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ops.catalogue.exchange_check import Rules
from ops.catalogue.exchange_ways import Known

_HERE = Path(__file__).parent / "asterisk"
_MODULES = Path(__file__).parents[2] / "playbooks/roles/pbx/files/modules.conf"


def rules(emergency: Collection[str] = ()) -> Rules:
    """`emergency`: the region's numbers that must get through; those of the whole country are always among them."""
    objects, dialplan = _data("pjsip"), _data("dialplan")
    known = Known(dialplan["applications"], dialplan["functions"], loaded_modules())
    return Rules(objects["objects"], known, frozenset(emergency))


def version() -> str:
    """Of the Asterisk whose documentation this is."""
    return str(_data("pjsip")["version"])


def loaded_modules() -> frozenset[str]:
    """Names of the modules that the role's modules.conf loads."""
    text = _MODULES.read_text(encoding="utf-8")
    return frozenset(re.findall(r"^(?:pre)?load\s*=>?\s*(\S+)\.so", text, re.MULTILINE))


@cache
def _data(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((_HERE / f"{name}.yml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded
