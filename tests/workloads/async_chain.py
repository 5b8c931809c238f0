# SPDX-License-Identifier: Apache-2.0
"""A FastAPI service of the oracle under uvicorn: tasks, threads, and both together.

usage: async_chain.py [--loop asyncio|uvloop] [--http h11|httptools]; prints "listening PORT PID"."""
import argparse
import asyncio
import contextlib
import os

import fastapi
import httpx
import requests

from calls import logged, pause_of
from uvicorn_server import Server, uvicorn


@contextlib.asynccontextmanager
async def lifespan(application):
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
    async with httpx.AsyncClient(timeout=30, limits=limits) as client:
        application.state.kept = client
        poller = asyncio.create_task(poll(client)) if os.environ.get("POLL") else None
        yield
        if poller:
            poller.cancel()


app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
kept_by_threads = httpx.Client(timeout=30)
background = set()


async def call(client, serving, name):
    with logged(serving, name) as (url, headers):
        (await client.get(url, headers=headers)).raise_for_status()


def call_and_wait(serving, name, client=kept_by_threads):
    with logged(serving, name) as (url, headers):
        client.get(url, headers=headers).raise_for_status()


async def poll(client):
    """Calls that no request causes."""
    number = 0
    while True:
        await asyncio.sleep(0.02)
        await call(client, "", f"poll-{os.getpid()}-{number}")
        number += 1


Token = fastapi.Header(alias="x-token")


@app.get("/seq")
async def seq(request: fastapi.Request, token: str = Token):
    await call(request.app.state.kept, token, "0")
    await call(request.app.state.kept, token, "1")


@app.get("/fresh")
async def fresh(token: str = Token):
    async with httpx.AsyncClient(timeout=30, verify=False) as client:
        await call(client, token, "0")
        await call(client, token, "1")


@app.get("/gather")
async def gather(request: fastapi.Request, token: str = Token):
    await asyncio.gather(*(call(request.app.state.kept, token, str(i)) for i in range(3)))


@app.get("/task")
async def task(request: fastapi.Request, token: str = Token):
    """A task that makes a task, and a call beside them."""
    async def outer():
        inner = asyncio.create_task(call(request.app.state.kept, token, "inner"))
        await asyncio.sleep(pause_of(token))
        await call(request.app.state.kept, token, "outer")
        await inner
    other = asyncio.create_task(outer())
    await call(request.app.state.kept, token, "0")
    await other


@app.get("/fire")
async def fire(request: fastapi.Request, token: str = Token):
    """A task that goes on when the request has been answered."""
    async def later():
        await asyncio.sleep(pause_of(token))
        await call(request.app.state.kept, token, "late")
    made = asyncio.create_task(later())
    background.add(made)
    made.add_done_callback(background.discard)


@app.get("/pause")
async def pause(request: fastapi.Request, token: str = Token):
    await asyncio.sleep(pause_of(token))
    await call(request.app.state.kept, token, "0")


@app.get("/to-thread")
async def to_thread(token: str = Token):
    await asyncio.gather(asyncio.to_thread(call_and_wait, token, "0"),
                         asyncio.to_thread(call_and_wait, token, "1", requests))


@app.get("/executor")
async def executor(token: str = Token):
    """Without a copy of the context, unlike to_thread."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(None, call_and_wait, token, str(i))
                           for i in range(2)))


@app.get("/sync")
def sync(token: str = Token):
    """In Starlette's pool of threads."""
    call_and_wait(token, "0")
    call_and_wait(token, "1", requests)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--loop", default="asyncio")
    arguments.add_argument("--http", default="h11")
    options = arguments.parse_args()
    Server(uvicorn.Config(app, host="127.0.0.1", port=0, loop=options.loop, http=options.http,
                          log_level="warning", access_log=False, timeout_keep_alive=60)).run()


if __name__ == "__main__":
    main()
