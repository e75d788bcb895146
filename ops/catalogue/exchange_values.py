"""What PJSIP objects' values must be beside each other: fences that hold, codecs in common, one object for one thing.

Each is accepted by Asterisk without a word, and ends in telephones that are open to all, or silent, or somebody else's.
Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache

from ops.catalogue.exchange_conf import Document, Fault, Section

TRUNK = "trunk-"
_CALL_TESTS = "transport-udp"  # the station's come by it, whatever telephones use
KINDS_OUTSIDE = frozenset({"local", "national", "mobile", "international", "public", "premium"})
_KIND = "|".join(sorted(KINDS_OUTSIDE))
_MANY = frozenset({"set_var", "permit", "deny", "match", "contact", "local_net"})  # others are written once a section
_SMALLEST = 8  # bits of a network's prefix that telephones may come from
_NEVER = {  # option → values that may stand there; none: the option has no place on this exchange
    ("endpoint", "acl"): (),
    ("endpoint", "call_group"): (),  # 64 for all offices: two of them would take each other's calls
    ("endpoint", "pickup_group"): (),
    ("endpoint", "contact_acl"): (),
    ("endpoint", "webrtc"): ("no",),
    ("endpoint", "media_encryption"): ("no", "sdes"),
    ("endpoint", "allow_unauthenticated_options"): ("no",),
    ("endpoint", "allow_overlap"): ("no", "yes"),
    ("endpoint", "identify_by"): ("username", "auth_username", "username,auth_username", "auth_username,username"),
    ("aor", "outbound_proxy"): (),
    ("identify", "match_header"): (),
    ("identify", "match_request_uri"): (),
    ("identify", "srv_lookups"): ("no", "yes"),
    ("transport", "protocol"): ("udp", "tcp", "tls"),
    ("transport", "method"): ("tlsv1_2", "tlsv1_3"),
    ("transport", "verify_client"): ("no", "yes"),
    ("transport", "verify_server"): ("no", "yes"),
    ("transport", "require_client_cert"): ("no", "yes"),
    ("transport", "allow_reload"): ("no",),
    ("global", "default_outbound_endpoint"): (),
    ("global", "endpoint_identifier_order"): ("ip,username,auth_username", "ip,username", "username,ip"),
    ("global", "debug"): ("no", "yes"),
}
_BETWEEN = {  # option → the least and the largest number
    ("endpoint", "tos_audio"): (0, 255),
    ("transport", "tos"): (0, 255),
    ("endpoint", "cos_audio"): (0, 7),
    ("transport", "cos"): (0, 7),
    ("transport", "async_operations"): (1, 64),
    ("endpoint", "rtp_timeout"): (10, 3600),
    ("endpoint", "rtp_timeout_hold"): (10, 86400),
    ("endpoint", "rtp_keepalive"): (0, 60),
    ("endpoint", "timers_min_se"): (90, 86400),
    ("endpoint", "timers_sess_expires"): (90, 86400),
    ("auth", "nonce_lifetime"): (1, 86400),
    ("aor", "max_contacts"): (0, 20),
    ("aor", "minimum_expiration"): (1, 86400),
    ("aor", "default_expiration"): (1, 86400),
    ("aor", "maximum_expiration"): (1, 86400),
    ("aor", "qualify_frequency"): (0, 3600),
    ("aor", "qualify_timeout"): (0, 60),
    ("global", "max_forwards"): (10, 255),
    ("global", "max_initial_qualify_time"): (0, 3600),
}
_VARIABLES: Mapping[str, str] = {
    "KOMINFO_CID": r"\+[1-9][0-9]{6,14}",
    "KOMINFO_OPD": r"[a-z][a-z0-9-]{1,29}",
    "KOMINFO_OPD_CALLS": r"[1-9][0-9]{0,4}",
    "KOMINFO_MAY": rf"(?:{_KIND})(?:,(?:{_KIND})){{0,{len(KINDS_OUTSIDE) - 1}}}",
    "KOMINFO_CALLS": r"[1-9]|10",
    "KOMINFO_MINUTES": r"[1-9][0-9]{0,2}|1[0-3][0-9]{2}|14[0-3][0-9]|1440",
}
_TOGETHER = (("KOMINFO_CID", "KOMINFO_OPD", "KOMINFO_OPD_CALLS"), ("KOMINFO_MAY", "KOMINFO_CALLS", "KOMINFO_MINUTES"))
_CONTACT = re.compile(r"sips?:(?:[\w.+-]+@)?([0-9.]+)(?::([0-9]{1,5}))?", re.ASCII)
_CID = re.compile(r'"(.*)" <(.*)>')
_LONGEST = 80  # characters of a name: twice what a screen holds
_PORTS = range(1024, 65536)


def check_values(documents: Mapping[str, Document], loaded: Collection[str] | None = None) -> Iterator[Fault]:
    """Faults of a release's objects. `loaded`: modules that modules.conf loads; None for all."""
    sections = [one for document in documents.values() for one in document.sections]
    for section in sections:
        yield from _own(section)
    objects: dict[str, list[Section]] = {}
    for section in sections:
        if not section.template:
            objects.setdefault(section.first("type"), []).append(section)
    for kind, check in _OF.items():
        for section in objects.get(kind, ()):
            yield from check(section)
    yield from _shared(objects)
    yield from _codecs(objects.get("endpoint", []), loaded)
    yield from _transports(objects)
    yield from _realms(objects)


