"""A release of the exchange's files, judged as a whole before any Asterisk sees it; and what it makes when it holds.

Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ops.catalogue.exchange_circles import check_circles
from ops.catalogue.exchange_conf import REGION, Document, Fault, entries, read, unescaped
from ops.catalogue.exchange_dialplan import Dialplan, parse
from ops.catalogue.exchange_schema import TYPES, Specs, World, check_document, check_references
from ops.catalogue.exchange_sense import check_sense
from ops.catalogue.exchange_values import check_values
from ops.catalogue.exchange_ways import EMERGENCY, Known, check_emergency, check_ways

HOLDS: Mapping[str, tuple[str, ...]] = {
    "endpoint": ("endpoint",),
    "auth": ("auth",),
    "aor": ("aor",),
    "identify": ("identify",),
    "transport": ("transport", "global", "system"),
}
"""Types of object by the entry `_region.<word>.conf` that may hold them (sorcery.conf, pjsip.conf)."""
DIALPLAN = "dialplan"
_BOXES, _BOX = "kominfo", re.compile(r",[^,;|=\[\]\\]*")
VOICEMAIL = "voicemail"
PLAIN = frozenset({VOICEMAIL})  # entries of other modules
ALWAYS = frozenset({"110", "112", "113", "115", "118", "119"})
"""Numbers that are emergencies everywhere in the country: library phonenumbers, region ID, and search and rescue."""


@dataclass(frozen=True)
class Rules:
    """`specs`: options of each type · `known`: what this Asterisk can do · `emergency`: what must get through."""

    specs: Specs
    known: Known
    emergency: Collection[str] = ()


@dataclass
class Wanted:
    """What a running Asterisk must show: objects by type and name with their options in order, contexts."""

    objects: dict[str, dict[str, list[tuple[str, str]]]] = field(default_factory=dict)
    plan: Dialplan = field(default_factory=Dialplan)

    def names(self, kind: str) -> set[str]:
        return set(self.objects.get(kind, {}))


@dataclass
class Verdict:
    faults: list[Fault]
    wanted: Wanted


def judge(files: Mapping[str, str], rules: Rules) -> Verdict:
    """Every fault of a release, and what it would make of an Asterisk."""
    documents = {name.split(".")[1]: read(files, name) for name in entries(files)}
    plan = parse(documents.get(DIALPLAN, Document()))
    wanted = _wanted(documents, plan)
    faults = _files(files, documents)
    for word, document in documents.items():
        if word in HOLDS:
            faults += [*document.faults, *check_document(document, HOLDS[word], rules.specs)]
    names = {kind: wanted.names(kind) for kind in TYPES}
    objects = {word: document for word, document in documents.items() if word in HOLDS}
    faults += check_references(objects, World(names, plan.contexts))
    faults += check_values(objects, rules.known.loaded)
    faults += _mailboxes(documents.get(VOICEMAIL, Document()), wanted)
    faults += plan.faults
    faults += check_ways(plan, rules.known, names["endpoint"])
    faults += check_emergency(plan, _calling(wanted), _emergency(plan, rules))
    faults += check_sense(plan, names["endpoint"], {*rules.emergency, *ALWAYS})
    faults += check_circles(plan, names["endpoint"])
    return Verdict(_once(faults), wanted)


def wanted_of(files: Mapping[str, str]) -> Wanted:
    """What files make, whether or not they are good: for files that were judged before."""
    documents = {name.split(".")[1]: read(files, name) for name in entries(files)}
    return _wanted(documents, parse(documents.get(DIALPLAN, Document())))


def differences(plan: Wanted, other: Wanted) -> list[Fault]:
    """What a release lacks, or has too much, of what a plan says."""
    found = []
    for kind in sorted({*plan.objects, *other.objects}):
        want, have = plan.objects.get(kind, {}), other.objects.get(kind, {})
        for name in sorted({*want, *have}):
            if want.get(name) != have.get(name):
                how = "is missing" if name not in have else "is not planned" if name not in want else "is another one"
                found.append(Fault(f"{kind}/{name}", how))
    contexts = sorted({*plan.plan.contexts, *other.plan.contexts})
    odd = [name for name in contexts if _shape(plan.plan, name) != _shape(other.plan, name)]
    return [*found, *(Fault(f"context/{name}", "is not as planned") for name in odd)]


def _shape(plan: Dialplan, name: str) -> object:
    """A context without its places in files."""
    context = plan.contexts.get(name)
    if not context:
        return None
    steps = {
        one.pattern: (one.hint, [(step.number, step.label, step.app, step.args) for step in one.steps])
        for one in context.extensions.values()
    }
    return context.includes, steps


def _calling(wanted: Wanted) -> set[str]:
    """Contexts that telephones call in: all but those that a trunk's calls come in by."""
    return {
        value
        for name, options in wanted.objects.get("endpoint", {}).items()
        for option, value in options
        if option == "context" and not name.startswith("trunk-")
    }


def _emergency(plan: Dialplan, rules: Rules) -> set[str]:
    here = plan.contexts.get(EMERGENCY)
    return {*rules.emergency, *ALWAYS, *(here.extensions if here else ())}


def _wanted(documents: Mapping[str, Document], plan: Dialplan) -> Wanted:
    wanted = Wanted(plan=plan)
    for section in documents.get(VOICEMAIL, Document()).sections:
        boxes = {option.name: [("name", option.value)] for option in section.options}
        wanted.objects.setdefault("mailbox", {}).update(boxes)
    for word, document in documents.items():
        for section in document.objects() if word in HOLDS else ():
            options = [(option.name, unescaped(option.value)) for option in section.whole() if option.name != "type"]
            wanted.objects.setdefault(section.first("type"), {})[section.name] = options
    return wanted


def _mailboxes(document: Document, wanted: Wanted) -> list[Fault]:
    """Boxes of telephones alone, in one context and without options: one of them can name a program."""
    faults = list(document.faults)
    boxes, telephones = set(), wanted.names("endpoint")
    for section in document.sections:
        if section.name != _BOXES or section.template or section.bases:
            faults.append(Fault(section.at, f"[{section.name}]: mailboxes are in [{_BOXES}]"))
        for option in section.options:
            if option.name not in telephones or not _BOX.fullmatch(option.value):
                faults.append(Fault(option.at, f"{option.name} is no telephone's mailbox"))
            if option.name in boxes:
                faults.append(Fault(option.at, f"the mailbox {option.name} stands there twice"))
            boxes.add(option.name)
    for name, options in wanted.objects.get("endpoint", {}).items():
        if "mailboxes" in dict(options) and name not in boxes:
            faults.append(Fault(f"{REGION}{VOICEMAIL}.conf", f"the endpoint {name} has no mailbox there"))
    return faults


def _files(files: Mapping[str, str], documents: Mapping[str, Document]) -> list[Fault]:
    """No file that nothing reads, and no entry of a type that has no place."""
    read_ = {name for document in documents.values() for name in document.read}
    faults = [Fault(name, "is read by nothing") for name in sorted(set(files) - read_)]
    strange = sorted(set(documents) - {*HOLDS, DIALPLAN, *PLAIN})
    faults += [Fault(f"_region.{word}.conf", "is an entry that no module reads") for word in strange]
    trunks = any("type=identify" in text or "\n[trunk-" in text for text in files.values())
    missing = {*HOLDS, DIALPLAN} - {*([] if trunks else ["identify"]), *documents}
    return [*faults, *(Fault(f"_region.{word}.conf", "is not in the release") for word in sorted(missing))]


def _once(faults: list[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))
