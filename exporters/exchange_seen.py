"""What an exchange tells of its telephones, counted by office: pure, fed with messages of the manager interface.

Nothing here keeps or shows a person or an extension: a number is turned into its office at once. Only numbers of the
plan count, so a telephone that is gone leaves no series behind.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ops.inventory.model import Region
from ops.system.ami import Message

WINDOW = 300.0  # seconds that a report of how a call sounds counts
KEPT_REPORTS = 2000  # of an office and direction, however many calls there are
OUTSIDE, UNKNOWN = "_outside", "_unknown"  # callers over a trunk; who is in no plan
NO_TELEPHONE = frozenset({"test", "group"})  # as ops.derive.pbx
CLOCK = 8000.0  # RTP timestamp units a second, of A-law and G.722
_UP = "6"  # a channel's state: answered
_CAUSES = {"1": "unknown", "17": "busy", "19": "unanswered", "20": "absent", "21": "refused", "34": "congestion"}
_CAUSES |= {"16": "cancelled", "28": "unknown", "38": "congestion", "0": "cancelled", "127": "cancelled"}
_WRONG = frozenset({"ChallengeResponseFailed", "InvalidPassword", "InvalidAccountID", "FailedACL"})
_NAMELESS = "<unknown>"  # what Asterisk says once more of an account that it has just called invalid
_QUALITY = {"RTCPReceived": "to", "RTCPSent": "from"}  # what the telephone hears; what the exchange hears of it


@dataclass(frozen=True)
class Offices:
    """The plan, as far as it is needed here. `of`: extension → office · `trunks`: name → channels."""

    of: Mapping[str, str]
    trunks: Mapping[str, int]

    @classmethod
    def declared(cls, region: Region) -> Offices:
        of = {
            phone.number: opd.code
            for opd in region.opds
            for phone in (opd.phones.extensions if opd.phones else ())
            if phone.place not in NO_TELEPHONE
        }
        return cls(of, {trunk.name: trunk.channels for trunk in region.numbering.trunks})

    @property
    def configured(self) -> Counter[str]:
        return Counter(self.of.values())

    def caller(self, channel: str) -> str:
        """The office of `PJSIP/20100-0000001f`."""
        name = channel.partition("/")[2].rpartition("-")[0]
        return OUTSIDE if name.startswith("trunk-") else self.of.get(name, UNKNOWN)


@dataclass(frozen=True)
class Report:
    """How one direction of a call sounded. `mes`: Asterisk's media experience score, 0 to 100; nan when not told."""

    at: float  # seconds, monotonic
    mes: float
    jitter: float  # seconds
    lost: float  # share


@dataclass
class Seen:
    """All that was counted since the exporter began, and what is so now."""

    registered: Counter[str] = field(default_factory=Counter)
    unreachable: Counter[str] = field(default_factory=Counter)
    qualify: dict[str, list[float]] = field(default_factory=dict)
    stale: int = 0
    trunks: Counter[str] = field(default_factory=Counter)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    reports: dict[tuple[str, str], deque[Report]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT_REPORTS))
    )

    def contacts(self, listed: Iterable[Message], offices: Offices) -> None:
        """A list of all registrations. Of an extension with several, the best one counts."""
        best: dict[str, Message] = {}
        self.stale = 0
        for one in listed:
            number = one.get("Aor", one.get("AOR", "")) or one.get("ObjectName", "").partition(";")[0]
            if number not in offices.of:
                self.stale += not number.startswith("trunk-")
            elif number not in best or one.get("Status") == "Reachable":
                best[number] = one
        self.registered = Counter(offices.of[number] for number in best)
        self.unreachable = Counter(offices.of[number] for number, one in best.items() if one["Status"] == "Unreachable")
        self.qualify = defaultdict(list)
        for number, one in best.items():
            took = _number(one.get("RoundtripUsec"))
            if one["Status"] == "Reachable" and took > 0:
                self.qualify[offices.of[number]].append(took / 1e6)

    def channels(self, listed: Iterable[Message]) -> None:
        """A list of all channels (CoreShowChannels)."""
        names = [one.get("Channel", "").partition("/")[2].rpartition("-")[0] for one in listed]
        self.trunks = Counter(name.removeprefix("trunk-") for name in names if name.startswith("trunk-"))

    def event(self, message: Message, offices: Offices, now: float) -> None:
        """Anything that happened. `now`: seconds, monotonic."""
        kind = message.get("Event", "")
        if kind in _QUALITY:
            self._sounded(message, offices.caller(message.get("Channel", "")), _QUALITY[kind], now)
        elif kind == "Hangup" and message.get("Uniqueid") == message.get("Linkedid"):
            result = (
                "answered" if message.get("ChannelState") == _UP else _CAUSES.get(message.get("Cause", ""), "failed")
            )
            if message.get("Channel", "").startswith("PJSIP/"):
                self.calls[offices.caller(message["Channel"]), result] += 1
        elif kind in _WRONG and message.get("Service") == "PJSIP" and message.get("AccountID") != _NAMELESS:
            self.wrong[offices.of.get(message.get("AccountID", ""), UNKNOWN)] += 1

    def recent(self, now: float) -> dict[tuple[str, str], list[Report]]:
        """Reports of the last WINDOW by office and direction; old ones are forgotten."""
        for kept in self.reports.values():
            while kept and now - kept[0].at > WINDOW:
                kept.popleft()
        return {key: list(kept) for key, kept in self.reports.items() if kept}

    def _sounded(self, message: Message, opd: str, direction: str, now: float) -> None:
        if "Report0FractionLost" not in message or opd == UNKNOWN:
            return
        jitter, lost = _number(message.get("Report0IAJitter")), _number(message.get("Report0FractionLost"))
        report = Report(now, _number(message.get("MES")), jitter / CLOCK, lost / 256)
        self.reports[opd, direction].append(report)


def quantile(values: Iterable[float], share: float) -> float:
    """Nearest rank of those that are numbers; nan of none."""
    known = sorted(value for value in values if not math.isnan(value))
    return known[min(len(known) - 1, int(share * len(known)))] if known else math.nan


def _number(text: str | None) -> float:
    try:
        return float((text or "").split()[0])
    except (ValueError, IndexError):
        return math.nan
