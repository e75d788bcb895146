"""Typed scalars: how a word in YAML becomes a value. Every error says what was written and what is wanted."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from ops.inventory.document import PLACE_KEY

_BANDWIDTH = re.compile(r"(\d+(?:\.\d+)?)([kMG])", re.ASCII)
_BANDWIDTH_UNIT = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_DURATION_UNIT = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAC = re.compile(
    r"[0-9A-F]{2}([:.-]?)(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|[0-9A-F]{4}(?:\.[0-9A-F]{4}){2}", re.IGNORECASE | re.ASCII
)


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
    if not _MAC.fullmatch(str(value)):
        raise ValueError(f"{value} is not a MAC address (write 00:15:65:aa:bb:cc)")
    digits = re.sub(r"[:.\-]", "", str(value))
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
    compiled = re.compile(pattern, re.ASCII)  # digits are 0 to 9, whatever others Unicode has

    def check(value: object) -> str:
        if isinstance(value, list | dict) or not compiled.fullmatch(str(value)):
            raise ValueError(f"{str(value)!r} is not {what}")
        return str(value)

    return BeforeValidator(check)


def _without_place(value: object) -> object:
    """A free table as written: without the place that the loader noted in it."""
    return {key: inner for key, inner in value.items() if key != PLACE_KEY} if isinstance(value, dict) else value


def _words(pattern: str, form: str) -> WithJsonSchema:
    """For editors: text of that form. YAML may have read digits as a number, which is the same to us."""
    return WithJsonSchema({"type": ["string", "number"], "pattern": f"^({pattern})$", "$comment": form})


def _text(example: str, pattern: str = "") -> WithJsonSchema:
    """For editors: text that no YAML reader takes for a number."""
    form = {"pattern": f"^({pattern})$"} if pattern else {}
    return WithJsonSchema({"type": "string", **form, "$comment": f"as `{example}`"})


_CODE = r"[a-z][a-z0-9-]{1,29}"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,61}"
_IFNAME = r"[A-Za-z0-9][A-Za-z0-9/._:-]{0,39}"  # Aruba CX, Nokia and EdgeSwitch number their ports: 1/1/1
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*"
_NUMBER = r"\d{2,8}"
_RANGE = r"\d{2,8}-\d{2,8}"
_TITLE = r"[^\x00-\x1f\x7f]{1,200}"
_E164 = r"\+[1-9]\d{6,14}"
_USER = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_SECRET = r"[a-z0-9][a-z0-9/_.-]{0,99}"  # noqa: S105 # the form of a secret's name

Bandwidth = Annotated[int, BeforeValidator(_bandwidth), _text("50M", _BANDWIDTH.pattern)]  # bits per second
Duration = Annotated[float, BeforeValidator(_duration), _text("24h", _DURATION.pattern)]  # seconds
Mac = Annotated[str, BeforeValidator(_mac), _text("00:15:65:aa:bb:cc")]  # kept in lower case with colons
Network = Annotated[ipaddress.IPv4Network, BeforeValidator(_network), PlainSerializer(str), _text("10.41.5.0/24")]
Interface = Annotated[
    ipaddress.IPv4Interface, BeforeValidator(_interface), PlainSerializer(str), _text("10.40.17.2/30")
]
Address = Annotated[ipaddress.IPv4Address, BeforeValidator(_address), PlainSerializer(str), _text("10.40.0.11")]

Code = Annotated[
    str,
    _pattern(_CODE, "a code (lower-case letters, digits and -, 2 to 30, a letter first)"),
    _words(_CODE, "code"),
]
Name = Annotated[str, _pattern(_NAME, "a name (letters, digits, - and _)"), _words(_NAME, "name")]
IfName = Annotated[str, _pattern(_IFNAME, "an interface name (ifName)"), _words(_IFNAME, "as `sfp1`")]
Domain = Annotated[str, _pattern(_DOMAIN, "a domain name in lower case"), _words(_DOMAIN, "as `batubarakab.go.id`")]
Label = Annotated[str, _pattern(_LABEL, "a DNS label in lower case"), _words(_LABEL, "DNS label")]
Extension = Annotated[str, _pattern(_NUMBER, "a telephone extension (2 to 8 digits)"), _words(_NUMBER, "as `20101`")]
ExtensionRange = Annotated[
    str, _pattern(_RANGE, "a range of extensions (write 20100-20199)"), _words(_RANGE, "as `20100-20199`")
]
UserName = Annotated[str, _pattern(_USER, "a user's name (letters, digits and . _ @ -)"), _words(_USER, "user")]
Title = Annotated[str, _pattern(_TITLE, "one line of text"), _words(_TITLE, "line of text")]
SecretName = Annotated[
    str, _pattern(_SECRET, "the name of a secret, as voip/20101"), _words(_SECRET, "name of a secret, as `voip/20101`")
]
ShortCodes = Annotated[dict[str, Extension], BeforeValidator(_without_place)]
SecretNames = Annotated[dict[str, SecretName], BeforeValidator(_without_place)]
E164 = Annotated[
    str, _pattern(_E164, "a number as the world dials it (write +62622410001, in quotes)"), _text("+62622410001", _E164)
]
E164Block = Annotated[
    str,
    _pattern(rf"{_E164}-{_E164}", "a block of numbers (write +62622410000-+62622410099)"),
    _text("+62622410000-+62622410099", rf"{_E164}-{_E164}"),
]
DirectDial = Annotated[dict[E164, Extension], BeforeValidator(_without_place)]
MenuKeys = Annotated[dict[str, Extension], BeforeValidator(_without_place)]
