# SPDX-License-Identifier: Apache-2.0
"""Bodies of 100 MB are counted to the byte, however they are sent."""
import pytest

from harness import peers
from harness.oracle import check, client, server

SIZE = 100_000_000


@pytest.mark.needs("nginx", "curl")
@pytest.mark.parametrize("sendfile", ["on", "off"])
def test_download_from_nginx(agent, sendfile):
    nginx = peers.nginx(agent, {"big.bin": SIZE}, http=f"sendfile {sendfile};")
    process = agent.run("curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}",
                        f"{nginx.url()}/big.bin")
    assert process.stdout() == str(SIZE)
    check(agent.finish(), nginx, expected=[
        client("GET", "/big.bin", status=200, response_bytes=SIZE, outcome=None)])


@pytest.mark.needs("curl")
@pytest.mark.parametrize("kind", [peers.threading_server, peers.uvicorn])
@pytest.mark.parametrize("chunked", [False, True])
def test_upload_by_curl(tacit, tmp_path, kind, chunked):
    """A chunked body has to be looked at to its end, at full speed: room for all of it."""
    agent = tacit.exec("--console", "json",
                       env={"TACIT_CAPTURE_RING_MIB": "256"} if chunked else None)
    service = kind(agent)
    body = tmp_path / "body"
    with open(body, "wb") as file:
        file.truncate(SIZE)
    more = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    process = agent.run("curl", "-sS", "-T", body, "-w", "%{size_upload}", *more,
                        f"{service.url()}/items/up")
    if not chunked:  # curl counts the framing too
        assert process.stdout() == str(SIZE)
    assert [line["request_bytes"] for line in service.requests()] == [SIZE]
    check(agent.finish(), service, expected=[
        client("PUT", "/items/up", status=200, request_bytes=SIZE, response_bytes=0,
               outcome=None)])


@pytest.mark.parametrize("verb", ["fill", "sendfile"])
def test_raw(agent, verb):
    """Between two ends of our own, and a second exchange after it on the same connection."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n"
    small = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ask = "GET /items/{} HTTP/1.1\r\nHost: raw\r\n\r\n"
    service = peers.raw_server(agent, [
        ["until", "\r\n\r\n"], ["send", head], [verb, SIZE], ["until", "\r\n\r\n"],
        ["send", small], ["eof"]])
    peers.raw_client(agent, service, [
        ["send", ask.format("big")], ["skip", len(head) + SIZE], ["send", ask.format("small")],
        ["read", len(small)]])
    service.wait()
    check(agent.finish(), expected=[
        make("GET", f"/items/{name}", status=200, response_bytes=size, outcome=None)
        for make in (client, server) for name, size in (("big", SIZE), ("small", 2))])
