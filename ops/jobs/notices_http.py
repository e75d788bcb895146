"""`POST /hooks/alertmanager`: what `alerting.webhook` of region.yml names. Only monitoring servers may tell alerts."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ops.errors import OpsError
from ops.jobs.notices import Notices

MOST_BYTES = 4 * 1024 * 1024  # Alertmanager sends the alerts of one group


def routes(notices: Notices) -> list[Route]:
    """Beside the exporter's own. An answer of 200 means that it is kept: Alertmanager forgets it then."""

    async def hook(request: Request) -> Response:
        allowed = {str(server.address) for server in notices.world.region.group("monitoring")}
        if not request.client or request.client.host not in allowed:
            return PlainTextResponse("only the monitoring server may tell alerts\n", 403)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return PlainTextResponse("too long\n", 413)
        try:
            told = json.loads(body)
            new = await asyncio.to_thread(notices.take, told)
        except (ValueError, AttributeError, TypeError):
            return PlainTextResponse("not what Alertmanager sends\n", 400)
        except OpsError as error:
            return PlainTextResponse(f"{error.what}\n", 503)  # it comes again
        return PlainTextResponse(f"{new} new\n")

    return [Route("/hooks/alertmanager", hook, methods=["POST"])]
