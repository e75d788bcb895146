"""Where devices keep secrets that SNMP tells: columns whose values, and tables whose indexes, are no one's business.

A value alone does not say what it is (a password looks like a name); the column that it stands in does. Whole tables
are named where users stand in the index. The places are those of the vendors' MIBs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_E = "1.3.6.1.4.1"
_STANDARD = (
    "1.3.6.1.6.3.12",  # SNMP-TARGET-MIB: who is told what, under which name
    "1.3.6.1.6.3.15.1.2",  # usmUserTable
    "1.3.6.1.6.3.16",  # VACM: groups and users
    "1.3.6.1.6.3.18",  # SNMP-COMMUNITY-MIB
    "1.3.6.1.2.1.10.23.2",  # PPP-SEC-MIB: names and secrets of PAP and CHAP
    "1.3.6.1.2.1.14.7.1.16",  # ospfIfAuthKey
    "1.3.6.1.2.1.14.9.1.9",  # ospfVirtIfAuthKey
    "1.3.6.1.2.1.16.19.13.1.2",  # trapDestCommunity
    "1.3.6.1.2.1.23.3.1.4",  # rip2IfConfAuthKey
    "1.3.6.1.2.1.25.4.2.1.5",  # hrSWRunParameters: passwords stand in command lines
    "1.3.6.1.2.1.47.1.2.1.1.4",  # entLogicalCommunity
    "1.3.6.1.2.1.68.1.3.1.10",  # vrrpOperAuthKey
    f"{_E}.8072.1.3.2",  # net-snmp's extend: command lines, and what they answered
)
_CISCO = (
    f"{_E}.9.9.46.1.9.1.1",  # vtpAuthEntry
    f"{_E}.9.9.80.1.1.5.1.7",  # cfcRequestPassword
    f"{_E}.9.9.96.1.1.1.1.8",  # ccCopyUserPassword
    f"{_E}.9.9.391.1.1.4.3",  # cfcspDhChapGenericPasswd
    f"{_E}.9.9.517.1.3.1.1.9",  # cLReapGroupRadiusServerKey
    f"{_E}.9.10.56.1.1.2.1.6",  # casKey: RADIUS and TACACS+
    f"{_E}.14179.2.1.1.1.46",  # bsnDot11EssWPAAuthPresharedKey
)
_HUAWEI = (
    f"{_E}.2011.5.2.1.10",  # hwLocalUserTable
    f"{_E}.2011.5.25.20.1.2.1.5",  # hwTACACSServerKey
    f"{_E}.2011.5.25.40.15.1.1.1.2",  # hwRadiusServerKey
    f"{_E}.2011.5.25.179.1.2.2.1.5",  # hwEponOnuPassword
    f"{_E}.2011.6.128.1.1.2.43.1.4",  # hwGponDeviceOntPassword
)
# Comware under four makers' numbers: configuration copies, local users, RADIUS, DVPN, RCP, communities
_COMWARE = tuple(
    f"{_E}.{root}.2.{place}"
    for root in ("25506", "2011.10", "11.2.14.11.15", "43.45.1.10")
    for place in ("4.1.2.4.1.7", "12.1.1.1", "13.1", "57.1.1.17", "73.1.2.1.1.2", "104.2.1")
)
# Switches on Broadcom FASTPATH (Ubiquiti, Netgear, Dell, Lancom): local users, communities, RADIUS
_FASTPATH = tuple(
    f"{_E}.{root}.{place}"
    for root in ("4413.1.1", "4526.10", "4526.11", "4526.1.6", "674.10895.5000.2.6132.1.1", "2356.16.1")
    for place in ("1.2.1.3.2.1", "1.2.6.2", "8")
)
# Switches on Radlan/Marvell (Cisco Small Business, Linksys, Dell): communities, AAA
_RADLAN = tuple(f"{_E}.{root}.{place}" for root in ("89", "9.6.1.101", "3955.1000.201") for place in ("2.7.2", "79"))
_OTHERS = (
    f"{_E}.11.2.3.7.11.12.1.2.9.2.1",  # Foundry's users under HP's number
    f"{_E}.11.2.14.11.5.1.16.4.1.3",  # hpSwitchTacacsServerKey
    f"{_E}.11.2.14.11.5.1.108.1.1.4",  # hpicfDldpAuthPassword
    f"{_E}.171.10.134.2.1.5.5",  # D-Link's communities
    f"{_E}.171.14.2.1.3",
    f"{_E}.674.10895.3.1.17.4.3",  # Dell's radiusServerKey
    f"{_E}.674.10895.5.11.29",
    f"{_E}.890.1.5.8.16.6.2.3",  # Zyxel's RADIUS secrets and WPA keys
    f"{_E}.890.1.15.3.5.8.1.3",
    f"{_E}.890.1.15.3.71.1.1.3.1.4",
    f"{_E}.1991.1.1.2.9.2.1",  # snAgentUserAccntTable
    f"{_E}.3320.9.185.1.1.1.5",  # BDCOM's ftpUserPassword
    f"{_E}.3902.3.202.1.1.1.1.1.9",  # ZTE's copyUserPassword, communities, TACACS+, telephones, ONUs
    f"{_E}.3902.15.2.11.16",
    f"{_E}.3902.1015.92.2",
    f"{_E}.3902.1015.1010.1.7.4.1.22",
    f"{_E}.3902.1015.5200.3.8.1.1.12",
    f"{_E}.6027.3.5.1.1.1.1.10",  # Force10's copyUserPassword
    f"{_E}.8691.2.11.1.5.1.7.2",  # Moxa's radiusKey
    f"{_E}.27514.1.1.10.2.39.1.2",  # QTech's server key
    f"{_E}.47196.4.1.1.3.20.1.0.1.1.11",  # arubaWiredConfigurationCopyUserPassword
)
_PLACES = tuple(f"{place}." for place in (*_STANDARD, *_CISCO, *_HUAWEI, *_COMWARE, *_FASTPATH, *_RADLAN, *_OTHERS))
_WORDS = re.compile(rb"(?i)passw|secret|communit|psk|pre-?shared|credential|private.?key|token")
_ENCIPHERED = re.compile(  # crypt(3), and as Huawei and H3C write what they have enciphered
    rb"\$(?:1[a-d]?|2[abxy]|5|6|7|8|9|14|y|h)\$[./\w]|%\^%#|%\$%\$|%@%@|%#%#|\{S?SHA\d*\}"
)


def secret_place(oid: str) -> bool:
    """Whether what stands at this OID is a secret by its column, or by its table."""
    return f"{oid}.".startswith(_PLACES)


def secret_text(text: bytes, known: Iterable[str] = ()) -> bool:
    """Whether a text reads like a secret, or holds one of the `known`."""
    if _WORDS.search(text) or _ENCIPHERED.search(text):
        return True
    return any(secret.encode() in text for secret in known if secret)


def secret_index(oid: str, known: Iterable[str] = ()) -> bool:
    """The same of a text that stands in an OID, one number per sign."""
    signs = bytes(int(step) if step.isdigit() and 0x20 <= int(step) < 0x7F else 0 for step in oid.split("."))  # noqa: PLR2004 # ASCII
    return secret_text(signs, known)
