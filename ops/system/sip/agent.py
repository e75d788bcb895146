"""One telephone on the network: registers, calls, answers by itself. All its sockets live in one network namespace."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from ops.errors import HostFailedError
from ops.system.sip import dialog as sip
from ops.system.sip import digest, sdp
from ops.system.sip.media import Media
from ops.system.sip.message import MalformedError, Message
from ops.system.sip.place import Account, Place, open_udp
from ops.system.sip.wire import Endpoint, Wire

_OK, _REFUSED, _UNAUTHORISED, _PROXY_UNAUTHORISED = 200, 300, 401, 407
GOODBYE = 0.2  # seconds in which the refusal that follows a CANCEL may still come
_Protocol = TypeVar("_Protocol", bound=asyncio.DatagramProtocol)


class SilentError(HostFailedError):
    """The exchange did not answer at all."""


@dataclass
class Call:
    """A call that was answered. `setup_ms`: from our INVITE to their answer, 0 for a call that came in."""

    dialog: sip.Dialog
    media: Media
    tag: str = ""
    setup_ms: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)


class Agent:
    """Use as `async with Agent(account, place, frequency) as phone`. One call at a time; a second one hears busy."""

    def __init__(self, account: Account, place: Place, frequency: int) -> None:
        self.account, self.place, self.frequency = account, place, frequency
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self._wire = Wire(self._asked)
        self._call: Call | None = None
        self._cseq = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._media: list[Media] = []
        self._me = sip.Party(account.number, account.domain, place.address, 0)

    async def __aenter__(self) -> Self:
        await self._open(self._wire, "SIP")
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for media in self._media:
            media.close()
        self._wire.close()
        await asyncio.sleep(0)  # lets the transports close

    async def register(self, seconds: int = 120) -> float:
        """Register for that long (0: take the registration back); returns milliseconds it took, also with a server that
        did not answer: then it is with the next one, as a telephone with two servers in its file."""
        begun = asyncio.get_running_loop().time()
        dialog = sip.opening(self._me, self._me.uri)

        def request() -> Message:
            fresh = sip.request(self._me, "REGISTER", f"sip:{self.account.domain}", dialog, self._next())
            return sip.with_header(fresh, "expires", str(seconds))

        answer, _ = await self._by_any(request, 8.0)
        if answer.status >= _REFUSED:
            raise self._refused("registration", answer)
        return (asyncio.get_running_loop().time() - begun) * 1000

    async def call(self, number: str, patience: float = 15.0) -> Call:
        """Call a number and wait for the answer; sends the tone from then on. HostFailedError says why not."""
        begun = asyncio.get_running_loop().time()
        media = await self._sound()
        to = f"sip:{number}@{self.account.domain}"

        def request() -> Message:
            fresh = sip.request(self._me, "INVITE", to, sip.opening(self._me, to), self._next())
            return sip.with_body(fresh, sdp.build(sdp.Audio(self.place.address, media.port), self._cseq))

        answer, invite = await self._by_any(request, patience)
        if answer.status >= _REFUSED:
            raise self._refused(f"call to {number}", answer)
        took = (asyncio.get_running_loop().time() - begun) * 1000
        try:
            call = Call(sip.established(invite, answer), media, setup_ms=round(took, 1))
            ack = sip.request(self._me, "ACK", call.dialog.target, call.dialog, invite.cseq[0])
            self._wire.acknowledge(invite, ack, self.account.server)
            media.start(sdp.parse(answer.body))
        except MalformedError as error:
            raise HostFailedError(self.account.number, f"call to {number}: {error}") from None
        call.acknowledged.set()
        self._call = call
        return call

    async def hang_up(self, call: Call) -> None:
        """End a call; it is over also when the other side no longer answers."""
        if call.ended.is_set():
            return
        self._over(call)
        bye = sip.request(self._me, "BYE", call.dialog.target, call.dialog, self._next())
        with contextlib.suppress(HostFailedError):
            await self._authorised(bye, 4.0)

    # ---- what comes in

    def _asked(self, message: Message, source: Endpoint) -> None:
        call = self._call
        mine = call is not None and message.get("call-id") == call.dialog.call_id
        if message.method == "ACK":
            if call and mine:
                call.acknowledged.set()
        elif message.method == "INVITE" and not mine:
            self._spawn(self._ring(message, source))
        elif message.method == "INVITE" and call:
            self._again(call, message, source)
        elif message.method in {"OPTIONS", "NOTIFY"} or (message.method == "BYE" and mine):
            if call and message.method == "BYE":
                self._over(call)
            self._say(message, source, 200, "OK")
        elif message.method in {"BYE", "CANCEL"}:
            self._say(message, source, 481, "Call/Transaction Does Not Exist")
        else:
            self._say(message, source, 405, "Method Not Allowed")

    async def _ring(self, invite: Message, source: Endpoint) -> None:
        """Answer a new call at once."""
        if self._call and not self._call.ended.is_set():
            self._say(invite, source, 486, "Busy Here")
            return
        try:
            theirs = sdp.parse(invite.body)
            tag = sip.token()
            self._call = call = Call(sip.accepted(invite, tag), await self._sound(), tag)
        except MalformedError:
            self._say(invite, source, 488, "Not Acceptable Here")
            return
        answer = self._answer(call, invite)
        self._wire.answer(invite, answer, source)
        call.media.start(theirs)
        self.incoming.put_nowait(call)
        for gap in (0.5, 1, 2, 4, 4):  # a 2xx is repeated until its ACK comes (§13.3.1.4)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(call.acknowledged.wait(), gap)
                return
            self._wire.send(answer.encode(), source)

    def _again(self, call: Call, invite: Message, source: Endpoint) -> None:
        """A re-INVITE: follow where the sound shall go."""
        with contextlib.suppress(MalformedError):
            call.media.start(sdp.parse(invite.body))
        self._wire.answer(invite, self._answer(call, invite), source)

    def _answer(self, call: Call, invite: Message) -> Message:
        answer = sip.with_header(sip.reply(invite, _OK, "OK", call.tag), "contact", self._me.contact)
        return sip.with_body(answer, sdp.build(sdp.Audio(self.place.address, call.media.port), self._next()))

    def _say(self, asked: Message, source: Endpoint, status: int, reason: str) -> None:
        self._wire.answer(asked, sip.reply(asked, status, reason, sip.token()), source)

    # ---- small helps

    def _next(self) -> int:
        self._cseq += 1
        return self._cseq

    def _over(self, call: Call) -> None:
        call.media.stop()
        call.ended.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refused(self, what: str, answer: Message) -> HostFailedError:
        known = {
            401: "the password is not the exchange's, or the telephone is not in its office's own network",
            404: "no telephone has that number",
            480: "that telephone is not registered",
        }
        said = f"{what} refused: {answer.status} {answer.reason}"
        return HostFailedError(self.account.number, said, known.get(answer.status, ""))

    async def _by_any(self, request: Callable[[], Message], patience: float) -> tuple[Message, Message]:
        """What the first exchange that answers says, and to which request; it is this telephone's from then on."""
        while True:
            try:
                return await self._authorised(request(), patience)
            except SilentError:
                if not self.account.others:
                    raise
                first, *others = self.account.others
                self.account = replace(self.account, server=first, others=tuple(others))

    async def _authorised(self, request: Message, patience: float) -> tuple[Message, Message]:
        """Ask, and once more with a digest when challenged. Returns the answer and the request that it answers."""
        answer = await self._ask(request, patience)
        for _ in range(2):  # twice: the first nonce may be stale
            if answer.status not in {_UNAUTHORISED, _PROXY_UNAUTHORISED}:
                break
            proxy = answer.status == _PROXY_UNAUTHORISED
            try:
                challenge = digest.choose(answer.all("proxy-authenticate" if proxy else "www-authenticate"))
            except MalformedError as error:
                raise HostFailedError(self.account.number, f"{request.method}: {error}") from None
            if request.get("authorization") or request.get("proxy-authorization"):
                if not challenge.stale:
                    break
                request = _without_authorization(request)
            who = digest.Credentials(self.account.number, self.account.password)
            value = digest.answer(challenge, who, digest.Ask(request.method, request.uri, sip.token()))
            request = sip.again(request, self._next(), "proxy-authorization" if proxy else "authorization", value)
            answer = await self._ask(request, patience)
        return answer, request

    async def _ask(self, request: Message, patience: float) -> Message:
        server = self.account.server
        try:
            answer = await self._wire.ask(request, server, patience)
        except TimeoutError:
            if request.method == "INVITE":
                self._wire.give_up(request, server)
                await asyncio.sleep(GOODBYE)
            raise SilentError(
                self.account.number,
                f"{request.method}: no answer from {server[0]}:{server[1]} within {patience:g} s",
                "is the exchange running, and does the network let SIP (UDP 5060) through?",
            ) from None
        if request.method == "INVITE" and answer.status >= _REFUSED:
            self._wire.acknowledge(request, sip.ack_refusal(request, answer), server)
        return answer

    async def _sound(self) -> Media:
        media = Media(self.frequency)
        await self._open(media, "RTP")
        self._media.append(media)
        return media

    async def _open(self, protocol: _Protocol, what: str) -> None:
        door = open_udp(self.place, what, self.place.port if isinstance(protocol, Wire) else 0)
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: protocol, sock=door)
        if isinstance(protocol, Wire):
            self._me = sip.Party(self.account.number, self.account.domain, self.place.address, door.getsockname()[1])


def _without_authorization(request: Message) -> Message:
    kept = tuple(pair for pair in request.headers if not pair[0].endswith("authorization"))
    return Message(request.method, request.uri, headers=kept, body=request.body)
