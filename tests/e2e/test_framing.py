# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 as it is on the wire: what no library would send, both ends to the byte."""
import pytest

from harness import peers
from harness.oracle import check, client, server


def both(method, path, **fields):
    return [client(method, path, **fields), server(method, path, **fields)]


def exchange(agent, serve, ask):
    """One raw connection, or several: serve and ask are lists of steps, or lists of such lists."""
    several = isinstance(serve[0][0], list)
    service = peers.raw_server(agent, *(serve if several else [serve]))
    reports = peers.raw_client(agent, service, *(ask if several else [ask]))
    reports += peers.raw_reports(service)
    assert [report.get("error") for report in reports] == [None] * len(reports)
    return reports


def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: raw\r\n{more}\r\n"


def ok(body, more=""):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"


def test_ports_and_host(agent):
    report, _ = exchange(agent, [["until", "\r\n\r\n"], ["send", ok("abc")], ["eof"]],
                         [["send", get("/items/p")], ["read", len(ok("abc"))]])
    # The name and port that the client used are in Host, without a port: the socket's.
    check(agent.finish(), expected=[
        client("GET", "/items/p", status=200, request_bytes=0, response_bytes=3, outcome=None,
               server_port=report["remote_port"]),
        server("GET", "/items/p", status=200, request_bytes=0, response_bytes=3, outcome=None,
               server_port=report["remote_port"], client_port=report["local_port"])])


@pytest.mark.parametrize("together", [True, False])
def test_pipelining_in_order(agent, together):
    """Ten requests leave before the first answer; statuses tell the answers apart."""
    requests = [get(f"/items/{i}") for i in range(10)]
    replies = [f"HTTP/1.1 {400 + i} S\r\nContent-Length: {i}\r\n\r\n{'r' * i}" for i in range(10)]
    asks = [["send", "".join(requests)]] if together else [["send", text] for text in requests]
    answers = [["send", "".join(replies)]] if together else [["send", text] for text in replies]
    exchange(agent, [["until", requests[-1]]] + answers + [["eof"]],
             asks + [["read", len("".join(replies))]])
    check(agent.finish(), expected=[
        span for i in range(10)
        for span in both("GET", f"/items/{i}", outcome=None,
                         **({"status": 400 + i, "response_bytes": i}))])


def test_pipelining_nginx(agent):
    """The same against a server that takes it: nginx."""
    if peers.why_missing("nginx"):
        pytest.skip(peers.why_missing("nginx"))
    nginx = peers.nginx(agent, {f"{i}.txt": b"n" * (i + 1) for i in range(20)})
    asks = "".join(get(f"/{i}.txt") for i in range(19)) + get("/19.txt", "Connection: close\r\n")
    peers.raw_client(agent, nginx, [["send", asks], ["eof"]])
    spans = agent.finish()
    check(spans, nginx, expected=[client("GET", f"/{i}.txt", status=200, response_bytes=i + 1)
                                  for i in range(20)])


def test_chunked_both_ways_with_trailers(agent):
    ask = ("POST /items/c HTTP/1.1\r\nHost: raw\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n"
           "\r\n5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nX-Sum: 11\r\nX-More: 1\r\n\r\n")
    answer = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "A\r\n0123456789\r\n1\r\nz\r\n000\r\nX-Sum: 11\r\n\r\n")
    # A second exchange on the connection shows that the end of the first was found.
    exchange(agent,
             [["until", "X-More: 1\r\n\r\n"], ["send", answer], ["until", "\r\n\r\n"],
              ["send", ok("")], ["eof"]],
             [["send", ask], ["read", len(answer)], ["send", get("/items/d")], ["read", len(ok(""))]])
    check(agent.finish(), expected=both("POST", "/items/c", status=200, request_bytes=11,
                                        response_bytes=11, outcome=None)
          + both("GET", "/items/d", status=200, request_bytes=0, response_bytes=0, outcome=None))


