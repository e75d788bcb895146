"""How routers are asked over SNMP: version, user, algorithms; communities and passwords by name of secret only."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ops.inventory.declared import Declared
from ops.inventory.scalars import SecretName, Title


class Snmp(Declared):
    version: Literal["1", "2c", "3"] = "2c"
    community_secret: SecretName | None = Field(default=None, description="of v1 and v2c; access.snmp_secret if none")
    user: Title | None = Field(default=None, description="of v3")
    authentication: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = "sha256"
    authentication_secret: SecretName = "snmp/authentication"  # noqa: S105 # the name of a secret, not a secret
    privacy: Literal["none", "des", "aes128", "aes192", "aes256"] = "aes128"
    privacy_secret: SecretName = "snmp/privacy"  # noqa: S105 # the name of a secret, not a secret
    cisco_keys: bool = Field(default=False, description="aes192 and aes256 with keys as Cisco makes them")
    any_source: bool = Field(
        default=False, description="answers may come from another address or port than was asked: multi-homed devices"
    )
