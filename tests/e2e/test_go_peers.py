# SPDX-License-Identifier: Apache-2.0
"""Go's net/http with itself, and across to Python."""
import pytest

from harness import peers
from harness.oracle import check

pytestmark = pytest.mark.needs("go_peer")


@pytest.mark.parametrize("concurrency", [1, 20, 100])
def test_go_to_go(agent, concurrency):
    server = peers.go_server(agent)
    client = agent.run(peers.program("go_peer"), "client", server.url(), 300, concurrency, "g")
    spans = agent.finish()
    assert len(spans) == 600
    check(spans, server, client)


def test_python_to_go(agent):
    server = peers.go_server(agent)
    client = peers.http_client(agent, server, library="requests", requests=100, concurrency=4)
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, server, client)


def test_go_to_python(agent):
    server = peers.uvicorn(agent, "asyncio", "h11")
    client = agent.run(peers.program("go_peer"), "client", server.url(), 100, 10, "g")
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, server, client)