def test_head_has_a_length_but_no_body(agent):
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", answer], ["until", "\r\n\r\n"], ["send", ok("x")],
              ["eof"]],
             [["send", get("/items/h").replace("GET", "HEAD")], ["read", len(answer)],
              ["send", get("/items/i")], ["read", len(ok("x"))]])
    check(agent.finish(), expected=both("HEAD", "/items/h", status=200, response_bytes=0)
          + both("GET", "/items/i", status=200, response_bytes=1))


@pytest.mark.parametrize("status", [204, 304])
def test_no_body_by_status(agent, status):
    """304 may carry the length that a 200 would have had."""
    more = "Content-Length: 99\r\n" if status == 304 else ""
    answer = f"HTTP/1.1 {status} None\r\n{more}\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", answer], ["until", "\r\n\r\n"], ["send", ok("x")],
              ["eof"]],
             [["send", get("/items/a")], ["read", len(answer)],
              ["send", get("/items/b")], ["read", len(ok("x"))]])
    check(agent.finish(), expected=both("GET", "/items/a", status=status, response_bytes=0)
          + both("GET", "/items/b", status=200, response_bytes=1))


def test_continue_and_early_hints(agent):
    """100, 103 and then the answer: one span, with the final status."""
    ask = "PUT /items/e HTTP/1.1\r\nHost: raw\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    proceed = "HTTP/1.1 100 Continue\r\n\r\n"
    hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", proceed], ["read", 5], ["send", hints],
              ["send", ok("done")], ["eof"]],
             [["send", ask], ["read", len(proceed)], ["send", "bytes"],
              ["read", len(hints + ok("done"))]])
    check(agent.finish(), expected=both("PUT", "/items/e", status=200, request_bytes=5,
                                        response_bytes=4, outcome=None))


def test_continue_refused(agent):
    """417 instead of 100: the body is never sent, the next request follows."""
    ask = "PUT /items/e HTTP/1.1\r\nHost: raw\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    refuse = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", refuse], ["until", "\r\n\r\n"], ["send", ok("x")],
              ["eof"]],
             [["send", ask], ["read", len(refuse)], ["send", get("/items/f")],
              ["read", len(ok("x"))]])
    spans = agent.finish()
    check(spans, expected=[client("PUT", "/items/e", status=417, error_type="417"),
                           server("PUT", "/items/e", status=417, error_type=None)]
          + both("GET", "/items/f", status=200, response_bytes=1))


def test_http10_ends_with_the_connection(agent):
    body = "b" * 70_000
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", "HTTP/1.0 200 OK\r\nServer: old\r\n\r\n"],
              ["send", body], ["close"]],
             [["send", "GET /items/old HTTP/1.0\r\n\r\n"], ["eof"]])
    spans = agent.finish()
    check(spans, expected=both("GET", "/items/old", status=200, response_bytes=70_000,
                               outcome=None, error_type=None))
    assert {span["network.protocol.version"] for span in spans} == {"1.0"}


def test_http10_keep_alive(agent):
    answer = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    ask = "GET /items/{} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", answer], ["until", "\r\n\r\n"], ["send", answer],
              ["eof"]],
             [["send", ask.format(1)], ["read", len(answer)], ["send", ask.format(2)],
              ["read", len(answer)]])
    check(agent.finish(), expected=both("GET", "/items/1", status=200, response_bytes=2)
          + both("GET", "/items/2", status=200, response_bytes=2))


def test_upgrade_leaves_the_connection_alone(agent):
    """After 101 there may be anything, even what looks like HTTP: no more spans."""
    switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", switch], ["until", "never\r\n\r\n"],
              ["send", ok("no")], ["eof"]],
             [["send", get("/ws", "Upgrade: websocket\r\nConnection: Upgrade\r\n")],
              ["read", len(switch)], ["send", "\x81\x05hello" + get("/never")],
              ["send", "never\r\n\r\n"], ["read", len(ok("no"))]])
    check(agent.finish(), expected=both("GET", "/ws", status=101, outcome=None, error_type=None))


