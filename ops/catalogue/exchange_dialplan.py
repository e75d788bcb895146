"""A dialplan as Asterisk walks it: contexts, extensions, steps, where they lead. Standard library only.

Order of search: a context's own extensions, the most exact pattern first, then its includes in their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ops.catalogue.exchange_conf import Document, Fault, Option

_STEP = re.compile(r"^([A-Za-z]\w*)\((.*)\)$", re.DOTALL)
_PRIORITY = re.compile(r"^(n|\d+)(?:\(([A-Za-z][\w-]*)\))?$", re.ASCII)
_SETS = re.compile(r"\[(?:[^\]\[-](?:-[^\]\[-])?)+\]")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}
_RANKS = {"X": 10, "Z": 9, "N": 8, ".": 98, "!": 99}


@dataclass(slots=True)
class Step:
    """One priority. `app` is "" for what could not be read."""

    number: int
    label: str
    app: str
    args: str
    at: str


@dataclass(slots=True)
class Extension:
    pattern: str
    at: str
    steps: list[Step] = field(default_factory=list)
    hint: str = ""

    def has(self, priority: str) -> bool:
        return any(priority in {str(step.number), step.label} for step in self.steps)


@dataclass(slots=True)
class Context:
    name: str
    at: str
    extensions: dict[str, Extension] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Dialplan:
    contexts: dict[str, Context] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def find(self, context: str, number: str, seen: tuple[str, ...] = ()) -> tuple[str, Extension] | None:
        """Who answers a dialled number: the context that holds it, and the extension."""
        here = self.contexts.get(context)
        if here is None or context in seen:
            return None
        fitting = [one for one in here.extensions.values() if one.steps and matches(one.pattern, number)]
        if fitting:
            return context, min(fitting, key=lambda one: exactness(one.pattern))
        found = (self.find(name, number, (*seen, context)) for name in here.includes)
        return next((one for one in found if one), None)


def parse(document: Document) -> Dialplan:
    plan = Dialplan(faults=list(document.faults))
    for section in document.sections:
        if section.template or section.bases:
            plan.faults.append(Fault(section.at, f"[{section.name}]: a context is no template and has none"))
        context = plan.contexts.setdefault(section.name, Context(section.name, section.at))
        _Lines(plan, context).read(section.options)
    return plan


def matches(pattern: str, number: str) -> bool:
    if not pattern.startswith("_"):
        return pattern == number
    return re.fullmatch(_regex(pattern), number) is not None


def exactness(pattern: str) -> list[int]:
    """How many signs fit in each place; what fits all comes last."""
    if not pattern.startswith("_"):
        return [0]
    signs = re.findall(r"\[[^]]*\]|.", pattern[1:])
    return [7 if len(sign) > 1 else _RANKS.get(sign, 1) for sign in signs]


def split(text: str, mark: str) -> list[str]:
    """`text` at every `mark` that stands in no brackets and no quotes."""
    if mark not in text:
        return [text]
    parts, depth, quoted = [""], 0, False
    for sign in text:
        quoted ^= sign == '"'
        depth += (sign in "([{") - (sign in ")]}") if not quoted else 0
        if sign == mark and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def balanced(text: str) -> bool:
    open_: list[str] = []
    for sign in text:
        if sign in "([{":
            open_.append(sign)
        elif sign in _PAIRS and (not open_ or open_.pop() != _PAIRS[sign]):
            return False
    return not open_ and text.count('"') % 2 == 0


def targets(step: Step) -> Iterator[str]:
    """Where a step may go: `context,extension,priority` with what stands there left out at the front."""
    if step.app in {"Goto", "Gosub"}:
        yield step.args
    elif step.app in {"GotoIf", "GotoIfTime", "GosubIf"}:
        _, _, ways = step.args.partition(split(step.args, "?")[0])[2].partition("?")
        yield from (one for one in split(ways, ":") if one)
    elif step.app == "Set" and step.args.startswith("CHANNEL(hangup_handler_push)="):
        yield step.args.partition("=")[2]


def _regex(pattern: str) -> str:
    signs = re.findall(r"\[[^]]*\]|.", pattern[1:])
    return "".join(_set(sign) if len(sign) > 1 else _CLASSES.get(sign, re.escape(sign)) for sign in signs)


def _set(sign: str) -> str:
    """A set of signs as Python writes it; what is none fits nothing (exchange_sense refuses it)."""
    spans = re.findall(r"(.)-(.)", sign)
    return sign if _SETS.fullmatch(sign) and all(first <= last for first, last in spans) else "(?!)"


class _Lines:
    """The lines of one section, added to its context."""

    def __init__(self, plan: Dialplan, context: Context) -> None:
        self.plan, self.context = plan, context
        self.current: Extension | None = None

    def fault(self, at: str, what: str) -> None:
        self.plan.faults.append(Fault(at, what))

    def read(self, options: list[Option]) -> None:
        for option in options:
            if option.name == "include":
                self.context.includes.append(option.value)
            elif option.name == "exten":
                self.exten(option)
            elif option.name == "same" and self.current:
                self.step(self.current, option.value, option.at)
            else:
                self.fault(option.at, f"{option.name}: no line of a dialplan, or no extension before it")

    def exten(self, option: Option) -> None:
        pattern, _, rest = option.value.partition(",")
        if not pattern or not balanced(pattern) or (pattern.startswith("_") and len(pattern) == 1):
            return self.fault(option.at, f"{pattern!r} is no extension")
        kind, _, what = rest.partition(",")
        here = self.context.extensions.get(pattern)
        if here is None:
            here = self.context.extensions[pattern] = Extension(pattern, option.at)
        elif kind != "hint" and here.steps and kind == "1":
            return self.fault(option.at, f"{pattern} in {self.context.name} stands at {here.at} too")
        if kind == "hint":
            here.hint = what
            return None
        self.current = here
        return self.step(here, rest, option.at)

    def step(self, extension: Extension, text: str, at: str) -> None:
        priority, _, call = text.partition(",")
        found, step = _PRIORITY.match(priority.strip()), _STEP.match(call.strip())
        if not found:
            return self.fault(at, f"{priority!r} is no priority")
        last = extension.steps[-1].number if extension.steps else 0
        number = last + 1 if found[1] == "n" else int(found[1])
        if number != last + 1 or (found[1] == "n" and not last):
            self.fault(
                at, f"{extension.pattern}: priority {priority} after {last or 'none'}: Asterisk never gets there"
            )
        if found[2] and extension.has(found[2]):
            self.fault(at, f"{extension.pattern}: the label {found[2]} stands there twice")
        if not step or not balanced(call):
            self.fault(at, f"{call[:60]!r}: brackets or quotes do not match")
        app, args = (step[1], step[2]) if step else ("", "")
        extension.steps.append(Step(number, found[2] or "", app, args, at))
        return None
