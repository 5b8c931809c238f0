# SPDX-License-Identifier: Apache-2.0
"""Node's http server with its two clients, and across to Python."""
import pytest

from harness import peers
from harness.oracle import check
from harness.processes import WORKLOADS

pytestmark = pytest.mark.needs("node")


@pytest.mark.parametrize("library", ["fetch", "agent"])
@pytest.mark.parametrize("concurrency", [1, 20])
def test_node_to_node(agent, library, concurrency):
    server = peers.node_server(agent)
    client = agent.run("node", WORKLOADS / "node_peer.js", "client", library, server.url(), 200,
                       concurrency, "n")
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, server, client)


def test_python_to_node(agent):
    server = peers.node_server(agent)
    client = peers.http_client(agent, server, library="httpx-async", requests=100, concurrency=10)
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, server, client)


def test_node_to_python(agent):
    server = peers.uvicorn(agent)
    client = agent.run("node", WORKLOADS / "node_peer.js", "client", "fetch", server.url(), 100, 10,
                       "n")
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, server, client)
