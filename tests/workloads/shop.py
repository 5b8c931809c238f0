# SPDX-License-Identifier: Apache-2.0
"""A user's case: a command asks an API, which asks two services, which both ask a worker.

usage: shop.py buy URL TOKEN   the command: one request
       shop.py api             FastAPI; $ORDERS_URL and $BILLING_URL; "listening PORT PID"
The services are go_chain and thread_chain.py, the worker is go_chain's backend."""
import asyncio
import contextlib
import os
import sys
import urllib.request

from calls import logged


def buy(url, token):
    request = urllib.request.Request(f"{url}/buy", headers={"X-Token": token})
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).read()


def api():
    import fastapi
    import httpx
    from uvicorn_server import Server, uvicorn

    @contextlib.asynccontextmanager
    async def lifespan(application):
        async with httpx.AsyncClient(timeout=30) as client:
            application.state.client = client
            yield

    app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    async def call(token, name, where):
        with logged(token, name) as (_, headers):
            (await app.state.client.get(where + "/seq", headers=headers)).raise_for_status()

    @app.get("/buy")
    async def sell(token: str = fastapi.Header(alias="x-token")):
        await asyncio.gather(call(token, "orders", os.environ["ORDERS_URL"]),
                             call(token, "billing", os.environ["BILLING_URL"]))

    Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning",
                          access_log=False)).run()


if __name__ == "__main__":
    buy(*sys.argv[2:]) if sys.argv[1] == "buy" else api()
