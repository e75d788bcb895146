"""Whether every step of a dialplan can be done and leads somewhere, and emergency numbers always get through.

Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ops.catalogue.exchange_conf import Fault
from ops.catalogue.exchange_dialplan import Context, Dialplan, Extension, Step, balanced, split, targets

EMERGENCY = "kominfo-emergency"
_FUNCTION = re.compile(r"\$\{([A-Za-z]\w*)\(", re.ASCII)
_SET = re.compile(r"^([A-Z][A-Z0-9_]*)\(")
_LIMITS = re.compile(r"GROUP_COUNT|\bDB\(|KOMINFO_(?:MAY|CALLS|MINUTES|OPD_CALLS)")
_BUILT_IN = "builtin"
_PARTS = 3  # context, extension, priority


@dataclass(frozen=True)
class Known:
    """What this Asterisk can do: application → its module, function → its module; `loaded`: modules, None for all."""

    applications: Mapping[str, str]
    functions: Mapping[str, str]
    loaded: Collection[str] | None = None

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        """Applications are found whatever their letters' case."""
        return {name.lower(): module for name, module in self.applications.items()}

    def lacks(self, what: str, name: str) -> str:
        """Why an application or function can not be used; "" when it can."""
        module = self._folded.get(name.lower()) if what == "application" else self.functions.get(name)
        if module is None:
            return f"there is no {what} {name}"
        if self.loaded is not None and module != _BUILT_IN and module not in self.loaded:
            return f"{name} needs {module}.so, which modules.conf does not load"
        return ""


def check_ways(plan: Dialplan, known: Known, endpoints: Collection[str]) -> Iterator[Fault]:
    for context in plan.contexts.values():
        yield from _includes(plan, context)
        for extension in context.extensions.values():
            if not extension.steps:
                yield Fault(extension.at, f"{extension.pattern} in {context.name} has no priority 1: nothing happens")
            if extension.hint and not extension.hint.startswith("PJSIP/"):
                yield Fault(extension.at, f"the hint of {extension.pattern} is no PJSIP device")
            for step in extension.steps:
                for what in _step(plan, context, extension, step):
                    yield Fault(step.at, what)
                yield from _abilities(step, known)
                yield from _devices(plan, step, endpoints)


def _includes(plan: Dialplan, context: Context) -> Iterator[Fault]:
    for name in context.includes:
        if name not in plan.contexts:
            yield Fault(context.at, f"{context.name} includes {name}, which is no context")
        elif _comes_back(plan, name, context.name):
            yield Fault(context.at, f"{context.name} includes itself by way of {name}")
    if len({*context.includes}) < len(context.includes):
        yield Fault(context.at, f"{context.name} includes a context twice")


def _comes_back(plan: Dialplan, name: str, sought: str, seen: frozenset[str] = frozenset()) -> bool:
    if name == sought:
        return True
    here = plan.contexts.get(name)
    return bool(
        here and name not in seen and any(_comes_back(plan, one, sought, seen | {name}) for one in here.includes)
    )


def _step(plan: Dialplan, context: Context, extension: Extension, step: Step) -> Iterator[str]:
    for target in targets(step):
        parts = [part.strip() for part in split(target, ",")]
        priority = re.sub(r"\(.*\)$", "", parts[-1])
        where = parts[0] if len(parts) == _PARTS else context.name
        if len(parts) > _PARTS or not priority:
            yield f"{target!r} is no place of a dialplan"
        elif _dynamic(where) or f"DIALPLAN_EXISTS({where}," in step.args:
            continue  # decided when the call is there
        elif where not in plan.contexts:
            yield f"leads to {where}, which is no context"
        elif len(parts) == 1:
            if not _dynamic(priority) and not extension.has(priority):
                yield f"leads to {priority}, which {extension.pattern} in {where} does not have"
        elif why := _no_way(plan, where, parts[-2], priority):
            yield why


