"""How a device is asked over SNMP: the credentials themselves, which no repr, error or log shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Version = Literal["1", "2c"]
Authentication = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Privacy = Literal["none", "des", "aes128", "aes192", "aes256"]


@dataclass(frozen=True, slots=True)
class SnmpLogin:
    """v1 or v2c with a community. `anywhere`: its answers may come from another address than it was asked at."""

    community: str = field(repr=False)
    version: Version = "2c"
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class SnmpUser:
    """SNMPv3 with the user-based security model (RFC 3414, RFC 7860). `cisco_keys`: how AES-192/256 keys are made."""

    name: str
    password: str = field(repr=False)
    authentication: Authentication = "sha256"
    privacy: Privacy = "aes128"
    privacy_password: str = field(default="", repr=False)
    cisco_keys: bool = False


Login = SnmpLogin | SnmpUser
