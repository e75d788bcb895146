"""Every way of a call through a dialplan when nobody answers and all that can be used up is used up."""

from __future__ import annotations

from collections.abc import Iterator

from ops.catalogue.exchange_dialplan import Dialplan, Extension, split

_MOST = 40  # steps of one call; more goes round
_PARTS = 3  # context, extension, priority


def paths(plan: Dialplan, context: str, number: str) -> Iterator[tuple[str, ...]]:
    """Whom the call rings one after the other, for each way. A condition that is not known goes both ways, so a limit
    that stands there shows as a way that ends early. AssertionError where a call has nowhere to go."""
    yield from _from(plan, context, number, "1", ())


def _from(plan: Dialplan, context: str, number: str, priority: str, rung: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    found = plan.find(context, number)
    assert found, f"{number} has nowhere to go in {context}"
    assert len(rung) < _MOST
    yield from _steps(plan, (found[0], found[1], number), _at(found[1], priority), rung)


def _at(extension: Extension, priority: str) -> int:
    return next(at for at, step in enumerate(extension.steps) if priority in {str(step.number), step.label})


def _steps(
    plan: Dialplan, here: tuple[str, Extension, str], at: int, rung: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for step in here[1].steps[at:]:
        if step.app == "Dial":
            rung = (*rung, split(step.args, ",")[0])
        elif step.app == "Hangup":
            yield rung
            return
        elif step.app == "Goto":
            yield from _to(plan, here, step.args, rung)
            return
        elif step.app == "GotoIf":
            asked, _, targets = step.args.rpartition("?")
            may = _known(plan, asked, here[2])
            if may is not False:
                yield from _to(plan, here, targets, rung)
            if may:
                return
    yield rung


def _to(
    plan: Dialplan, here: tuple[str, Extension, str], target: str, rung: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    context, extension, number = here
    parts = [part.replace("${EXTEN}", number) for part in split(target, ",")]
    if len(parts) == 1:
        yield from _steps(plan, here, _at(extension, parts[0]), rung)
    else:
        where, dialled, priority = [context, *parts][-_PARTS:]
        yield from _from(plan, where, dialled, priority, rung)


def _known(plan: Dialplan, asked: str, number: str) -> bool | None:
    """What a condition comes to; None when either may be."""
    if asked == '$["${DIALSTATUS}"="ANSWER"]':
        return False
    if asked.startswith("$[${DIALPLAN_EXISTS("):
        return plan.find(asked.partition("(")[2].partition(",")[0], number) is not None
    return None