def test_real_websocket(agent):
    """uvicorn and the websockets library: handshake is one exchange, frames are none."""
    service = peers.listening(agent.python("websocket_peer.py", "server"))
    agent.run_python("websocket_peer.py", "client", service.port)
    check(agent.finish(), expected=both("GET", "/live", status=101, outcome=None))


def test_connect_tunnel(agent):
    done = "HTTP/1.1 200 Connection Established\r\n\r\n"
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", done], ["until", "\r\n\r\n"], ["send", ok("no")],
              ["eof"]],
             [["send", "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n"],
              ["read", len(done)], ["send", get("/inside")], ["read", len(ok("no"))]])
    spans = agent.finish()
    check(spans, expected=both("CONNECT", None, status=200, outcome=None))
    assert {(span["server.address"], span.server_port) for span in spans} == {("other", 443)}


def test_64_kib_of_headers(agent):
    more = "".join(f"X-Filler-{i}: {'f' * 1000}\r\n" for i in range(63))
    exchange(agent,
             [["until", "\r\n\r\n"], ["send", ok("x" * 10, more)], ["until", "\r\n\r\n"],
              ["send", ok("")], ["eof"]],
             [["send", get("/items/wide", more)], ["read", len(ok("x" * 10, more))],
              ["send", get("/items/next")], ["read", len(ok(""))]])
    check(agent.finish(), expected=both("GET", "/items/wide", status=200, response_bytes=10,
                                        outcome=None)
          + both("GET", "/items/next", status=200, response_bytes=0))


def test_byte_by_byte(agent):
    ask = ("POST /items/slow HTTP/1.1\r\nHost: raw\r\nUser-Agent: drip\r\nContent-Length: 5\r\n"
           "\r\nhello")
    exchange(agent, [["until", "hello"], ["trickle", ok("drops")], ["eof"]],
             [["trickle", ask], ["read", len(ok("drops"))]])
    spans = agent.finish()
    check(spans, expected=both("POST", "/items/slow", status=200, request_bytes=5,
                               response_bytes=5, outcome=None))
    assert {span["user_agent.original"] for span in spans} == {"drip"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE",
                                    "PATCH", "PROPFIND", "get"])
def test_every_method(agent, method):
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    exchange(agent, [["until", "\r\n\r\n"], ["send", answer], ["eof"]],
             [["send", f"{method} /items/m HTTP/1.1\r\nHost: raw\r\nContent-Length: 0\r\n\r\n"],
              ["read", len(answer)]])
    known = method not in ("PROPFIND", "get")
    spans = agent.finish()
    check(spans, expected=both(method if known else "_OTHER", "/items/m", status=200))
    assert {span["http.request.method_original"] for span in spans} == {
        None if known else method}


@pytest.mark.parametrize("noise", ["\x00\x01\x02\x03" * 100, "GET\r\n\r\n", "\r\n" * 50,
                                   "SSH-2.0-OpenSSH_9.2\r\n", "GET / HTTP/1.1\r\nbad header\x00"])
def test_garbage_is_nothing(agent, noise):
    """Bytes that are no HTTP give no span, and the agent goes on: the next connection is seen."""
    service = peers.raw_server(agent, [["eof"], ["send", noise], ["close"]],
                               [["until", "\r\n\r\n"], ["send", ok("x")], ["eof"]])
    peers.raw_client(agent, service, [["send", noise], ["shutdown"], ["eof"]],
                     [["send", get("/items/after")], ["read", len(ok("x"))]])
    service.wait()
    check(agent.finish(), expected=both("GET", "/items/after", status=200, response_bytes=1))


def test_absolute_target_and_odd_paths(agent):
    """Targets as a proxy gets them, escapes, non-ASCII bytes: the path as it was sent."""
    paths = ["/a%20b/%C3%A9", "/a//b/../c", "/%", "/" + "p" * 3000]
    for path in paths:
        exchange(agent, [["until", "\r\n\r\n"], ["send", ok("")], ["eof"]],
                 [["send", get("http://raw:99" + path)], ["read", len(ok(""))]])
    spans = agent.finish()
    check(spans, expected=[span for path in paths
                           for span in both("GET", path, status=200, server_port=99)])