def _own(section: Section) -> Iterator[Fault]:
    """What is wrong with the lines that a section has itself, templates too."""
    if len({id(base) for base in section.bases}) < len(section.bases):
        yield Fault(section.at, f"[{section.name}] has a template twice")
    kind, seen = section.first("type"), set()
    for option in section.options:
        if option.name in seen and option.name not in _MANY:
            yield Fault(option.at, f"{option.name} stands twice in [{section.name}]: which one holds?")
        seen.add(option.name)
        if why := _wrong(kind, option.name, option.value):
            yield Fault(option.at, f"{option.name}: {why}")


@cache
def _wrong(kind: str, name: str, value: str) -> str:
    may, span = _NEVER.get((kind, name)), _BETWEEN.get((kind, name))
    if may is not None and value not in may:
        return f"one of {', '.join(may)} is wanted" if may else "has no place on this exchange"
    if span and re.fullmatch(r"-?[0-9.]+", value) and not span[0] <= float(value) <= span[1]:
        return f"a number from {span[0]} to {span[1]} is wanted"
    if name in {"permit", "deny", "match", "local_net", "contact_permit", "contact_deny"} and not _networks(value):
        return "networks are wanted, as 10.41.1.0/24"
    if name in {"media_address", "external_media_address", "external_signaling_address"} and not _address(value):
        return "an address is wanted"
    return _variable(value) if name == "set_var" else ""


def _variable(text: str) -> str:
    name, _, value = text.partition("=")
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return f"{name[:40]} is no variable's name"
    if not name.startswith("KOMINFO_"):
        return ""
    form = _VARIABLES.get(name)
    return "" if form and re.fullmatch(form, value) else f"{name} is not as the dialplan reads it"


def _endpoint(section: Section) -> Iterator[Fault]:
    options = section.whole()
    names = [option.name for option in options]
    if "allow" in names and "disallow" in names[names.index("allow") :]:
        yield Fault(section.at, f"[{section.name}] has no codec left: disallow stands behind allow")
    yield from _fence(section)
    if section.name.startswith(TRUNK):
        if section.first("context") != f"from-{section.name}":
            yield Fault(section.at, f"[{section.name}] must come in by the context from-{section.name}")
        return
    shown = _CID.fullmatch(section.first("callerid").replace("\\;", ";"))
    if shown and (shown[2] != section.name or len(shown[1]) > _LONGEST or "{{" in shown[1]):
        yield Fault(section.at, f"[{section.name}] shows another number, or a name that is a template's or too long")
    if section.first("mailboxes") not in {"", f"{section.name}@kominfo"}:
        yield Fault(section.at, f"[{section.name}] has the mailbox of another one")
    held = dict(option.value.partition("=")[::2] for option in options if option.name == "set_var")
    office = {section.first(name) for name in ("named_call_group", "named_pickup_group")}
    office |= {held["KOMINFO_OPD"]} if "KOMINFO_OPD" in held else set()
    if {section.first("context")} != {f"opd-{code}" for code in office}:
        yield Fault(section.at, f"[{section.name}] is of several offices: {', '.join(sorted(office))}")
    for group in _TOGETHER:
        if 0 < len({*group} & held.keys()) < len(group):
            yield Fault(section.at, f"[{section.name}] lacks {', '.join(sorted({*group} - held.keys()))}")


