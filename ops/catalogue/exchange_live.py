"""What a running Asterisk shows, beside what a release says. Its "reloaded successfully" means nothing; this does.

Standard library only: this also runs on the exchange (role pbx).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ops.catalogue.exchange_check import Wanted

Ask = Callable[[Sequence[str]], list[str]]
"""Console commands → what each answered."""

KINDS: Mapping[str, str] = {"endpoint": "Endpoint", "auth": "Auth", "aor": "Aor", "identify": "Identify"}
_FIELD = re.compile(r"^ ([\w.+-]+) +: (.*)$", re.MULTILINE)
_CONTEXT = re.compile(r"^\[ Context '([^']+)' created by", re.MULTILINE)
_NUMBER_OF = re.compile(r"^-= \d+ extensions?", re.MULTILINE)
# Options that Asterisk shows in another form than they are written in; their presence is proven by the rest.
_OTHER_FORM = frozenset({"type", "deny", "permit", "disallow", "tos_audio", "tos", "set_var", "match", "password"})
_YES = {"yes": "true", "true": "true", "on": "true", "1": "true", "no": "false", "false": "false", "off": "false"}
_MOVING = frozenset({"contact"})  # what telephones bring
MOST_SHOWN = 5


def read_back(ask: Ask, wanted: Wanted, closely: Mapping[str, Collection[str]] | None = None) -> list[str]:
    """How a running Asterisk differs from a release. `closely`: objects by type whose every option is compared, None
    for all of them."""
    found = _names(ask, wanted) + _contexts(ask, wanted)
    chosen = [
        (kind, name)
        for kind in KINDS
        for name in sorted(wanted.names(kind) if closely is None else {*closely.get(kind, ())} & wanted.names(kind))
    ]
    answers = ask([f"pjsip show {kind} {name}" for kind, name in chosen]) if chosen else []
    for (kind, name), answer in zip(chosen, answers, strict=True):
        found += [f"{kind} {name}: {what}" for what in _options(answer, wanted.objects[kind][name])]
    return found


def _names(ask: Ask, wanted: Wanted) -> list[str]:
    """One phrase per type: which objects are missing or too many. A line is ` Endpoint:  20100/20100  Unavail`."""
    found = []
    for (kind, title), answer in zip(KINDS.items(), ask([_list(kind) for kind in KINDS]), strict=True):
        have = set(re.findall(rf"^ *{title}: +([^\s/<]+)", answer, re.MULTILINE))
        want = wanted.names(kind)
        if have != want:
            odd = sorted(want ^ have)
            found.append(f"{len(have)} {kind}s instead of {len(want)} ({', '.join(odd[:MOST_SHOWN])})")
    return found


def _list(kind: str) -> str:
    return "pjsip show identifies" if kind == "identify" else f"pjsip show {kind}s"


def _contexts(ask: Ask, wanted: Wanted) -> list[str]:
    """Contexts, extensions, priorities and includes, as `dialplan show` prints them."""
    (answer,) = ask(["dialplan show"])
    have = shown_contexts(answer)
    want = {
        name: {
            *(f"{one.pattern}/{step.number}" for one in context.extensions.values() for step in one.steps),
            *(f"{one.pattern}/hint" for one in context.extensions.values() if one.hint),
            *(f"include/{include}" for include in context.includes),
        }
        for name, context in wanted.plan.contexts.items()
    }
    found = []
    for name in sorted({*want, *have}):
        empty = name not in want and not have[name]  # Asterisk keeps the place of hints that are gone; it takes no call
        if want.get(name) != have.get(name) and not empty:
            odd = sorted(want.get(name, set()) ^ have.get(name, set())) or ["all of it"]
            how = "is missing" if name not in have else "is not planned" if name not in want else "differs"
            found.append(f"context {name} {how} ({', '.join(odd[:MOST_SHOWN])})")
    return found


def shown_contexts(answer: str) -> dict[str, set[str]]:
    """`dialplan show` → context → {`<extension>/<priority>`, `<extension>/hint`, `include/<context>`}."""
    found: dict[str, set[str]] = {}
    lines: set[str] = set()
    pattern = ""
    for line in answer.splitlines():
        if head := re.match(r"^\[ Context '([^']+)' created by '([^']+)'", line):
            lines = found.setdefault(head[1], set()) if head[2] == "pbx_config" else set()
        elif include := re.match(r"^  Include =>\s+'([^']+)'", line):
            lines.add(f"include/{include[1]}")
        elif step := re.match(r"^  (?:'([^']+)' =>)?\s+(?:\[\S+\] +)?(hint|\d+)(?:\.|:)", line):
            pattern = step[1] or pattern
            lines.add(f"{pattern}/{step[2]}")
    return found


def shown_options(answer: str) -> dict[str, str]:
    """What `pjsip show <type> <name>` prints of an object."""
    return dict(_FIELD.findall(answer))


def _options(answer: str, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """A trunk's contacts have a line each, in no order."""
    shown, wanted = shown_options(answer), list(wanted)
    if not shown:
        return ["is not there"]
    found = differing(shown, [one for one in wanted if one[0] not in _OTHER_FORM | _MOVING])
    here = {value.strip() for name, value in _FIELD.findall(answer) if name in _MOVING}
    there = {value for name, value in wanted if name in _MOVING}
    if there and here != there:
        found.append(f"contact: {', '.join(sorted(here))} instead of {', '.join(sorted(there))}")
    return found


def differing(shown: Mapping[str, str], wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Options that show another value than the one written; the last one written counts, codecs and lists add up."""
    found = []
    for name, value in dict(wanted).items():
        if name not in shown:
            continue
        if _plain(name, value) != _plain(name, shown[name]):
            what = "another value" if "password" in name else f"{shown[name]!r} instead of {value!r}"
            found.append(f"{name}: {what}")
    return found


def _plain(name: str, value: str) -> str:
    """A value without what Asterisk adds when it shows it."""
    value = value.strip()
    if name in {"allow", "contact"}:
        return value.strip("()").replace("|", ",")
    return _YES.get(value.lower(), value)


def compare(ask: Ask, fresh: Ask, wanted: Wanted) -> list[str]:
    """Every option of every object, also those that nobody wrote: what runs beside what a fresh start gives."""
    chosen = [(kind, name) for kind in KINDS for name in sorted(wanted.names(kind))]
    commands = [f"pjsip show {kind} {name}" for kind, name in chosen]
    found = []
    for (kind, name), here, there in zip(chosen, ask(commands), fresh(commands), strict=True):
        now, then = (dict(_FIELD.findall(answer)) for answer in (here, there))
        odd = sorted(option for option in {*now, *then} - _MOVING if now.get(option) != then.get(option))
        if odd:
            found.append(f"{kind} {name}: {odd[0]} would be another one after a start")
    have, want = (shown_contexts(one(["dialplan show"])[0]) for one in (ask, fresh))
    odd = sorted(name for name in {*have, *want} if have.get(name) != want.get(name))
    return [*found, *(f"context {name} would be another one after a start" for name in odd)]
