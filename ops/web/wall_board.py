"""One reader and one renderer for all walls: a thread renders what has changed, every client gets the same bytes.

A part is sent when its text has changed; every five seconds a beat tells the data's age, so that a client knows of a
dead stream by the missing beat.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from ops.errors import OpsError
from ops.overview import outline
from ops.overview.model import Overview
from ops.overview.outline import Ring
from ops.overview.watch import Watch
from ops.web import wall_words
from ops.web.stream import Message, welcome
from ops.web.visit import Visit
from ops.world import World

BEAT = 5.0  # seconds
WELCOME = 30.0  # seconds between looks at whether a client may still see it
PATIENCE = 2.0  # seconds that the renderer waits for news before it lets figures grow older
PARTS = ("headline", "figures", "map", "problems", "offices", "jobs")
_BEHIND = 30  # messages that a client may be behind before it is let go; it comes again by itself
_FILE = "outline.geojson"
End = None


class Feed:
    """The walls of one language. `visit`: of somebody who looks, to render by; nothing of the person is shown."""

    def __init__(self, visit: Visit) -> None:
        self.visit = replace(visit, user=None, session=None, device=None)
        self.loop = asyncio.get_running_loop()
        self.queues: set[asyncio.Queue[bytes | None]] = set()
        self.parts: dict[str, str] = {}
        self.beaten = 0.0

    def news(self, made: Overview) -> bytes:
        """What has changed since the last time, as events."""
        shown = parts(self.visit, made)
        changed = [Message(text, name) for name, text in shown.items() if self.parts.get(name) != text]
        self.parts = shown
        now = time.monotonic()
        if changed or now - self.beaten >= BEAT:
            self.beaten = now
            changed.append(beat(self.visit, made))
        return b"".join(one.wire() for one in changed)

    def whole(self) -> bytes:
        """Everything, for one who has just come."""
        return b"".join(Message(text, name).wire() for name, text in self.parts.items())

    def push(self, news: bytes | None) -> None:
        for queue in list(self.queues):
            if queue.qsize() > _BEHIND:
                self.queues.discard(queue)
                news_for_it = End
                while not queue.empty():
                    queue.get_nowait()
            else:
                news_for_it = news
            queue.put_nowait(news_for_it)


class Board:
    """What `visit.keep` keeps: the watch, and the feeds of those who look."""

    def __init__(self, world: World) -> None:
        self.watch = Watch(world)
        self._feeds: dict[str, Feed] = {}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def join(self, visit: Visit) -> tuple[Feed, asyncio.Queue[bytes | None]]:
        """A place in the feed of the visitor's language. Must be called in the loop that serves."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        with self._lock:
            feed = self._feeds.setdefault(visit.words.language, Feed(visit))
            feed.queues.add(queue)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, args=(visit.shared.declared.now,), daemon=True)
                self._thread.start()
        if feed.parts:
            queue.put_nowait(feed.whole())
        return feed, queue

    def leave(self, feed: Feed, queue: asyncio.Queue[bytes | None]) -> None:
        with self._lock:
            feed.queues.discard(queue)
            if not feed.queues and self._feeds.get(feed.visit.words.language) is feed:
                del self._feeds[feed.visit.words.language]

    def close(self) -> None:
        self._over.set()
        self.watch.close()
        with self._lock:
            for feed in self._feeds.values():
                _tell(feed, End)
        if self._thread:
            self._thread.join(PATIENCE * 2)

    def _serve(self, declared: Callable[[], World]) -> None:
        """Render for those who look, each time that routers have told something new."""
        version = -1
        while not self._over.is_set():
            with self._lock:
                feeds = list(self._feeds.values())
                if not feeds:
                    self._thread = None
                    return
            self.watch.follow(declared())
            made = self.watch.now()
            for feed in feeds:
                if news := feed.news(made):
                    _tell(feed, news)
            version = self.watch.wait(version if version >= 0 else self.watch.version, PATIENCE)


def _tell(feed: Feed, news: bytes | None) -> None:
    if not feed.loop.is_closed():
        feed.loop.call_soon_threadsafe(feed.push, news)


async def messages(board: Board, visit: Visit) -> AsyncIterator[bytes]:
    """The stream of one client, as bytes."""
    feed, queue = board.join(visit)
    asked = time.monotonic()
    try:
        yield b"retry: 2000\n\n"
        while (news := await queue.get()) is not End:
            yield news
            if time.monotonic() - asked >= WELCOME:
                if not await run_in_threadpool(welcome, visit):
                    return
                asked = time.monotonic()
    finally:
        board.leave(feed, queue)


# ---- what is shown


def looked(visit: Visit) -> Overview:
    """The overview at this moment, for any page."""
    board = visit.keep(Board)
    board.watch.follow(visit.world)
    return board.watch.now()


def parts(visit: Visit, made: Overview) -> dict[str, str]:
    """Every part's HTML by name."""
    told = wall_words.told(visit.words, visit.zone, made, border(visit.world))
    return {name: visit.fragment(f"wall_{name}.html", made=made, told=told).strip() for name in PARTS}


def beat(visit: Visit, made: Overview) -> Message:
    data = made.headline.data
    age = data.age(made.now)
    told = {
        "age": None if age is None else round(age, 1),
        "stale": made.stale,
        "clock": visit.words.clock(made.now, visit.zone),
        "day": visit.words.date(made.now, visit.zone, "EEEE, d MMMM y"),
    }
    return Message(json.dumps(told), "beat")


_borders: dict[tuple[Path, int], Sequence[Ring]] = {}


def border(world: World) -> Sequence[Ring]:
    """The region's outline; none where it was not imported or cannot be read."""
    path = world.inventory / _FILE
    try:
        stamp = path.stat().st_mtime_ns
        if (path, stamp) not in _borders:
            _borders.clear()
            found = outline.rings(json.loads(path.read_text(encoding="utf-8")))
            _borders[path, stamp] = [tuple((lat, lon) for lon, lat in ring) for ring in found]
    except (OSError, ValueError, OpsError):
        return ()
    return _borders[path, stamp]
