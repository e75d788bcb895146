"""What each PJSIP object may hold: names and values of Asterisk's own documentation, and references that lead on.

Asterisk accepts most of what is refused here without a word, and some of it holds only until the next restart.
Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ops.catalogue.exchange_conf import Document, Fault, Option, Section

TYPES = ("endpoint", "auth", "aor", "identify", "transport")
_YES_NO = frozenset({"yes", "no", "true", "false", "on", "off", "1", "0"})
_CALLER_ID = re.compile(r'^"[^"\\]+" <\+?[0-9]+>$')
_DIGEST = re.compile(r"^(MD5:[0-9a-f]{32}|SHA-256:[0-9a-f]{64}|SHA-512-256:[0-9a-f]{64})$")
_BIND = re.compile(r"^(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?$", re.ASCII)
_CODECS = frozenset(
    {"all", "alaw", "ulaw", "g722", "g729", "gsm", "opus", "ilbc", "speex", "slin", "slin16", "g726", "h264", "vp8"}
)
_TOS = re.compile(r"^(ef|cs[0-7]|af[1-4][1-3]|0x[0-9a-fA-F]{2}|\d{1,3})$", re.ASCII)
_COUNT = re.compile(r"^\d{1,9}$", re.ASCII)
_NAME = re.compile(r"^[A-Za-z0-9_.+-]+$")
SECRET = re.compile(r"^[A-Za-z0-9]{20,128}$")

Specs = Mapping[str, Mapping[str, object]]
"""type → option → `bool`, `int`, `text`, or the list of values that are allowed."""


@dataclass(frozen=True)
class World:
    """What objects may refer to: names by type, contexts of the dialplan."""

    names: Mapping[str, Collection[str]]
    contexts: Collection[str]


def _networks(value: str) -> bool:
    try:
        return all(ipaddress.ip_network(one.strip(), strict=False) for one in value.split(","))
    except ValueError:
        return False


def _bind(value: str) -> bool:
    found = _BIND.match(value)
    return bool(found and _networks(found[1]) and int(found[2] or 5060) <= 65535)  # noqa: PLR2004 # the last port


def _variable(value: str) -> bool:
    return re.match(r"^[A-Za-z_][A-Za-z0-9_()]*=[^,;]*(,[^;]*)?$", value) is not None


_VALUES: Mapping[tuple[str, str], tuple[Callable[[str], object], str]] = {
    ("endpoint", "callerid"): (_CALLER_ID.match, 'as: "Name" <20100>'),
    ("endpoint", "allow"): (lambda value: value and set(value.split(",")) <= _CODECS, "codecs, split by commas"),
    ("endpoint", "disallow"): (lambda value: value == "all", "all"),
    ("endpoint", "permit"): (_networks, "networks, as 10.0.0.0/24"),
    ("endpoint", "deny"): (_networks, "networks, as 0.0.0.0/0"),
    ("endpoint", "set_var"): (_variable, "as NAME=value"),
    ("endpoint", "from_domain"): (_NAME.match, "a domain"),
    ("endpoint", "named_call_group"): (_NAME.match, "names without blanks"),
    ("endpoint", "named_pickup_group"): (_NAME.match, "names without blanks"),
    **dict.fromkeys((("endpoint", "tos_audio"), ("transport", "tos")), (_TOS.match, "as ef, cs3, af41 or a number")),
    **dict.fromkeys(
        (
            *(("endpoint", name) for name in ("cos_audio", "rtp_timeout", "rtp_timeout_hold")),
            *(("aor", name) for name in ("max_contacts", "qualify_frequency")),
            ("transport", "cos"),
        ),
        (_COUNT.match, "a whole number"),
    ),
    ("auth", "password_digest"): (_DIGEST.match, "MD5: and 32, or SHA-256: and 64 hexadecimal digits"),
    ("auth", "password"): (SECRET.match, "20 letters and digits at least"),
    ("auth", "username"): (_NAME.match, "a name without blanks"),
    ("auth", "realm"): (_NAME.match, "a domain"),
    ("aor", "contact"): (re.compile(r"^sips?:[^\s;,]+$").match, "as sip:10.0.0.1:5060"),
    ("identify", "match"): (_networks, "addresses"),
    ("transport", "bind"): (_bind, "as 10.0.0.1:5060"),
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("context", "transport", "aors", "disallow", "allow"),
    "auth": ("auth_type", "username"),
    "aor": ("max_contacts|contact",),
    "identify": ("endpoint", "match"),
    "transport": ("protocol", "bind"),
}
_SECRET_OF: Mapping[str, str] = {"digest": "password_digest", "userpass": "password"}
_REFERS: Mapping[tuple[str, str], str] = {
    ("endpoint", "auth"): "auth",
    ("endpoint", "outbound_auth"): "auth",
    ("endpoint", "aors"): "aor",
    ("endpoint", "transport"): "transport",
    ("identify", "endpoint"): "endpoint",
}


def check_document(document: Document, kinds: Collection[str], specs: Specs) -> Iterator[Fault]:
    """Names and values of one entry's sections, templates too. `kinds`: types that this entry may hold."""
    seen: dict[tuple[str, str], str] = {}
    for section in document.sections:
        kind = section.first("type")
        if section.template:
            kind = kind or (min(kinds) if len(kinds) == 1 else "")
        elif kind not in kinds:
            yield Fault(section.at, f"[{section.name}] is of type {kind or 'none'}: Asterisk drops it without a word")
            continue
        elif (kind, section.name) in seen:
            yield Fault(section.at, f"[{section.name}] stands at {seen[kind, section.name]} too: all are refused")
        elif not _NAME.match(section.name):
            yield Fault(section.at, f"[{section.name}] is no name of an object")
        if not section.template:
            seen[kind, section.name] = section.at
            yield from _complete(section, kind)
        for option in section.options:
            yield from _option(kind, option, specs)


