# SPDX-License-Identifier: Apache-2.0
"""nginx: files with and without sendfile, and as a proxy that keeps connections upstream."""
import pytest

from harness import peers
from harness.oracle import check, client, server

pytestmark = pytest.mark.needs("nginx")


@pytest.mark.parametrize("sendfile", ["on", "off"])
def test_static_files(agent, sendfile):
    nginx = peers.nginx(agent, {"small.txt": b"hello", "page.html": 70_000},
                        http=f"sendfile {sendfile}; tcp_nopush on;")
    small = peers.http_client(agent, nginx, library="http.client", path="/small.txt", method="GET",
                              status=200, requests=100, concurrency=4)
    page = peers.http_client(agent, nginx, library="http.client", path="/page.html", method="GET",
                             status=200, requests=50, concurrency=4)
    missing = peers.http_client(agent, nginx, library="http.client", path="/no-{i}", method="GET",
                                requests=10)
    spans = agent.finish()
    assert len(spans) == 320
    check(spans, nginx, small, page, missing)


def test_not_modified(agent):
    nginx = peers.nginx(agent, {"a.txt": b"hello"}, http="if_modified_since before;")
    asking = peers.http_client(agent, nginx, "--header",
                               "If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT",
                               path="/a.txt", method="GET", requests=3, library="http.client")
    assert [line["status"] for line in asking.requests()] == [304, 304, 304]
    check(agent.finish(), nginx, asking)


@pytest.mark.parametrize("concurrency", [1, 20])
def test_proxy(agent, concurrency):
    worker = peers.threading_server(agent)
    nginx = peers.nginx(agent, next_server=worker)
    asking = peers.http_client(agent, nginx, library="http.client", requests=200,
                               concurrency=concurrency)
    spans = agent.finish()
    assert len(spans) == 800
    check(spans, worker, nginx, asking)


def test_proxy_to_unix_socket(agent):
    worker = peers.uvicorn(agent, uds=True)
    nginx = peers.nginx(agent, next_server=worker)
    asking = peers.http_client(agent, nginx, library="requests", requests=100, concurrency=4)
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, worker, nginx, asking)


def test_upstream_refuses(agent):
    """A refused non-blocking connect of nginx, and the 502 it answers."""
    gone = peers.threading_server(agent)
    port = gone.port
    gone.stop()
    nginx = peers.nginx(agent, next_server=gone)
    peers.http_client(agent, nginx, path="/items/x", method="GET", requests=1,
                      library="http.client")
    spans = agent.finish()
    refused = [span for span in spans if span.name == "connect"]
    assert [(s.kind, s.status_code, s.error_type, s["network.peer.port"]) for s in refused] == [
        ("CLIENT", "ERROR", "ECONNREFUSED", port)]
    check([span for span in spans if span.name != "connect"], expected=[
        client("GET", "/items/x", status=502, error_type="502", status_code="ERROR"),
        server("GET", "/items/x", status=502, error_type="502", status_code="ERROR")])
