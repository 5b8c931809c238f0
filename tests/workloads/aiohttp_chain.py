# SPDX-License-Identifier: Apache-2.0
"""An aiohttp service of the oracle that calls with aiohttp's client; prints "listening PORT PID"."""
import asyncio
import os

import aiohttp
from aiohttp import web

from calls import logged, pause_of

routes = web.RouteTableDef()
KEPT = web.AppKey("kept", aiohttp.ClientSession)
background = set()


async def call(client, serving, name):
    with logged(serving, name) as (url, headers):
        async with client.get(url, headers=headers) as answer:
            await answer.read()
            answer.raise_for_status()


@routes.get("/seq")
async def seq(request):
    token, kept = request.headers["x-token"], request.app[KEPT]
    await call(kept, token, "0")
    await call(kept, token, "1")
    return web.Response()


@routes.get("/fresh")
async def fresh(request):
    async with aiohttp.ClientSession() as client:
        await call(client, request.headers["x-token"], "0")
    return web.Response()


@routes.get("/gather")
async def gather(request):
    token, kept = request.headers["x-token"], request.app[KEPT]
    await asyncio.gather(*(call(kept, token, str(i)) for i in range(3)))
    return web.Response()


@routes.get("/fire")
async def fire(request):
    token, kept = request.headers["x-token"], request.app[KEPT]

    async def later():
        await asyncio.sleep(pause_of(token))
        await call(kept, token, "late")
    made = asyncio.create_task(later())
    background.add(made)
    made.add_done_callback(background.discard)
    return web.Response()


@routes.get("/pause")
async def pause(request):
    token = request.headers["x-token"]
    await asyncio.sleep(pause_of(token))
    await call(request.app[KEPT], token, "0")
    return web.Response()


async def poll(client):
    """Calls that no request causes."""
    number = 0
    while True:
        await asyncio.sleep(0.02)
        await call(client, "", f"poll-{os.getpid()}-{number}")
        number += 1


async def main():
    app = web.Application()
    app.add_routes(routes)
    async with aiohttp.ClientSession() as client:
        app[KEPT] = client
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print("listening", runner.addresses[0][1], os.getpid(), flush=True)
        if os.environ.get("POLL"):
            await poll(client)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if os.environ.get("LOOP") == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main())
