"""The command centre as an ASGI application: `application(world)`."""

from __future__ import annotations

import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ops.errors import OpsError
from ops.web import assets, cookies, doors, troubles
from ops.web.guards import Guards
from ops.web.page import ANYONE, Page
from ops.web.rendering import Rendering
from ops.web.scan import pages
from ops.web.shared import Shared
from ops.web.visit import Visit
from ops.world import World

_log = logging.getLogger(__name__)
_NOWHERE = Page("/", "GET", ANYONE, lambda _visit: Response())  # for words about what is no page


def application(world: World) -> Starlette:
    """The pages of one world. Its tables are made; nothing listens yet."""
    shared = Shared(world, pages(), Rendering())

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(shared.close)

    async def trouble(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(troubles.answer, request, _NOWHERE, shared, error)

    made = Starlette(
        routes=_routes(shared),
        middleware=[Middleware(Guards), Middleware(GZipMiddleware, minimum_size=500, compresslevel=5)],
        exception_handlers={HTTPException: trouble, Exception: trouble},
        lifespan=life,
    )
    made.state.shared = shared
    return made


def _routes(shared: Shared) -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/static/{digest}/{name:path}", _static, methods=["GET"]),
        Route("/healthz", _healthy, methods=["GET"]),
    ]
    return found + [Route(one.path, _endpoint(one, shared), methods=[one.method]) for one in shared.pages]


def _endpoint(page: Page, shared: Shared) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request) if page.method == "POST" else b""
            visit = await run_in_threadpool(doors.visit, request, page, shared, body)
            response = await _handled(page, visit)
        except OpsError as error:
            return await run_in_threadpool(troubles.answer, request, page, shared, error)
        cookies.remember(visit, response)
        return response

    return endpoint


async def _handled(page: Page, visit: Visit) -> Response:
    if inspect.iscoroutinefunction(page.handler):
        return cast("Response", await page.handler(visit))
    return cast("Response", await run_in_threadpool(page.handler, visit))


async def _body(request: Request) -> bytes:
    """At most what a form of ours may have."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > doors.MOST_BODY:
            raise doors.TooLargeError("this is more than any form here sends")
    return bytes(body)


async def _static(request: Request) -> Response:
    asset = assets.assets().get(request.path_params["name"])
    if asset is None or asset.digest != request.path_params["digest"]:
        return PlainTextResponse("no such file\n", 404)
    headers = {"cache-control": assets.KEEP, "vary": "accept-encoding"}
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")
