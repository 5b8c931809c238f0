# SPDX-License-Identifier: Apache-2.0
"""A training worker: registers with the API, trains for a moment, reports its progress."""
import asyncio
import contextlib
import itertools
import os
import time

import fastapi
import httpx


async def register():
    async with httpx.AsyncClient() as client:
        await client.post(f"{os.environ['API_URL']}/api/v1/workers/register",
                          json={"worker_id": "training-worker-1", "capabilities": ["cpu"]})


@contextlib.asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(register())
    yield
    await task


app = fastapi.FastAPI(lifespan=lifespan)
numbers = itertools.count(1)
started = {}


@app.post("/training/start", status_code=202)
async def start(training: dict):
    operation_id = f"op_training_{next(numbers)}"
    started[operation_id] = time.monotonic()
    return {"operation_id": operation_id, "symbol": training["symbol"]}


@app.get("/operations/{operation_id}")
async def operation(operation_id: str):
    if operation_id not in started:
        raise fastapi.HTTPException(404, f"no such operation: {operation_id}")
    done = min(1.0, (time.monotonic() - started[operation_id]) / 0.6)
    return {"operation_id": operation_id, "progress": round(done, 2),
            "status": "completed" if done == 1.0 else "running"}
