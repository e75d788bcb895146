"""Telephones that show the certificate of their factory: which vendors', and the authorities that signed them. Pure.

The suite can not ship vendors' authorities: the regency puts them into its inventory, `factory-ca/<vendor>.pem`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import Name

FOLDER = "factory-ca"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]{64,}-----END CERTIFICATE-----", re.ASCII)


class Provision(Declared):
    factory_ca: tuple[Name, ...] = Field(
        default=(),
        description="vendors whose telephones must show their factory's certificate (`factory-ca/<vendor>.pem`)",
    )


def wrong(authorities: Mapping[str, str], vendor: str) -> str:
    """What is wrong with a vendor's file; "" for nothing."""
    text = authorities.get(vendor)
    if text is None:
        return "is not in the inventory's folder"
    if "PRIVATE KEY" in text:
        return "holds a private key: it must not be here"
    return "" if _CERTIFICATE.search(text) else "holds no certificate in PEM"


def faults(provision: Provision, authorities: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    """Key, what, hint of each vendor without a good file. `authorities`: the folder's files without their ending."""
    for at, vendor in enumerate(provision.factory_ca):
        if said := wrong(authorities, vendor):
            hint = "ask the vendor for the authority (root and what stands between) of its telephones' certificates"
            yield f"factory_ca.{at}", f"{FOLDER}/{vendor}.pem {said}", hint
