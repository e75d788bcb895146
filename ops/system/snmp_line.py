"""One UDP socket on which many SNMP questions are asked at once and answers are told apart by request-id and source.

A reply counts while somebody waits for it: late ones of an earlier try too, since all tries of a question carry one
request-id; copies, strangers and garbage are dropped. What is in flight is bounded by what the socket can hold, and
those that stay silent give up their place long before they are given up.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Self

from ops.system.ber import BerError
from ops.system.snmp_wire import FIRST_REQUEST, LAST_REQUEST, Question, request_of

Address = tuple[str, int]

BUFFER = 4_194_304  # bytes asked for; a kernel gives less unless it is told otherwise
REPLY_ROOM = 2_400  # bytes of the buffer that a reply of one frame takes, as the kernel counts
LEAST, MOST = 64, 512  # in flight
PLACE_SECONDS = 0.2  # a place in flight is kept this long at most
_BEAT = 0.05  # seconds between looks at who is overdue
_AT_ONCE = 512  # replies taken up before others get their turn
_MANY, _PAUSE = 32, 0.002  # with so many in flight replies are taken up together, every so many seconds
_LARGEST = 65_535


class Asked:
    """A question on its way. `waits`: seconds of patience, try by try · `anywhere`: believe any source."""

    __slots__ = ("address", "anywhere", "began", "packet", "placed", "question", "request", "tries", "waits")

    def __init__(self, question: Question, address: Address, waits: Sequence[float], *, anywhere: bool = False) -> None:
        self.question, self.address, self.waits, self.anywhere = question, address, waits, anywhere
        self.tries = self.request = 0
        self.began = 0.0
        self.packet = b""
        self.placed = False

    def told(self, raw: bytes | None) -> None:
        """Called once: the reply as it came, or None when there was none in all tries."""
        raise NotImplementedError


class _Awaited(Asked):
    """Somebody waits for this one alone."""

    __slots__ = ("future",)
    future: asyncio.Future[bytes | None]

    def told(self, raw: bytes | None) -> None:
        if not self.future.done():
            self.future.set_result(raw)


class Line:
    """For one event loop and one piece of work: `with Line() as line`. OpsError where no socket can be had."""

    def __init__(self, window: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._window = window or min(MOST, max(LEAST, _widen(self._socket) // REPLY_ROOM))
        self._waiting: dict[int, Asked] = {}
        self._queue: deque[Asked] = deque()
        self._placed: deque[Asked] = deque()  # in the order that they were sent
        self._due: dict[int, list[Asked]] = {}
        self._flying = 0
        self._request = FIRST_REQUEST + secrets.randbelow((LAST_REQUEST - FIRST_REQUEST) // 2)
        self._beat: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self.idle = asyncio.Event()
        self.idle.set()

    def __enter__(self) -> Self:
        self._loop.add_reader(self._socket, self._readable)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        for timer in (self._beat, self._pause):
            if timer:
                timer.cancel()
        self._socket.close()

    def ask(self, asked: Asked) -> None:
        """Send it as soon as there is a place; `asked.told` is called once."""
        self.idle.clear()
        if self._queue or self._flying >= self._window:
            self._queue.append(asked)
        else:
            self._begin(asked)

    async def reply(
        self, question: Question, address: Address, waits: Sequence[float], *, anywhere: bool = False
    ) -> tuple[bytes | None, Asked]:
        """The reply as it came, or None when there was none in all tries; and how it was asked."""
        asked = _Awaited(question, address, waits, anywhere=anywhere)
        asked.future = self._loop.create_future()
        self.ask(asked)
        try:
            return await asked.future, asked
        finally:
            self._forget(asked)

    def _begin(self, asked: Asked) -> None:
        request = self._request = self._request + 1 if self._request < LAST_REQUEST else FIRST_REQUEST
        asked.request = request
        asked.packet = asked.question.packet(request)
        asked.began = monotonic()
        asked.placed = True
        self._flying += 1
        self._waiting[request] = asked
        self._placed.append(asked)
        self._send(asked)
        if self._beat is None:
            self._beat = self._loop.call_later(_BEAT, self._look)

    def _send(self, asked: Asked) -> None:
        """One try. What the network refuses at once counts as a packet that was lost."""
        asked.tries += 1
        try:
            self._socket.sendto(asked.packet, asked.address)
        except OSError:
            return

    def _remind(self, asked: Asked, seconds: float) -> None:
        self._due.setdefault(int((monotonic() + seconds) / _BEAT) + 1, []).append(asked)

    def _look(self) -> None:
        """Who is overdue is asked again, or given up."""
        self._beat = None
        while self._take():  # a process that was held up has replies waiting: nobody is overdue before they were seen
            pass
        now = monotonic()
        while self._placed and self._placed[0].began + PLACE_SECONDS <= now:
            asked = self._placed.popleft()
            if asked.placed:
                self._leave(asked)
                self._remind(asked, asked.waits[0] - PLACE_SECONDS)
        for beat in sorted(beat for beat in self._due if beat <= now / _BEAT):
            for asked in self._due.pop(beat):
                if asked.request in self._waiting:
                    self._overdue(asked)
        if self._waiting and self._beat is None:
            self._beat = self._loop.call_later(_BEAT, self._look)

    def _overdue(self, asked: Asked) -> None:
        if asked.tries < len(asked.waits):
            self._remind(asked, asked.waits[asked.tries])
            self._send(asked)
            return
        self._forget(asked)
        asked.told(None)

    def _leave(self, asked: Asked) -> None:
        """Its place is another's."""
        asked.placed = False
        self._flying -= 1
        while self._queue and self._flying < self._window:
            self._begin(self._queue.popleft())

    def _forget(self, asked: Asked) -> None:
        """It is over, whether it was answered, given up or never sent."""
        if self._waiting.pop(asked.request, None) is None:
            with suppress(ValueError):
                self._queue.remove(asked)
        if asked.placed:
            self._leave(asked)
        if not self._waiting and not self._queue:
            self.idle.set()

    def _readable(self) -> None:
        self._take()
        if len(self._waiting) > _MANY and self._pause is None:
            self._loop.remove_reader(self._socket)
            self._pause = self._loop.call_later(_PAUSE, self._together)

    def _together(self) -> None:
        """The replies of the last two milliseconds; being woken for each costs more than reading it."""
        if self._take() and len(self._waiting) > _MANY:
            self._pause = self._loop.call_later(_PAUSE, self._together)
        else:
            self._pause = None
            self._loop.add_reader(self._socket, self._readable)

    def _take(self) -> int:
        """Take up replies; how many."""
        receive = self._socket.recvfrom
        for count in range(_AT_ONCE):
            try:
                raw, source = receive(_LARGEST)
            except BlockingIOError:
                return count
            except OSError:
                continue  # an ICMP message about an earlier packet
            self._came(raw, source)
        return _AT_ONCE

    def _came(self, raw: bytes, source: Address) -> None:
        try:
            request, _ = request_of(raw)
        except BerError:
            return
        asked = self._waiting.get(request)
        if asked is None or (source != asked.address and not asked.anywhere):
            return
        self._forget(asked)
        asked.told(raw)


def _widen(opened: socket.socket) -> int:
    """Ask for a large receive buffer; its size in bytes as it was granted."""
    for option in (getattr(socket, "SO_RCVBUFFORCE", 33), socket.SO_RCVBUF):
        with suppress(OSError):  # the first is root's
            opened.setsockopt(socket.SOL_SOCKET, option, BUFFER)
            break
    return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
