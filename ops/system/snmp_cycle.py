"""Many devices asked at the same moment, on one socket and without a task for each: the hot path of a poll.

Only what goes well is done here. Whatever is out of the ordinary (an error-status, a reply made in another way) is told
as ODD, to be asked again at leisure with `SnmpDevice.get`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from time import monotonic

from ops.system import snmp_wire as wire
from ops.system.snmp_line import Asked, Line
from ops.system.snmp_plain import Plain
from ops.system.snmp_wire import Held, Question


class Trouble(Enum):
    """Why there are no values."""

    SILENT = "no answer"
    ODD = "an answer out of the ordinary"


Found = list[Held] | Trouble  # values in the order that they were asked for, None for what the device does not have
Tell = Callable[[int, Found, float], None]  # the device's place, what it said, seconds since it was asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one device is asked in every cycle: made once, by `wanted`. `oids`: in the order of the values."""

    device: Plain
    oids: tuple[str, ...]
    questions: tuple[Question, ...]
    most: int

    @property
    def stale(self) -> bool:
        """Whether the device has shown since that it cannot answer so much at once, or lacks something."""
        device = self.device
        return device.most < self.most or bool(device.lacking and not device.lacking.isdisjoint(self.oids))


def wanted(device: Plain, packets: Sequence[Sequence[str]]) -> Wanted:
    """`packets`: OIDs that are best asked together; those that do not fit into one packet are split."""
    questions = tuple(question for oids in packets for question in device.questions(oids))
    return Wanted(device, tuple(oid for one in questions for oid in one.oids), questions, device.most)


async def poll(all_: Sequence[Wanted], tell: Tell) -> None:
    """Ask every device; tell what each said as it comes, once per device."""
    with Line() as line:
        for at, one in enumerate(all_):
            if len(one.questions) == 1:
                line.ask(_Packet(one, one.questions[0], at, tell))
                continue
            several = _Several(len(one.questions), tell)
            for number, question in enumerate(one.questions):
                line.ask(_Packet(one, question, at, several.part(number)))
        await line.idle.wait()


class _Packet(Asked):
    """One packet of one device on its way."""

    __slots__ = ("at", "device", "tell")

    def __init__(self, one: Wanted, question: Question, at: int, tell: Tell) -> None:
        device = one.device
        super().__init__(question, device.address, device.patience.waits, anywhere=device.login.anywhere)
        self.device, self.at, self.tell = device, at, tell

    def told(self, raw: bytes | None) -> None:
        device = self.device
        device.tally.packets += self.tries
        device.tally.retries += self.tries - 1
        seconds = monotonic() - self.began
        if raw is None:
            device.patience.unheard()
            self.tell(self.at, Trouble.SILENT, seconds)
            return
        device.learned(seconds, len(raw), len(self.question.oids))
        found = wire.in_order(raw, self.question)
        self.tell(self.at, Trouble.ODD if found is None else found, seconds)


class _Several:
    """The packets of a device that needs more than one."""

    def __init__(self, count: int, tell: Tell) -> None:
        self._found: list[Found | None] = [None] * count
        self._tell, self._longest = tell, 0.0

    def part(self, number: int) -> Tell:
        def tell(at: int, found: Found, seconds: float) -> None:
            self._found[number], self._longest = found, max(self._longest, seconds)
            if None not in self._found:
                self._tell(at, self._whole(), self._longest)

        return tell

    def _whole(self) -> Found:
        whole: list[Held] = []
        for part in self._found:
            if isinstance(part, list):
                whole += part
        troubles = [part for part in self._found if isinstance(part, Trouble)]
        return troubles[0] if troubles else whole
