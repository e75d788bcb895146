"""Asterisk's manager interface (AMI) over one connection: lines of `Key: value`, an empty line ends a message.

Blocking, for one thread. Whoever asks gets the answers; everything else that comes meanwhile is an event and goes to
`on_event`. An answer that is a list comes as events of the same ActionID, up to `EventList: Complete`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from ops.errors import HostFailedError

Message = Mapping[str, str]  # the last of keys that come twice
_END = b"\r\n\r\n"
_EMPTY = "No "  # how Asterisk refuses a list of nothing: "No Contacts found"
_LONGEST = 1 << 20  # bytes of one message; what is longer is no AMI


class Line(Protocol):
    """A connected socket, or a channel of SSH."""

    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...
    def settimeout(self, seconds: float | None, /) -> None: ...
    def close(self) -> None: ...


class Ami:
    """`name`: the exchange, for errors. Every method raises HostFailedError when the connection is gone."""

    def __init__(self, name: str, line: Line, on_event: Callable[[Message], None]) -> None:
        self.name, self._line, self._on_event = name, line, on_event
        self._asked = 0
        self._kept = b""

    def login(self, user: str, secret: str, patience: float = 10.0) -> None:
        """Log in, and hear of everything that the user may read."""
        end = time.monotonic() + patience
        while b"\n" not in self._kept:
            self._more(end)
        greeting, _, self._kept = self._kept.partition(b"\n")
        if not greeting.startswith(b"Asterisk Call Manager"):
            raise HostFailedError(self.name, "what answers there is no manager interface")
        answer = self._ask("Login", {"Username": user, "Secret": secret}, end)[0]
        if answer.get("Response") != "Success":
            raise HostFailedError(
                self.name, f"manager: {answer.get('Message', 'no answer')}", "ops provision --tags pbx"
            )

    def ask(self, action: str, patience: float = 20.0) -> list[Message]:
        """The events of a list. HostFailedError also when the user may not ask for it."""
        answer, *found = self._ask(action, {}, time.monotonic() + patience)
        if answer.get("Response") != "Success" and not answer.get("Message", "").startswith(_EMPTY):
            raise HostFailedError(self.name, f"manager: {action}: {answer.get('Message', 'no answer')}")
        return found

    def pump(self, seconds: float) -> None:
        """Take events for that long."""
        end = time.monotonic() + seconds
        while (message := self._next(end)) is not None:
            self._on_event(message)

    def close(self) -> None:
        self._line.close()

    def _ask(self, action: str, fields: Mapping[str, str], end: float) -> list[Message]:
        self._asked += 1
        mine = f"kominfo-{self._asked}"
        words = {"Action": action, "ActionID": mine, **fields}
        text = "".join(f"{key}: {value}\r\n" for key, value in words.items()) + "\r\n"
        try:
            self._line.sendall(text.encode())
        except OSError as error:
            raise HostFailedError(self.name, f"manager: {error}") from None
        found: list[Message] = []
        while not found or (found[0].get("EventList") == "start" and found[-1].get("EventList") != "Complete"):
            message = self._next(end)
            if message is None:
                raise HostFailedError(self.name, f"manager: no answer to {action}")
            if message.get("ActionID") == mine:
                found.append(message)
            else:
                self._on_event(message)
        return [one for one in found if one.get("EventList") != "Complete"]

    def _next(self, end: float) -> Message | None:
        """The next message; None when `end` (monotonic) came first."""
        while _END not in self._kept:
            if not self._more(end):
                return None
        text, _, self._kept = self._kept.partition(_END)
        pairs = (line.partition(":") for line in text.decode(errors="replace").split("\r\n"))
        return {key: value.strip() for key, _, value in pairs if key}

    def _more(self, end: float) -> bool:
        """Read what there is; False when the time is over."""
        left = end - time.monotonic()
        if left <= 0:
            return False
        self._line.settimeout(left)
        try:
            data = self._line.recv(65536)
        except TimeoutError:
            return False
        except OSError as error:
            raise HostFailedError(self.name, f"manager: {error}") from None
        if not data or len(self._kept) > _LONGEST:
            raise HostFailedError(self.name, "manager: the connection was closed")
        self._kept += data
        return True
