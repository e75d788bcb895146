"""Serves the pages on a socket that listens: in this thread until a signal, or in a thread beside other work."""

from __future__ import annotations

import contextlib
import threading

import uvicorn

from ops.system.sockets import Socket
from ops.web.app import application
from ops.web.shared import Shared
from ops.world import World

_LEAVE = 3  # seconds that open streams may take to end


class Centre:
    """`serve()` here until SIGTERM or SIGINT, or `start()` a thread and `stop()` it. The caller stands in the world's
    network already; threads inherit it."""

    def __init__(self, world: World, listening: Socket) -> None:
        self._app = application(world)
        self.shared: Shared = self._app.state.shared
        config = uvicorn.Config(
            self._app, log_level="warning", access_log=False, server_header=False, date_header=True,
            timeout_graceful_shutdown=_LEAVE, forwarded_allow_ips="127.0.0.1",
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._listening = listening
        self._thread = threading.Thread(target=self.serve, name="web")

    def serve(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._listening])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shared.closing.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