def _option(kind: str, option: Option, specs: Specs) -> Iterator[Fault]:
    if option.name == "type":
        return
    spec = specs.get(kind, {}).get(option.name)
    if spec is None:
        yield Fault(option.at, f"{option.name} is no option of {'an' if kind[:1] in 'aei' else 'a'} {kind}")
        return
    known = _VALUES.get((kind, option.name))
    if known and not known[0](option.value.replace("\\;", ";")):
        yield Fault(option.at, f"{option.name}: not {known[1]}")
    elif not known and (wanted := _wrong(spec, option.value)):
        yield Fault(option.at, f"{option.name}={option.value[:40]}: {wanted} is wanted")


def _wrong(spec: object, value: str) -> str:
    """What a value should have been; "" when it is right."""
    if spec == "bool":
        return "" if value.lower() in _YES_NO else "yes or no"
    if spec == "int":
        return "" if _COUNT.match(value) else "a whole number"
    if isinstance(spec, list):
        return "" if value in spec or (value.lower() in _YES_NO & {*spec}) else f"one of {', '.join(map(str, spec))}"
    return "" if value else "a value"


def _complete(section: Section, kind: str) -> Iterator[Fault]:
    has = {option.name for option in section.whole()}
    for needed in _NEEDED.get(kind, ()):
        if not has & set(needed.split("|")):
            yield Fault(section.at, f"[{section.name}] has no {needed.replace('|', ' and no ')}")
    if kind == "auth" and (how := section.first("auth_type")) and _SECRET_OF.get(how, how) not in has:
        yield Fault(section.at, f"[{section.name}] has no {_SECRET_OF.get(how, 'known auth_type')}")
    if kind == "endpoint" and not section.name.startswith("trunk-"):
        if "auth" not in has:
            yield Fault(section.at, f"[{section.name}] has no auth: anybody could speak for it")
        if "callerid" not in has:
            yield Fault(section.at, f"[{section.name}] has no callerid")
    if kind == "aor" and not section.first("contact") and section.first("max_contacts") == "0":
        yield Fault(section.at, f"[{section.name}] lets nobody register: max_contacts=0")


def check_references(documents: Mapping[str, Document], there: World) -> Iterator[Fault]:
    """Every name that an object refers to is the name of an object, and none is left that nothing refers to."""
    used: dict[str, set[str]] = {}
    for document in documents.values():
        for section in document.objects():
            kind = section.first("type")
            for option in section.whole():
                wanted = _REFERS.get((kind, option.name))
                for name in option.value.split(",") if wanted else ():
                    used.setdefault(str(wanted), set()).add(name.strip())
                    if name.strip() not in there.names.get(str(wanted), ()):
                        yield Fault(section.at, f"[{section.name}] {option.name}={name.strip()}: no such {wanted}")
            context = section.first("context")
            if kind == "endpoint" and context and context not in there.contexts:
                yield Fault(section.at, f"[{section.name}] context={context}: no such context in the dialplan")
    for kind in ("auth", "aor"):
        for name in sorted({*there.names.get(kind, ())} - used.get(kind, set())):
            yield Fault(f"_region.{kind}.conf", f"[{name}]: no endpoint uses this {kind}")
