# SPDX-License-Identifier: Apache-2.0
"""A FastAPI service that calls with httpx: run by opentelemetry-instrument, a service with an SDK of
its own. `opentelemetry-instrument python3 sdk_app.py`; prints "listening PORT PID"."""
import contextlib

import fastapi
import httpx

from calls import logged
from uvicorn_server import Server, uvicorn


@contextlib.asynccontextmanager
async def lifespan(application):
    async with httpx.AsyncClient(timeout=30) as client:
        application.state.client = client
        yield


app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/seq")
async def seq(token: str = fastapi.Header(alias="x-token")):
    for name in "01":
        with logged(token, name) as (url, headers):
            (await app.state.client.get(url, headers=headers)).raise_for_status()


if __name__ == "__main__":
    Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning",
                          access_log=False)).run()
