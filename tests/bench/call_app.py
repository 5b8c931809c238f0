# SPDX-License-Identifier: Apache-2.0
"""The benchmark's FastAPI application. /call asks NEXT_URL's /item by httpx before it answers; /chain
asks NEXT_URL's /chain where there is a NEXT_URL, with the same token in its path, /executor does so
from a thread."""
import asyncio
import contextlib
import os

import fastapi
import httpx


@contextlib.asynccontextmanager
async def lifespan(app):
    where = {"base_url": os.environ.get("NEXT_URL", "http://127.0.0.1"), "timeout": 20}
    async with httpx.AsyncClient(**where) as client:
        with httpx.Client(**where) as in_thread:
            app.state.next, app.state.in_thread = client, in_thread
            yield


# FastAPI's own OpenTelemetry is off: what is compared is the instrumentation of the SDK.
app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None,
                      telemetry={"tracing": False, "metrics": False, "logs": False})


@app.get("/ping")
async def ping():
    return {"ok": 1}


@app.get("/item")
async def item():
    return {"name": "lamp", "price": 12}


@app.get("/call")
async def call(request: fastapi.Request):
    answer = await request.app.state.next.get("/item")
    return {"item": answer.json()}


def chain_ends(request):
    return request.app.state.next.base_url.port is None


@app.get("/chain/{token}")
async def chain(request: fastapi.Request, token: str):
    if chain_ends(request):
        return {"token": token}
    answer = await request.app.state.next.get(f"/chain/{token}")
    return {"next": answer.json()}


@app.get("/executor/{token}")
async def executor(request: fastapi.Request, token: str):
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(None, request.app.state.in_thread.get, f"/chain/{token}")
    return {"next": answer.json()}
