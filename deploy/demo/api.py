# SPDX-License-Identifier: Apache-2.0
"""The research system's API: what the command line talks to. Prices come from the broker's host
service, training runs on a worker, backtests on another one that is down."""
import contextlib
import os

import fastapi
import httpx


@contextlib.asynccontextmanager
async def lifespan(app):
    async with httpx.AsyncClient(timeout=10) as client:
        app.state.client = client
        yield


app = fastapi.FastAPI(lifespan=lifespan)
HOST_SERVICE, WORKER, BACKTEST_WORKER = (
    os.environ[name] for name in ("HOST_SERVICE_URL", "WORKER_URL", "BACKTEST_WORKER_URL"))
workers = {}


async def ask(request, method, url, **settings):
    """Passes a call on; a service that is down makes a 502, its own errors stay as they are."""
    try:
        answer = await request.app.state.client.request(method, url, **settings)
    except httpx.TransportError as error:
        raise fastapi.HTTPException(502, f"{url}: {error}") from error
    if answer.is_error:
        raise fastapi.HTTPException(answer.status_code, answer.json().get("detail"))
    return answer.json()


@app.get("/api/v1/health")
async def health():
    return {"status": "ok", "workers": len(workers)}


@app.post("/api/v1/workers/register", status_code=201)
async def register(worker: dict):
    workers[worker["worker_id"]] = worker
    return worker


@app.get("/api/v1/data/{symbol}/{timeframe}")
async def data(symbol: str, timeframe: str, request: fastapi.Request):
    return await ask(request, "GET", f"{HOST_SERVICE}/data/historical",
                     params={"symbol": symbol, "timeframe": timeframe, "api_key": "not-for-traces"})


@app.post("/api/v1/trainings/start", status_code=202)
async def start_training(training: dict, request: fastapi.Request):
    await data(training["symbol"], training["timeframe"], request)
    return await ask(request, "POST", f"{WORKER}/training/start", json=training)


@app.post("/api/v1/backtests/start", status_code=202)
async def start_backtest(backtest: dict, request: fastapi.Request):
    return await ask(request, "POST", f"{BACKTEST_WORKER}/backtest/start", json=backtest)


@app.get("/api/v1/operations/{operation_id}")
async def operation(operation_id: str, request: fastapi.Request):
    return await ask(request, "GET", f"{WORKER}/operations/{operation_id}")
