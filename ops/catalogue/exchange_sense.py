"""What a dialplan must be beyond "every step can be done": contexts that are ours, patterns that do not overlap,
arguments that mean something, ways out that pass the limits, and emergency calls that ring outside.

Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ops.catalogue.exchange_conf import Fault
from ops.catalogue.exchange_dialplan import Context, Dialplan, Extension, Step, split, targets
from ops.catalogue.exchange_numbers import DIGITS, NUMBERS, SETS, SIGN, TRUNK, check_numbers

EMERGENCY, SHORT = "kominfo-emergency", "kominfo-short-codes"
_ROUTE, _CENTRE, _TRUNKS = "kominfo-emergency-route", "kominfo-call-centre", "kominfo-trunk-emergency"
_CONTEXT = re.compile(r"(?:kominfo|opd|from-trunk)-[A-Za-z0-9_-]+")
_OFFICE = (EMERGENCY, SHORT, NUMBERS)
_OUTSIDE = "kominfo-outside"
_HOPS = 20  # unconditional gotos in a row; more come back
_RINGS = 30  # seconds that an emergency call rings at least
_SECONDS = (re.compile(r"[0-9]+(?:\.[0-9]+)?"), "seconds are")
_ARGUMENTS = {  # of an application: their form, and how to say it
    "wait": _SECONDS,
    "waitexten": _SECONDS,
    "set": (re.compile(r".+?=.*"), "NAME=value is"),
    "hangup": (re.compile(r"|\$\{\w+\}|[1-9][0-9]?|1[01][0-9]|12[0-7]"), "a cause from 1 to 127 is"),
    "playtones": (re.compile(r"[0-9+*!/.,-]+"), "frequencies, as 425/500, are"),
    "background": (re.compile(r"kominfo/[A-Za-z0-9_-]+"), "a sound of the exchange, as kominfo/layanan, is"),
}
_LEG = re.compile(r"\$\{[^{}]+\}|PJSIP/(?:\$\{\w+\}|[\w.+-]+)(?:@[\w-]+)?|Local/[\w*#]+@[\w-]+(?:/n)?", re.ASCII)
_TIMES = re.compile(
    r"(?:\*|(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]),(?:\*|DAY(?:-DAY)?)"
    r",(?:\*|[0-9]{1,2}(?:-[0-9]{1,2})?),(?:\*|MON(?:-MON)?)".replace("DAY", "(?:mon|tue|wed|thu|fri|sat|sun)").replace(
        "MON", "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    )
)
_COUNTED = re.compile(r"\$\[\$\{GROUP_COUNT\(([\w-]+)@kominfo-trunk\)\} (?:>|<=) (\d+)\]\?(?:back|free)", re.ASCII)
_HALF = re.compile(r"(?:^|[(|&])\s*(?:[|&<>=]|!=)|(?:[|&<>=]|!=)\s*(?:$|\))|=[<>]|==|[|&]{2}")
_BRACKETS = re.compile(r"\[(?:[0-9*#](?:-[0-9])?)+\]", re.ASCII)


def check_sense(plan: Dialplan, endpoints: Collection[str], numbers: Collection[str]) -> Iterator[Fault]:
    """Faults of a whole dialplan. `numbers`: the emergency numbers."""
    trunks = sorted(name for name in endpoints if name.startswith(TRUNK))
    for context in plan.contexts.values():
        yield from _context(context)
        for extension in context.extensions.values():
            if why := _pattern(extension.pattern):
                yield Fault(extension.at, f"{extension.pattern}: {why}")
            for step in extension.steps:
                yield from (Fault(step.at, what) for what in _step(context, step))
    yield from check_numbers(plan, endpoints)
    yield from _incoming(plan)
    yield from _codes(plan, numbers)
    yield from _emergency(plan, trunks, numbers)
    yield from _rounds(plan)


def _context(context: Context) -> Iterator[Fault]:
    name, includes = context.name, context.includes
    if not _CONTEXT.fullmatch(name):
        yield Fault(context.at, f"{name} is no context of this exchange")
    if name.startswith("opd-"):
        if tuple(includes) not in {_OFFICE, (*_OFFICE, _OUTSIDE)}:
            yield Fault(context.at, f"{name} must include {', '.join(_OFFICE)} in this order, then what leads outside")
    elif includes:
        yield Fault(context.at, f"{name} includes others: only offices' contexts do")
    patterns = [one for one in context.extensions if one.startswith("_")]
    if name.startswith("from-trunk-"):
        if patterns:
            yield Fault(context.at, f"{name}: what comes in is named number by number, {patterns[0]} takes others, too")
        for extension in context.extensions.values():
            if extension.steps and not extension.steps[-1].args.startswith(f"{NUMBERS},"):
                yield Fault(extension.at, f"{extension.pattern} in {name} does not end at an extension")
    waits = any(step.app == "WaitExten" for one in context.extensions.values() for step in one.steps)
    if waits and not {"t", "i"} <= context.extensions.keys():
        yield Fault(context.at, f"{name} waits for a key, and has no t or i for none and for a wrong one")


def _incoming(plan: Dialplan) -> Iterator[Fault]:
    """Calls from outside are counted as ours are, and refused at the same number: else they take a trunk's last
    channels, which belong to emergencies."""
    for context in plan.contexts.values():
        _, mark, trunk = context.name.partition("from-trunk-")
        ours = plan.contexts.get(f"kominfo-trunk-{trunk}") if mark else None
        most = {found[2] for step in _all(ours) if (found := _COUNTED.fullmatch(step.args)) and found[1] == trunk}
        for one in context.extensions.values() if mark else ():
            first, second = [*(step.args for step in one.steps), "", ""][:2]
            found = _COUNTED.fullmatch(second)
            if first != f"GROUP(kominfo-trunk)={trunk}" or not found or found[1] != trunk or {found[2]} != most:
                yield Fault(one.at, f"{one.pattern} in {context.name} is not held to the trunk's ordinary channels")


def _all(context: Context | None) -> Iterator[Step]:
    for extension in context.extensions.values() if context else ():
        yield from extension.steps


def _pattern(pattern: str) -> str:
    """What is wrong with an extension's name; "" when nothing."""
    if not pattern.startswith("_"):
        return "" if re.fullmatch(r"[0-9*#+]+|[sithoeaT]", pattern, re.ASCII) else "is no number that can be dialled"
    signs = SIGN.findall(pattern[1:])
    if signs and signs[0] in {".", "!"}:
        return "takes everything, even what Asterisk looks up for itself"
    for at, sign in enumerate(signs):
        if sign in {".", "!"} and at == len(signs) - 1:
            continue
        if len(sign) > 1 or sign == "[":
            spans = re.findall(r"([0-9])-([0-9])", sign)
            if not _BRACKETS.fullmatch(sign) or any(first >= last for first, last in spans):
                return f"{sign} is no set of digits"
        elif sign not in DIGITS and sign not in SETS:
            return f"{sign} is no sign of a pattern there"
    return ""


