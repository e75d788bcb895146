"""What the catalogue knows, by name only: the stems of its data files.

The inventory may not import the catalogue's room (it stands above), and needs nothing of it but which names exist. So
it reads the list of packaged data files; what is in them stays the catalogue's business (but whether a
key is there).
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources


@cache
def device_models() -> frozenset[str]:
    return _stems("devices")


@cache
def pinging_models() -> frozenset[str]:
    """Device models whose profile has a `ping`."""
    shelf = resources.files("ops") / "catalogue" / "devices"
    return frozenset(name for name in device_models() if "\nping:" in (shelf / f"{name}.yml").read_text("utf-8"))


@cache
def phone_models() -> frozenset[str]:
    return _stems("phones")


@cache
def phone_vendors() -> frozenset[str]:
    """Makers of telephones on desks (a softphone has no factory)."""
    shelf = resources.files("ops") / "catalogue" / "phones"
    texts = [(shelf / f"{name}.yml").read_text("utf-8") for name in phone_models()]
    found = (re.search(r"^vendor: (\w+)", text, re.MULTILINE) for text in texts if "\nkeys: " in text)
    return frozenset(one[1] for one in found if one)


@cache
def phone_keys(model: str) -> int:
    """Programmable keys beside the screen of a model; 0 of one that is not known."""
    if model not in phone_models():
        return 0
    text = (resources.files("ops") / "catalogue" / "phones" / f"{model}.yml").read_text("utf-8")
    found = re.search(r"^keys: (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _stems(folder: str) -> frozenset[str]:
    shelf = resources.files("ops") / "catalogue" / folder
    if not shelf.is_dir():
        return frozenset()
    return frozenset(item.name.removesuffix(".yml") for item in shelf.iterdir() if item.name.endswith(".yml"))
