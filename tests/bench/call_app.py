# SPDX-License-Identifier: Apache-2.0
"""The benchmark's FastAPI application. /call asks NEXT_URL's /item by httpx before it answers."""
import contextlib
import os

import fastapi
import httpx


@contextlib.asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(base_url=os.environ.get("NEXT_URL", "http://127.0.0.1"),
                                 timeout=20) as client:
        app.state.next = client
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