def _no_way(plan: Dialplan, context: str, number: str, priority: str) -> str:
    if _dynamic(number):
        return "" if plan.contexts[context].extensions else f"leads to {context}, which has no extensions"
    found = plan.find(context, number)
    if not found:
        return f"leads to {number} in {context}, which nobody has"
    if not _dynamic(priority) and not found[1].has(priority):
        return f"leads to {priority} of {number} in {context}, which is not there"
    return ""


def _dynamic(text: str) -> bool:
    return "${" in text


def _abilities(step: Step, known: Known) -> Iterator[Fault]:
    if step.app and (why := known.lacks("application", step.app)):
        yield Fault(step.at, why)
    functions = set(_FUNCTION.findall(step.args))
    if step.app == "Set" and (found := _SET.match(step.args)) and found[1] != "LOCAL":
        functions.add(found[1])
    for name in sorted(functions - {"LOCAL"}):
        if why := known.lacks("function", name):
            yield Fault(step.at, why)
    if "$[" in step.args and not balanced(step.args):
        yield Fault(step.at, "an expression is not closed")


def _devices(plan: Dialplan, step: Step, endpoints: Collection[str]) -> Iterator[Fault]:
    """What is dialled by name must be there."""
    text = step.args if step.app in {"Dial", "Gosub"} else ""
    for number in re.findall(r"PJSIP/(?:[^@&,()$]*@)?([\w.+-]+)(?=[&,)]|$)", re.sub(r"\$\{[^}]*\}", "", text)):
        if number not in endpoints:
            yield Fault(step.at, f"rings PJSIP/{number}, which is no endpoint")
    for number, context in re.findall(r"Local/([^@&,]+)@([\w-]+)", text):
        if not _dynamic(number) and not plan.find(context, number):
            yield Fault(step.at, f"rings {number} in {context}, which nobody has")


# ---- emergency


def check_emergency(plan: Dialplan, contexts: Collection[str], numbers: Collection[str]) -> Iterator[Fault]:
    """From each context each number reaches the emergency route, and nothing on its way knows a limit."""
    if not numbers:
        yield Fault(EMERGENCY, "no emergency number is declared")
    for context in sorted(contexts):
        here = plan.contexts.get(context)
        if here and (here.includes[:1] != [EMERGENCY] or here.extensions):
            yield Fault(here.at, f"{context} must look at {EMERGENCY} before anything else")
        for number in sorted(numbers):
            found = plan.find(context, number)
            if not found or found[0] != EMERGENCY or found[1].pattern != number:
                by = f"{found[1].pattern} in {found[0]} takes it" if found else "nothing takes it"
                yield Fault(plan.contexts[context].at if context in plan.contexts else context,
                            f"{number} dialled in {context} is no emergency call: {by}")  # fmt: skip
    yield from _unlimited(plan, numbers)


def _unlimited(plan: Dialplan, numbers: Collection[str]) -> Iterator[Fault]:
    for number in sorted(numbers):
        begin = plan.find(EMERGENCY, number)
        route = [step for step in (begin[1].steps if begin else ()) if step.app == "Goto"]
        if begin and (not route or not route[0].args.startswith(("kominfo-emergency-route,", "kominfo-call-centre,"))):
            yield Fault(begin[1].at, f"{number} does not lead to the emergency route")
        for step in walk(plan, EMERGENCY, number):
            if _LIMITS.search(step.args):
                yield Fault(step.at, f"a limit stands in the way of {number}")


def walk(plan: Dialplan, context: str, number: str, seen: frozenset[str] = frozenset()) -> Iterator[Step]:
    """All steps that a call to `number` may come to, by way of gotos that keep the number."""
    found = plan.find(context, number)
    if not found or context in seen:
        return
    for step in found[1].steps:
        yield step
        for target in targets(step):
            parts = [part.strip() for part in split(target, ",")]
            if len(parts) == _PARTS and parts[0] != context:
                yield from walk(plan, parts[0], number, seen | {context})
    for name in re.findall(r"DIALPLAN_EXISTS\(([\w-]+),", " ".join(step.args for step in found[1].steps)):
        yield from walk(plan, name, number, seen | {context})