def _step(context: Context, step: Step) -> Iterator[str]:
    app, args = step.app, step.args
    if not args.isascii():
        yield "holds a sign that is not ASCII: quotes and digits must be the plain ones"
    if "$(" in args:
        yield "$( is nothing: a variable is ${NAME}"
    if app in {"GotoIf", "GotoIfTime", "GosubIf"}:
        yield from _condition(app, args, step)
    elif app == "Dial":
        yield from _dial(context, args)
    elif app == "Gosub" and args.startswith("kominfo-group,s,1("):
        yield from _legs(split(args.partition("(")[2].removesuffix(")"), ",")[0], empty=True)
    elif (form := _ARGUMENTS.get(app.lower())) and not form[0].fullmatch(args):
        yield f"{app}: {form[1]} wanted"
    for inner in re.findall(r"\$\[([^\[\]]*)\]", args):
        if not inner.strip() or _HALF.search(re.sub(r'"[^"]*"|\$\{[^{}]*\}', "1", inner)):
            yield "an expression lacks one of its sides"


def _condition(app: str, args: str, step: Step) -> Iterator[str]:
    condition = split(args, "?")[0].strip()
    if not any(targets(step)):
        yield f"{app} leads nowhere"
    if app == "GotoIfTime":
        if not _TIMES.fullmatch(condition):
            yield "GotoIfTime: as 07:30-15:59,mon,*,* is wanted"
    elif not (condition.startswith(("$[", "${")) and condition.endswith(("]", "}"))):
        yield f"{app}: $[…] or ${{…}} is wanted before the ?"