def _fence(section: Section) -> Iterator[Fault]:
    """Asterisk goes by the last line that fits: first all are shut out, then some are let in."""
    rules = [(one.name, one.value) for one in section.whole() if one.name in {"permit", "deny"}]
    if rules and (rules[0] != ("deny", "0.0.0.0/0") or any(name == "deny" for name, _ in rules[1:])):
        yield Fault(section.at, f"[{section.name}]: deny=0.0.0.0/0 must stand before every permit, and no deny behind")
    for name, value in rules:
        if name == "permit" and any(net.prefixlen < _SMALLEST for net in _networks(value)):
            yield Fault(section.at, f"[{section.name}] permit={value} lets in nearly everybody")


def _auth(section: Section) -> Iterator[Fault]:
    if section.first("auth_type") == "digest" and not section.first("realm"):
        yield Fault(section.at, f"[{section.name}] has no realm, which its digest holds for alone")
    user = section.name.removesuffix("-old")
    if not section.name.startswith(TRUNK) and section.first("username") != user:
        yield Fault(section.at, f"[{section.name}] is of user {section.first('username')[:40]}")


def _aor(section: Section) -> Iterator[Fault]:
    spans = [section.first(f"{name}_expiration") for name in ("minimum", "default", "maximum")]
    numbers = [int(one) for one in spans if one.isascii() and one.isdecimal()]
    if numbers != sorted(numbers):
        yield Fault(section.at, f"[{section.name}]: minimum, default and maximum of expiration do not rise")
    contacts = [option.value for option in section.whole() if option.name == "contact"]
    if contacts and not section.name.startswith(TRUNK):
        yield Fault(section.at, f"[{section.name}] has a contact of its own: a telephone registers")
    for value in contacts:
        found = _CONTACT.fullmatch(value)
        if not found or not _address(found[1]) or int(found[2] or 5060) not in _PORTS:
            yield Fault(section.at, f"[{section.name}] contact: sip:, an address and a port are wanted")


def _identify(section: Section) -> Iterator[Fault]:
    if not section.first("endpoint").startswith(TRUNK):
        yield Fault(section.at, f"[{section.name}]: only a trunk is known by its address alone")
    for option in section.whole():
        if option.name == "match" and any(net.prefixlen < 24 for net in _networks(option.value)):  # noqa: PLR2004
            yield Fault(option.at, "match: addresses of one provider are no network larger than /24")


def _transport(section: Section) -> Iterator[Fault]:
    host, _, port = section.first("bind").partition(":")
    at = _address(host)
    if at and (at.is_unspecified or at.is_loopback or at.is_multicast):
        yield Fault(section.at, f"[{section.name}] bind: the exchange's own address is wanted")
    if port and (not port.isascii() or not port.isdecimal() or int(port) not in _PORTS):
        yield Fault(section.at, f"[{section.name}] bind: a port from 1024 is wanted")
    has = {option.name for option in section.whole()}
    keys = {"cert_file", "priv_key_file"}
    if section.first("protocol") == "tls":
        if not keys <= has:
            yield Fault(section.at, f"[{section.name}] has no {' and no '.join(sorted(keys - has))}")
    elif extra := has & {*keys, "ca_list_file", "method", "cipher", "verify_client", "require_client_cert"}:
        yield Fault(section.at, f"[{section.name}] is not encrypted: {', '.join(sorted(extra))} means nothing")


