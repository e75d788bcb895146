"""Typed scalars: how a word in YAML becomes a value. Every error says what was written and what is wanted."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)([kMG])")
_BANDWIDTH_UNIT = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_DURATION_UNIT = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAC = re.compile(r"[0-9A-Fa-f]{12}")


def _bandwidth(value: object) -> int:
    found = _BANDWIDTH.fullmatch(str(value))
    if not found:
        raise ValueError(f"{value} is not a bandwidth (write 50M, 1.5G or 512k: bits per second)")
    return round(float(found[1]) * _BANDWIDTH_UNIT[found[2]])


def _duration(value: object) -> float:
    found = _DURATION.fullmatch(str(value))
    if not found:
        raise ValueError(f"{value} is not a duration (write 15m, 24h, 7d or 20ms)")
    return float(found[1]) * _DURATION_UNIT[found[2]]


def _mac(value: object) -> str:
    digits = re.sub(r"[:.\-]", "", str(value))
    if not _MAC.fullmatch(digits):
        raise ValueError(f"{value} is not a MAC address (write 00:15:65:aa:bb:cc)")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2)).lower()


def _network(value: object) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(str(value))
    except ValueError as error:
        wrong = "has host bits set" if "host bits" in str(error) else "is not an IPv4 network"
        raise ValueError(f"{value} {wrong} (write 10.41.5.0/24)") from None


def _interface(value: object) -> ipaddress.IPv4Interface:
    with suppress(ValueError):
        if "/" in str(value):
            return ipaddress.IPv4Interface(str(value))
    raise ValueError(f"{value} is not an IPv4 address with its prefix (write 10.40.17.2/30)")


def _address(value: object) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(str(value))
    except ValueError:
        raise ValueError(f"{value} is not an IPv4 address") from None


def _pattern(pattern: str, what: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if not compiled.fullmatch(str(value)):
            raise ValueError(f"{str(value)!r} is not {what}")
        return str(value)

    return BeforeValidator(check)


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": ["string", "number"], "pattern": pattern, "examples": [example]})


def _text(examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [examples]})


Bandwidth = Annotated[int, BeforeValidator(_bandwidth), _schema(r"^\d+(\.\d+)?[kMG]$", "50M")]  # bits per second
Duration = Annotated[float, BeforeValidator(_duration), _schema(r"^\d+(\.\d+)?(ms|s|m|h|d|w)$", "24h")]  # seconds
Mac = Annotated[str, BeforeValidator(_mac), _text("00:15:65:aa:bb:cc")]  # kept in lower case with colons
Network = Annotated[ipaddress.IPv4Network, BeforeValidator(_network), PlainSerializer(str), _text("10.41.5.0/24")]
Interface = Annotated[
    ipaddress.IPv4Interface, BeforeValidator(_interface), PlainSerializer(str), _text("10.40.17.2/30")
]
Address = Annotated[ipaddress.IPv4Address, BeforeValidator(_address), PlainSerializer(str), _text("10.40.0.11")]

Code = Annotated[
    str, _pattern(r"[a-z][a-z0-9-]{1,29}", "a code (lower-case letters, digits and -, 2 to 30, a letter first)")
]
Name = Annotated[str, _pattern(r"[A-Za-z0-9][A-Za-z0-9_-]{0,61}", "a name (letters, digits, - and _)")]
IfName = Annotated[str, _pattern(r"[A-Za-z][A-Za-z0-9/._:-]{0,39}", "an interface name (ifName)")]
Domain = Annotated[
    str,
    _pattern(
        r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*",
        "a domain name in lower case",
    ),
]
Label = Annotated[str, _pattern(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a DNS label in lower case")]
Extension = Annotated[str, _pattern(r"\d{2,8}", "a telephone extension (2 to 8 digits)")]
ExtensionRange = Annotated[str, _pattern(r"\d{2,8}-\d{2,8}", "a range of extensions (write 20100-20199)")]
Title = Annotated[str, _pattern(r"[^\x00-\x1f\x7f]{1,200}", "one line of text")]
SecretName = Annotated[str, _pattern(r"[a-z0-9][a-z0-9/_.-]{0,99}", "the name of a secret, as voip/20101")]
