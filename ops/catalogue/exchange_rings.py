"""Groups and menus of an office, as Asterisk reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ops.inventory.moments import DAY, DAYS, Window
from ops.inventory.telephony import Group, Holiday, Menu

PROMPTS = "kominfo"  # folder below the exchange's sounds
TRIES = 3  # how often a menu is told to somebody who presses nothing, or a key that it does not have


def group(one: Group, telephones: Collection[str]) -> str:
    """Its extension in its office's context. `telephones`: numbers that a device registers for."""
    legs = [
        f"PJSIP/{number}" if number in telephones else f"Local/{number}@kominfo-numbers/n" for number in one.members
    ]
    if one.ring == "together":
        return f"exten => {one.number},1,Gosub(kominfo-group,s,1({'&'.join(legs)},{one.seconds}))\n"
    lines = [f"exten => {one.number},1,NoOp()\n"]
    for leg in legs:
        lines.append(f" same => n,Dial({leg},{one.seconds})\n")
        lines.append(' same => n,GotoIf($["${DIALSTATUS}"="ANSWER"]?end)\n')
    return "".join([*lines, " same => n,Hangup(19)\n", " same => n(end),Hangup(${HANGUPCAUSE})\n"])


def menu(one: Menu, windows: Iterable[Window], holidays: Iterable[Holiday]) -> str:
    """A context of its own: outside of the hours and on holidays `closed` rings, else keys are offered."""
    days = ",".join(holiday.day for holiday in holidays)
    lines = [f"\n[kominfo-menu-{one.number}]\n", "exten => s,1,Answer()\n"]
    if one.hours:
        lines.append(f' same => n,GotoIf(${{REGEX(",${{STRFTIME(,,%F)}}," ,{days},)}}?closed)\n')
        lines += [f" same => n,GotoIfTime({when}?open)\n" for window in windows for when in times(window)]
        lines.append(" same => n,Goto(closed)\n")
    lines += [
        f" same => n(open),GotoIf($[0${{TOLD}} >= {TRIES}]?closed)\n",
        " same => n,Set(TOLD=$[0${TOLD} + 1])\n",
        f" same => n,Background({PROMPTS}/{one.prompt})\n",
        " same => n,WaitExten(5)\n",
        f" same => n(closed),{f'Goto(kominfo-numbers,{one.closed},1)' if one.closed else 'Hangup(16)'}\n",
        "exten => t,1,Goto(s,open)\n",
        "exten => i,1,Goto(s,open)\n",
    ]
    lines += [f"exten => {key},1,Goto(kominfo-numbers,{number},1)\n" for key, number in sorted(one.keys.items())]
    return "".join(lines)


def times(window: Window) -> list[str]:
    """A weekly window as GotoIfTime says it: the last minute belongs to it; beyond midnight is the next day."""
    last = window.ends - 1
    spans = [(0, window.begins, min(last, DAY - 1))] + ([(1, 0, last - DAY)] if last >= DAY else [])
    return [
        f"{_clock(begins)}-{_clock(ends)},{DAYS[(day + later) % 7]},*,*"
        for later, begins, ends in spans
        for day in sorted(window.days)
    ]


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