_OF: Mapping[str, Callable[[Section], Iterator[Fault]]] = {
    "endpoint": _endpoint,
    "auth": _auth,
    "aor": _aor,
    "identify": _identify,
    "transport": _transport,
}


def _shared(objects: Mapping[str, list[Section]]) -> Iterator[Fault]:
    """What belongs to one object alone."""
    endpoints = objects.get("endpoint", ())
    for name in ("aors", "auth"):
        first: dict[str, Section] = {}
        for section in endpoints:
            for one in filter(None, (word.strip() for word in section.first(name).split(","))):
                if first.setdefault(one, section) is not section:
                    yield Fault(section.at, f"[{section.name}] {name}={one} belongs to [{first[one].name}]")
    known: dict[str, Section] = {}
    for section in objects.get("identify", ()):
        for option in section.whole():
            for one in option.value.split(",") if option.name == "match" else ():
                if known.setdefault(one.strip(), section) is not section:
                    yield Fault(option.at, f"match={one.strip()} belongs to [{known[one.strip()].name}]")
    for kind in ("global", "system"):
        yield from (Fault(one.at, f"[{one.name}] is a second {kind}") for one in objects.get(kind, ())[1:])


def _codecs(endpoints: list[Section], loaded: Collection[str] | None) -> Iterator[Fault]:
    """Any two telephones, and any telephone and trunk, must have one codec in common that the exchange can work on."""
    common: set[str] | None = None
    for section in endpoints:
        codecs = {
            one.strip() for option in section.whole() if option.name == "allow" for one in option.value.split(",")
        }
        if "all" in codecs:
            yield Fault(section.at, f"[{section.name}] allow=all: name the codecs")
        if lacking := sorted(one for one in codecs if loaded is not None and f"codec_{one}" not in loaded):
            yield Fault(section.at, f"[{section.name}] {lacking[0]} needs codec_{lacking[0]}.so, which is not loaded")
        if common is not None and common and not common & codecs:
            yield Fault(section.at, f"[{section.name}] has no codec in common with the others")
        common = codecs if common is None else common & codecs


def _transports(objects: Mapping[str, list[Section]]) -> Iterator[Fault]:
    used = {section.first("transport") for section in objects.get("endpoint", ())}
    encrypted = set()
    taken: dict[tuple[bool, str], str] = {}
    for section in objects.get("transport", ()):
        if objects.get("endpoint") and section.name not in {*used, _CALL_TESTS}:
            yield Fault(section.at, f"[{section.name}]: no endpoint uses this transport")
        place = (section.first("protocol") == "udp", section.first("bind"))
        if (other := taken.setdefault(place, section.name)) != section.name:
            yield Fault(section.at, f"[{section.name}] listens where [{other}] does")
        if section.first("protocol") == "tls":
            encrypted.add(section.name)
    for section in objects.get("endpoint", ()):
        if section.first("media_encryption") == "sdes" and section.first("transport") not in encrypted:
            yield Fault(section.at, f"[{section.name}] would send its media keys in clear: sdes needs a TLS transport")


def _realms(objects: Mapping[str, list[Section]]) -> Iterator[Fault]:
    """Digests are made for one realm; who is asked for another one can not answer."""
    wanted = next((one.first("default_realm") for one in objects.get("global", ())), "")
    for section in objects.get("auth", ()):
        realm = section.first("realm")
        if wanted and realm and realm != wanted:
            yield Fault(section.at, f"[{section.name}] realm={realm}: default_realm is {wanted}")
            return


@cache
def _networks(value: str) -> tuple[ipaddress.IPv4Network, ...]:
    """The networks of a list; () when any of them is none."""
    try:
        return tuple(ipaddress.IPv4Network(one.strip()) for one in value.split(","))
    except ValueError:
        return ()


@cache
def _address(value: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(value)
    except ValueError:
        return None
