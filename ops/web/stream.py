"""Server-sent events: one stream per page, with signs of life; it ends at log-out and when the suite stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from ops.web.accounts import devices, sessions
from ops.web.visit import Visit

HEARTBEAT = 15.0  # seconds; proxies close what is silent for a minute
_LOOK = 1.0  # seconds between looks at whether the suite stops
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nginx must not hold lines back


@dataclass(frozen=True, slots=True)
class Message:
    """`id`: what the browser sends back as Last-Event-ID when it comes again · `event`: what htmx listens for."""

    data: str
    event: str = "message"
    id: str = ""

    def wire(self) -> bytes:
        lines = [f"id: {self.id}"] if self.id else []
        lines += [f"event: {self.event}", *(f"data: {line}" for line in self.data.splitlines() or [""])]
        return ("\n".join(lines) + "\n\n").encode()


def stream(visit: Visit, source: AsyncIterator[Message]) -> Response:
    """Send what a source gives as it comes. The page that this is must be `quiet`."""
    return StreamingResponse(_lines(visit, source), media_type="text/event-stream", headers=_HEADERS)


def resumed_after(visit: Visit, default: str = "") -> str:
    """The id of the last message that the browser has, by its own word or, at first, by the page's."""
    return visit.request.headers.get("last-event-id") or visit.query.get("after", default)


async def _lines(visit: Visit, source: AsyncIterator[Message]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    coming = asyncio.ensure_future(_next(source))
    silent = 0.0
    try:
        while not visit.shared.closing.is_set():
            done, _ = await asyncio.wait({coming}, timeout=_LOOK)
            if done:
                message = coming.result()
                if message is None:
                    return
                yield message.wire()
                coming, silent = asyncio.ensure_future(_next(source)), 0.0
            elif (silent := silent + _LOOK) >= HEARTBEAT:
                if not await run_in_threadpool(welcome, visit):
                    return
                yield b": alive\n\n"
                silent = 0.0
    finally:
        coming.cancel()


async def _next(source: AsyncIterator[Message]) -> Message | None:
    return await anext(source, None)


def welcome(visit: Visit) -> bool:
    """Whether the visitor's session or device still holds."""
    database = visit.desk.database
    if visit.session:
        return sessions.alive(database, visit.session.token)
    return visit.device is None or any(one.name == visit.device.name for one in devices.every(database))
