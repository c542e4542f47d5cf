"""The HTTP server around the API: uvicorn on uvloop and httptools, quiet, with headers as AWS sends them."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import uvicorn

from services.api.app import Api
from services.api.http_protocol import ApiProtocol, Outbox


def make_server(api: Api, host: str, port: int) -> uvicorn.Server:
    """A server that has not started; `await server.serve(sockets=...)` runs it until `server.should_exit`."""
    config = uvicorn.Config(
        api,
        host=host,
        port=port,
        loop="uvloop",
        http=cast(Any, partial(ApiProtocol, api, Outbox())),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        backlog=4096,
    )
    return uvicorn.Server(config)
