"""What a telephone's secret must be like: `secrets.yml` may be edited by hand, and a bad value would go out. Pure.

A token of an address must be one telephone's alone (nginx would serve the wrong file or refuse its configuration), and
nobody may guess it. Passwords are put into files behind the escaping, so no sign may mean something there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_OURS = re.compile(r"provision/[0-9a-f]{12}|phone/[0-9a-f]{12}|voip/\d+", re.ASCII)  # not what a provider chose
_GOOD = re.compile(r"[A-Za-z0-9]{20,}", re.ASCII)
_SINGLE = "provision/"  # secrets of this folder differ from each other


def faults(values: Mapping[str, str], wanted: Iterable[str]) -> list[str]:
    """What is wrong with the secrets `wanted`, in words without any value."""
    names = sorted(wanted)
    return [*_misformed(values, names), *_twice(values, names)]


def _misformed(values: Mapping[str, str], names: Iterable[str]) -> Iterable[str]:
    for name in names:
        if _OURS.fullmatch(name) and not _GOOD.fullmatch(values[name]):
            yield f"{name} is shorter than 20 characters, or holds others than letters and digits"


def _twice(values: Mapping[str, str], names: Iterable[str]) -> Iterable[str]:
    first: dict[str, str] = {}
    for name in names:
        if name.startswith(_SINGLE) and first.setdefault(values[name], name) != name:
            yield f"{name} is the same as {first[values[name]]}"
