"""SIP over one UDP socket (RFC 3261 §17, §18): requests are repeated until answered, answers when asked again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ops.system.sip.dialog import ack_refusal, cancel
from ops.system.sip.message import MalformedError, Message, parse

T1, T2 = 0.5, 4.0  # seconds: first and longest gap between repeats (§17.1.1.1)
FINAL = 200  # first status that ends a transaction
Endpoint = tuple[str, int]


class Wire(asyncio.DatagramProtocol):
    """`on_request` gets every request that was not seen before, and every ACK."""

    def __init__(self, on_request: Callable[[Message, Endpoint], None]) -> None:
        self._on_request = on_request
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answers: dict[tuple[str, str], tuple[bytes, Endpoint]] = {}
        self._acks: dict[str, tuple[bytes, Endpoint]] = {}
        self._cancelled: dict[str, tuple[Message, Endpoint]] = {}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def error_received(self, exc: Exception) -> None:
        """ICMP errors say nothing that a missing answer does not say too."""

    def datagram_received(self, data: bytes, addr: Endpoint) -> None:
        try:
            message = parse(data)
        except MalformedError:
            return  # keep-alives and noise
        if message.status:
            self._response(message)
        else:
            self._request(message, addr)

    async def ask(self, request: Message, to: Endpoint, patience: float = 8.0) -> Message:
        """Send and repeat until a final answer. TimeoutError after `patience` seconds without one."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Message] = asyncio.Queue()
        key = (request.branch, request.method)
        self._waiting[key] = queue
        end, gap, data, ringing = loop.time() + patience, T1, request.encode(), False
        try:
            self.send(data, to)
            while (left := end - loop.time()) > 0:
                try:
                    answer = await asyncio.wait_for(queue.get(), left if ringing else min(gap, left))
                except TimeoutError:
                    self.send(data, to)
                    gap = min(gap * 2, T2)
                    continue
                if answer.status >= FINAL:
                    return answer
                ringing = request.method == "INVITE"  # a provisional answer stops the repeats (§17.1.1.2)
        finally:
            del self._waiting[key]
        raise TimeoutError

    def acknowledge(self, invite: Message, ack: Message, to: Endpoint) -> None:
        """Send an ACK now and again whenever the final answer to `invite` is repeated."""
        self._acks[invite.branch] = (ack.encode(), to)
        self.send(ack.encode(), to)

    def give_up(self, invite: Message, to: Endpoint) -> None:
        """Withdraw an INVITE that nobody answered: CANCEL it, and acknowledge the refusal that follows."""
        self._cancelled[invite.branch] = (invite, to)
        self.send(cancel(invite).encode(), to)

    def answer(self, asked: Message, answer: Message, to: Endpoint) -> None:
        """Answer a request; the same bytes go out again if it is repeated."""
        self._answers[asked.branch, asked.method] = (answer.encode(), to)
        self.send(answer.encode(), to)

    def send(self, data: bytes, to: Endpoint) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, to)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def _response(self, message: Message) -> None:
        branch, method = message.branch, message.cseq[1]
        if queue := self._waiting.get((branch, method)):
            queue.put_nowait(message)
        elif method == "INVITE" and message.status >= FINAL and branch in self._acks:
            self.send(*self._acks[branch])
        elif method == "INVITE" and message.status >= FINAL and branch in self._cancelled:
            invite, to = self._cancelled.pop(branch)
            self.acknowledge(invite, ack_refusal(invite, message), to)

    def _request(self, message: Message, addr: Endpoint) -> None:
        if known := self._answers.get((message.branch, message.method)):
            self.send(*known)
        else:
            self._on_request(message, addr)