def _dial(context: Context, args: str) -> Iterator[str]:
    parts = split(args, ",")
    yield from _legs(parts[0])
    seconds = parts[1] if len(parts) > 1 else ""
    if not _dynamic(seconds) and not (seconds.isdecimal() and 1 <= int(seconds) <= 600):  # noqa: PLR2004
        yield "Dial: seconds from 1 to 600 are wanted"
    if len(parts) > 2 and not re.fullmatch(r"(?:[A-Za-z](?:\(.*\))?)+", parts[2]):  # noqa: PLR2004
        yield "Dial: its options are letters"
    if "@trunk-" in parts[0] and not context.name.startswith("kominfo-trunk-"):
        yield f"{context.name} calls outside past every limit: only kominfo-trunk-… may"


def _legs(text: str, *, empty: bool = False) -> Iterator[str]:
    if wrong := [leg for leg in text.split("&") if not _LEG.fullmatch(leg)] if text or not empty else []:
        yield f"{wrong[0][:40]!r} is nobody who could ring"


def _codes(plan: Dialplan, numbers: Collection[str]) -> Iterator[Fault]:
    short = plan.contexts.get(SHORT)
    for extension in short.extensions.values() if short else ():
        code = extension.pattern
        if any(code.startswith(number) or number.startswith(code) for number in numbers):
            yield Fault(extension.at, f"the short code {code} shadows an emergency number")
        if code.startswith("_"):
            yield Fault(extension.at, f"{code}: a short code is no pattern")


def _emergency(plan: Dialplan, trunks: list[str], numbers: Collection[str]) -> Iterator[Fault]:
    here = plan.contexts.get(EMERGENCY)
    for one in here.extensions.values() if here else ():
        if not one.pattern.isdecimal():
            yield Fault(one.at, f"{one.pattern}: emergency numbers stand there one by one")
        elif plan.find(NUMBERS, one.pattern):
            yield Fault(one.at, f"{one.pattern} is an extension, too")
        if len(one.steps) != 1 or one.steps[0].args not in {f"{way},${{EXTEN}},1" for way in (_ROUTE, _CENTRE)}:
            yield Fault(one.at, f"{one.pattern} must go to the emergency route at once, by nothing but Goto")
    centre = plan.contexts.get(_CENTRE)
    for number in sorted(numbers):
        for way in (_ROUTE, *([_TRUNKS] if trunks else [])):
            found = plan.find(way, number)
            if not found:
                yield Fault(way, f"{number} finds nothing there")
            elif way == _TRUNKS:
                yield from _over_all(found[1], trunks)
        if centre and number in centre.extensions:
            yield from _short_rings(centre.extensions[number])


def _over_all(extension: Extension, trunks: list[str]) -> Iterator[Fault]:
    called = [step for step in extension.steps if step.app == "Dial"]
    wanted = {f"PJSIP/${{EXTEN}}@{trunk}" for trunk in trunks}
    if {step.args.partition(",")[0] for step in called} != wanted:
        yield Fault(extension.at, "an emergency call must try each trunk with the number as it was dialled")
    yield from _short_rings(extension)


def _short_rings(extension: Extension) -> Iterator[Fault]:
    for step in extension.steps:
        seconds = [*split(step.args, ","), ""][1] if step.app == "Dial" else ""
        if seconds.isdecimal() and int(seconds) < _RINGS:
            yield Fault(step.at, f"an emergency call rings for {seconds} s only, {_RINGS} at least")


def _rounds(plan: Dialplan) -> Iterator[Fault]:
    """Gotos without a condition that come back without anything happening in between."""
    for context in plan.contexts.values():
        for extension in context.extensions.values():
            at: tuple[Extension, str] | None = (extension, extension.pattern)
            for _ in range(_HOPS):
                if at is None or (at := _onward(plan, *at)) is None:
                    break
            else:
                yield Fault(extension.at, f"{extension.pattern} in {context.name} goes round for ever")


def _onward(plan: Dialplan, extension: Extension, dialled: str) -> tuple[Extension, str] | None:
    """Where a call of the number `dialled` is after the first step of `extension`, when that is a plain Goto."""
    steps = extension.steps
    parts = split(steps[0].args, ",") if steps and steps[0].app == "Goto" else []
    if len(parts) != 3 or _dynamic(parts[0]) or parts[2] != "1":  # noqa: PLR2004
        return None
    number = dialled if parts[1] == "${EXTEN}" else parts[1]
    found = plan.find(parts[0], number)
    return (found[1], number) if found else None


def _dynamic(text: str) -> bool:
    return "${" in text
