# SPDX-License-Identifier: Apache-2.0
"""A FastAPI application. /items/{item} replies as the X-Reply-* headers ask; /call/{item} asks
another service first (NEXT_URL, or the unix socket NEXT_UDS) and passes its answer on."""
import asyncio
import contextlib
import os

import fastapi
import httpx

from request_log import now, record, reply_plan


@contextlib.asynccontextmanager
async def lifespan(app):
    uds = os.environ.get("NEXT_UDS")
    transport = httpx.AsyncHTTPTransport(uds=uds) if uds else None
    base = os.environ.get("NEXT_URL", "http://localhost")
    async with httpx.AsyncClient(base_url=base, transport=transport, timeout=20) as client:
        app.state.next = client
        yield


app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]


def log(request, status, request_bytes, response_bytes, begin):
    client = request.client
    record("server", request.method, request.url.path, status, request_bytes=request_bytes,
           response_bytes=response_bytes, start_ns=begin, end_ns=now(),
           client_port=client.port if client and client.port else ...,
           server_port=request.scope["server"][1] or ...)


@app.api_route("/items/{item}", methods=METHODS)
async def items(item: str, request: fastapi.Request):
    begin = now()
    status, size, chunked, delay = reply_plan(request.headers)
    received = 0
    async for piece in request.stream():
        received += len(piece)
    if delay:
        await asyncio.sleep(delay)
    bodyless = request.method == "HEAD" or status in (204, 304)
    log(request, status, received, 0 if bodyless else size, begin)
    if chunked and not bodyless:
        async def pieces():
            for start in range(0, size, 1000):
                yield b"x" * min(1000, size - start)
        return fastapi.responses.StreamingResponse(pieces(), status)
    return fastapi.Response(b"" if bodyless else b"x" * size, status)


@app.get("/call/{item}")
async def call(item: str, request: fastapi.Request):
    begin = now()
    path = f"/items/{item}"
    answer = await request.app.state.next.get(path, headers={"x-reply-bytes": "17"})
    stream = answer.extensions["network_stream"].get_extra_info("server_addr")
    record("client", "GET", path, answer.status_code, request_bytes=0,
           response_bytes=len(answer.content), start_ns=begin, end_ns=now(),
           server_port=stream[1] if isinstance(stream, tuple) else ...)
    body = b"y" * 23
    log(request, 200, 0, len(body), begin)
    return fastapi.Response(body)
