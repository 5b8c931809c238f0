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
        application.state.jobs = asyncio.Queue()
        own = [asyncio.create_task(work(application.state.jobs)) for _ in range(4)]
        if os.environ.get("POLL"):
            own.append(asyncio.create_task(poll(client)))
        yield
        for task in own:
            task.cancel()


app = fastapi.FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
kept_by_threads = httpx.Client(timeout=30)
background = set()


if os.environ.get("MIDDLEWARE"):
    @app.middleware("http")
    async def in_a_task_of_its_own(request, call_next):
        return await call_next(request)


async def call(client, serving, name):
    with logged(serving, name) as (url, headers):
        (await client.get(url, headers=headers)).raise_for_status()


def call_and_wait(serving, name, client=kept_by_threads):
    with logged(serving, name) as (url, headers):
        client.get(url, headers=headers).raise_for_status()


async def work(jobs):
    """A task that is older than the requests it works for."""
    while True:
        await (await jobs.get())()


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


@app.get("/background")
def after_the_answer(request: fastapi.Request, tasks: fastapi.BackgroundTasks,
                     token: str = Token):
    """Starlette's own background tasks: in the loop, and in a thread."""
    tasks.add_task(call, request.app.state.kept, token, "late")
    tasks.add_task(call_and_wait, token, "late-thread")


@app.get("/stream")
async def stream(request: fastapi.Request, token: str = Token):
    """Calls between the pieces of the answer."""
    async def pieces():
        for name in "01":
            await call(request.app.state.kept, token, name)
            yield name
    return fastapi.responses.StreamingResponse(pieces())


@app.get("/timer")
async def timer(request: fastapi.Request, token: str = Token):
    """A callback of the loop's clock that starts a task."""
    done = asyncio.Event()

    async def later():
        await call(request.app.state.kept, token, "0")
        done.set()

    def start():
        background.add(asyncio.ensure_future(later()))
    asyncio.get_running_loop().call_later(pause_of(token), start)
    await done.wait()


@app.get("/queue")
async def queue(request: fastapi.Request, token: str = Token):
    """Handed to one of four tasks that are older than the request."""
    done = asyncio.Event()

    async def job():
        await call(request.app.state.kept, token, "0")
        done.set()
    await request.app.state.jobs.put(job)
    await done.wait()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--loop", default="asyncio")
    arguments.add_argument("--http", default="h11")
    options = arguments.parse_args()
    Server(uvicorn.Config(app, host="127.0.0.1", port=0, loop=options.loop, http=options.http,
                          log_level="warning", access_log=False, timeout_keep_alive=60)).run()


if __name__ == "__main__":
    main()
