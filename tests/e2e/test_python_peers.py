# SPDX-License-Identifier: Apache-2.0
"""Python servers and clients of each kind, over kept connections, at 1, 20 and 100 at a time."""
import pytest

from harness import peers
from harness.oracle import check

SERVERS = {
    "uvicorn-uvloop-httptools": peers.uvicorn,
    "uvicorn-asyncio-h11": lambda agent: peers.uvicorn(agent, "asyncio", "h11"),
    "gunicorn-prefork": peers.gunicorn,
    "gunicorn-threads": lambda agent: peers.gunicorn(agent, worker_class="gthread", workers=2),
    "threading-server": peers.threading_server,
}


@pytest.mark.parametrize("library", ["http.client", "requests", "httpx", "httpx-async",
                                     "httpx-uvloop", "aiohttp"])
@pytest.mark.parametrize("kind", ["uvicorn-uvloop-httptools", "threading-server"])
def test_client_library(agent, kind, library):
    server = SERVERS[kind](agent)
    client = peers.http_client(agent, server, library=library, requests=80, concurrency=4)
    spans = agent.finish()
    assert len(spans) == 160
    check(spans, server, client)


@pytest.mark.parametrize("concurrency", [1, 20, 100])
@pytest.mark.parametrize("kind", SERVERS)
def test_server(agent, kind, concurrency):
    server = SERVERS[kind](agent)
    client = peers.http_client(agent, server, library="http.client", requests=300,
                               concurrency=concurrency)
    spans = agent.finish()
    assert len(spans) == 600
    check(spans, server, client)


@pytest.mark.parametrize("concurrency", [20, 100])
def test_event_loop_client(agent, concurrency):
    server = peers.uvicorn(agent)
    client = peers.http_client(agent, server, library="httpx-async", requests=500,
                               concurrency=concurrency)
    spans = agent.finish()
    assert len(spans) == 1000
    check(spans, server, client)


def test_connection_for_each_request(agent):
    server = peers.threading_server(agent)
    client = peers.http_client(agent, server, "--close", library="http.client", requests=200,
                               concurrency=10)
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, server, client)


@pytest.mark.parametrize("loop, http", [("uvloop", "httptools"), ("asyncio", "h11")])
def test_service_that_asks_another(agent, loop, http):
    """FastAPI → httpx → FastAPI: four spans for each call."""
    worker = peers.uvicorn(agent, loop, http)
    front = peers.uvicorn(agent, loop, http, env={"NEXT_URL": worker.url()})
    client = peers.http_client(agent, front, library="httpx", path="/call/{prefix}-{i}",
                               method="GET", requests=100, concurrency=10)
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, worker, front, client)


def test_ipv6(agent):
    server = peers.listening(agent.python("threading_server.py", "--host", "::1"))
    client = agent.run_python("http_client.py", "--url", f"http://[::1]:{server.port}",
                              "--library", "requests", "--requests", 20)
    spans = agent.finish()
    assert len(spans) == 40
    assert {span["network.peer.address"] for span in spans} == {"::1"}
    check(spans, server, client)
