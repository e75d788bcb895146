"""Places of those that are asked at the same time. Who takes long gives its place up, so that the slow hold nobody."""

from __future__ import annotations

import asyncio
from types import TracebackType

HELD_SECONDS = 1.0  # a place is kept so long at most; who is still waited for then costs a socket and nothing else


class Place:
    """One of a semaphore's places: `async with Place(gate)`."""

    def __init__(self, gate: asyncio.Semaphore) -> None:
        self._gate, self._held = gate, False

    async def __aenter__(self) -> None:
        await self._gate.acquire()
        self._held = True
        self._timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self._leave)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._leave()

    def _leave(self) -> None:
        if self._held:
            self._held = False
            self._gate.release()
