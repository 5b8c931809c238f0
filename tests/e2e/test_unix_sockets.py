# SPDX-License-Identifier: Apache-2.0
"""HTTP over unix sockets."""
import pytest

from harness import peers
from harness.oracle import check, client, server


@pytest.mark.parametrize("library", ["httpx", "httpx-async", "http.client"])
@pytest.mark.parametrize("kind", [peers.uvicorn, peers.threading_server])
def test_unix_socket(agent, kind, library):
    service = kind(agent, uds=True)
    asking = peers.http_client(agent, service, library=library, requests=100, concurrency=10)
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, service, asking)
    assert {span["network.transport"] for span in spans} == {"unix"}
    assert {span["network.peer.address"] for span in spans if span.kind == "CLIENT"} == {service.uds}


@pytest.mark.needs("curl")
def test_curl_unix_socket(agent):
    service = peers.threading_server(agent, uds=True)
    agent.run("curl", "-sS", "--unix-socket", service.uds, "http://localhost/items/u1",
              "-H", "X-Reply-Bytes: 9")
    check(agent.finish(), service, expected=[
        client("GET", "/items/u1", status=200, response_bytes=9, request_bytes=0)])


@pytest.mark.needs("nginx", "curl")
def test_nginx_unix_listener(agent):
    service = peers.nginx(agent, {"a.txt": b"hello"}, uds=True)
    for _ in range(5):
        agent.run("curl", "-sS", "--unix-socket", service.uds, "http://localhost/a.txt")
    check(agent.finish(), expected=5 * [
        client("GET", "/a.txt", status=200, response_bytes=5),
        server("GET", "/a.txt", status=200, response_bytes=5)])


@pytest.mark.needs("curl")
def test_refused(agent):
    """Nobody listens on the socket's path any more."""
    service = peers.threading_server(agent, uds=True)
    service.stop()
    agent.run("curl", "-s", "--unix-socket", service.uds, "http://localhost/", status=7)
    spans = agent.finish()
    assert [(s.name, s.kind, s.error_type, s["network.peer.address"]) for s in spans] == [
        ("connect", "CLIENT", "ECONNREFUSED", service.uds)]
