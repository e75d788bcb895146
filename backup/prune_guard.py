"""When nothing may be removed from a repository, and why. Pure.

Whoever holds a source host can add snapshots, with any date and any content; a pruner that believes them throws the
good ones away for the attacker. So it believes the ledger, and stops at everything that looks like an attack.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

AHEAD = 300.0  # seconds that a source host's clock may be ahead
SMALL, EARLIER = 0.5, 5  # share of the median of so many backups before
DAY = 86400.0
MANY = {"hourly": 30, "daily": 6, "weekly": 6}  # snapshots of one set within a day: more are a flood
DRILL_AGE = 90 * DAY  # seconds for which a green drill counts
UNREADABLE = "unreadable"  # in the place of a drill's class: its record was changed, or is gone
FIGURES = {  # more than so much, as the alerts have it
    "canaries_changed": (0.0, "canary files changed"),
    "encrypted_ratio": (0.2, "a share of the files began to look encrypted"),
    "changed_ratio": (0.6, "a large share of the files or rows changed or went"),
}
SHARE = 0.10  # of the stored bytes: more needs a second person


class Reason(StrEnum):
    FUTURE = "future"
    FLOOD = "flood"
    SHRUNK = "shrunk"
    DRILL = "drill"
    FOREIGN = "foreign"
    MISSING = "missing"
    NEWEST = "newest"
    RANSOMWARE = "ransomware"


@dataclass(frozen=True, slots=True)
class Copy:
    """One data snapshot. `at`: epoch seconds by the source host's clock; `counted`: the ledger knows it, `entered`:
    since when, by the clock of vault or station."""

    id: str
    at: float
    bytes: int
    counted: bool
    entered: float = 0.0


@dataclass(frozen=True)
class Facts:
    """What is known of one repository. `foreign`: ids that no backup of ours can have left.

    `newest`: the ledger's newest backup · `drilled`: (class, epoch seconds) of the set's last drill, None if never ·
    `figures`: the source hosts' own, of backups counted since that drill · `planned`: when a plan was shown last.
    """

    now: float
    schedule: str
    copies: tuple[Copy, ...]
    remove: frozenset[str]
    newest: str
    foreign: tuple[str, ...] = ()
    drilled: tuple[str, float] | None = None
    figures: tuple[Mapping[str, float], ...] = ()
    planned: float = -1.0


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: Reason
    text: str


def refusals(facts: Facts) -> list[Refusal]:
    """Every reason why this must not be pruned; none when it may be."""
    return [Refusal(reason, text) for reason, judge in _JUDGES.items() for text in judge(facts)]


def _future(facts: Facts) -> Iterator[str]:
    for one in facts.copies:
        if one.at > facts.now + AHEAD:
            yield f"snapshot {one.id[:12]} is dated {one.at - facts.now:.0f} s ahead"


def _flood(facts: Facts) -> Iterator[str]:
    """What the ledger counted before the last plan was shown, somebody has seen: many runs of one day are no attack."""
    most = MANY.get(facts.schedule, MANY["daily"])
    times = sorted(one.at for one in facts.copies if not one.counted or one.entered > facts.planned)
    for first, last in zip(times, times[most:], strict=False):
        if last - first <= DAY:
            yield f"more than {most} snapshots within a day"
            return


def _shrunk(facts: Facts) -> Iterator[str]:
    """The newest backup that will stay, against those before it, which may go."""
    counted = sorted((one for one in facts.copies if one.counted), key=lambda one: one.at)
    newest = next((one for one in counted if one.id == facts.newest), None)
    before = [one.bytes for one in counted if newest and one.at < newest.at][-EARLIER:]
    if newest and before and newest.bytes < SMALL * statistics.median(before):
        yield f"the newest backup holds {newest.bytes} bytes, the median before is {statistics.median(before):.0f}"


def _drill(facts: Facts) -> Iterator[str]:
    if facts.drilled is None:
        yield "no drill ever proved this set"
    elif facts.drilled[0] == UNREADABLE:
        yield "the record of the last drill was changed or is gone"
    elif facts.drilled[0] != "none":
        yield f"the last drill is red: {facts.drilled[0]}"
    elif not 0 <= facts.now - facts.drilled[1] <= DRILL_AGE:
        yield f"the last green drill is {(facts.now - facts.drilled[1]) / DAY:.0f} days old"


def _foreign(facts: Facts) -> Iterator[str]:
    for one in facts.foreign:
        yield f"snapshot {one[:12]} was not taken by this station"


def _missing(facts: Facts) -> Iterator[str]:
    if facts.newest not in {one.id for one in facts.copies}:
        yield f"the ledger's newest backup {facts.newest[:12]} is not there"


def _newest(facts: Facts) -> Iterator[str]:
    """Also whatever the policy says: the newest counted backup stays, and nothing uncounted outlives all counted."""
    if facts.newest in facts.remove:
        yield f"the newest backup {facts.newest[:12]} would go"
    if unknown := sorted(facts.remove - {one.id for one in facts.copies if one.counted}):
        yield f"{unknown[0][:12]} is no backup that the ledger counts"


def _ransomware(facts: Facts) -> Iterator[str]:
    """Until a drill has looked at what came back: what goes now may be the last that nobody encrypted."""
    for figure, (most, text) in FIGURES.items():
        if (worst := max((one.get(figure, 0.0) for one in facts.figures), default=0.0)) > most:
            yield f"{text} ({worst:g}), and no drill has looked since"


_JUDGES = {
    Reason.FUTURE: _future,
    Reason.FLOOD: _flood,
    Reason.SHRUNK: _shrunk,
    Reason.DRILL: _drill,
    Reason.FOREIGN: _foreign,
    Reason.MISSING: _missing,
    Reason.NEWEST: _newest,
    Reason.RANSOMWARE: _ransomware,
}
