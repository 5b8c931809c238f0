# SPDX-License-Identifier: Apache-2.0
"""Connections and messages that were under way when the agent came."""
import json
import os
import time

import pytest

from harness import oracle, peers
from harness.oracle import check, server
from harness.processes import wait_until


@pytest.mark.parametrize("kind", [peers.threading_server, peers.uvicorn])
def test_kept_connection(tacit, host, tmp_path, kind):
    """One connection, 20 requests before the agent starts and 20 after: exactly 20 spans."""
    service = kind(host)
    gate = tmp_path / "gate"
    ask = "GET /items/{} HTTP/1.1\r\nHost: raw\r\nX-Reply-Bytes: 5\r\n\r\n"
    steps = []
    for i in range(40):
        if i == 20:
            steps.append(["gate", str(gate)])
        steps += [["send", ask.format(i)], ["until", "\r\n\r\n"], ["read", 5]]
    client = host.python("raw_peer.py", "client", service.port, json.dumps([steps]))
    wait_until(lambda: len(service.requests()) == 20, "the first 20 requests")
    agent = tacit.run("--pid", service.pid, "--console", "json")
    gate.touch()
    assert client.wait() == 0
    spans = agent.finish()
    check(spans, expected=[server("GET", f"/items/{i}", status=200, response_bytes=5, outcome=None,
                                  server_port=service.port) for i in range(20, 40)])


def test_both_ends_older(tacit, host, tmp_path):
    gate = tmp_path / "gate"
    reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    turn = [["until", "\r\n\r\n"], ["send", reply]]
    service = peers.raw_server(host, turn * 10 + [["eof"]])
    ask = "GET /items/{} HTTP/1.1\r\nHost: raw\r\n\r\n"
    steps = []
    for i in range(10):
        if i == 5:
            steps.append(["gate", str(gate)])
        steps += [["send", ask.format(i)], ["read", len(reply)]]
    client = host.python("raw_peer.py", "client", service.port, json.dumps([steps]))
    wait_until(lambda: os.path.exists(f"{gate}.waiting"), "the client at the gate")
    agent = tacit.run("--pid", service.pid, "--pid", client.pid, "--console", "json")
    gate.touch()
    assert client.wait() == 0
    spans = agent.finish()
    check(spans, expected=[make("GET", f"/items/{i}", status=200, response_bytes=3, outcome=None)
                           for i in range(5, 10) for make in (oracle.client, server)])


@pytest.mark.parametrize("where", ["request-body", "response-body"])
def test_joining_in_mid_message(tacit, host, tmp_path, where):
    """The agent comes while a body is under way. That exchange is told only as far as it was seen,
    never with a made-up status; the next one on the connection is whole."""
    gate = tmp_path / "gate"
    ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ask = "GET /items/after HTTP/1.1\r\nHost: raw\r\n\r\n"
    if where == "request-body":
        first = "POST /items/first HTTP/1.1\r\nHost: raw\r\nContent-Length: 2000\r\n\r\n"
        client_steps = [["send", first], ["fill", 1000], ["gate", str(gate)], ["fill", 1000],
                        ["read", len(ok)]]
        server_steps = [["until", "\r\n\r\n"], ["read", 2000], ["send", ok]]
    else:
        head = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"
        client_steps = [["send", "GET /items/first HTTP/1.1\r\nHost: raw\r\n\r\n"],
                        ["read", len(head) + 2000]]
        server_steps = [["until", "\r\n\r\n"], ["send", head], ["fill", 1000],
                        ["gate", str(gate)], ["fill", 1000]]
    service = peers.raw_server(host, server_steps + [["until", "\r\n\r\n"], ["send", ok], ["eof"]])
    client = host.python("raw_peer.py", "client", service.port, json.dumps(
        [client_steps + [["send", ask], ["read", len(ok)]]]))
    wait_until(lambda: os.path.exists(f"{gate}.waiting"), "one end at the gate")
    agent = tacit.run("--pid", service.pid, "--console", "json")
    gate.touch()
    assert client.wait() == 0 and service.wait() == 0
    spans = agent.finish()
    after = [span for span in spans if span.path == "/items/after"]
    check(after, expected=[server("GET", "/items/after", status=200, response_bytes=2,
                                  outcome=None)])
    assert [span for span in spans if span not in after] == []


def test_agent_comes_and_goes_under_load(tacit, host):
    """Started in mid-load and stopped in mid-load, twice: no request has two spans, none is wrong,
    and all that began and ended well inside are there."""
    service = peers.threading_server(host)
    client = host.python("http_client.py", "--url", service.url(), "--requests", 3000,
                         "--concurrency", 8, "--delay-ms", 2)
    spans, windows = [], []
    for _ in range(2):
        agent = tacit.run("--pid", service.pid, "--console", "json")
        begin = time.time_ns()
        time.sleep(0.4)
        end = time.time_ns()
        spans += agent.finish()
        windows.append((begin, end))
    assert client.wait(60) == 0
    complete = [span for span in spans if span.outcome is None]
    seen = {span.path for span in complete}
    assert len(complete) == len(seen)
    lines = {line["path"]: line for line in service.requests()}
    inside = {path for path, line in lines.items() for begin, end in windows
              if begin + 50_000_000 < line["start_ns"] and line["end_ns"] < end - 50_000_000}
    assert inside and inside <= seen
    wrong = [span for span in complete
             if (span.method, span.status, span.request_bytes, span.response_bytes)
             != tuple(lines[span.path][name] for name in ("method", "status", "request_bytes",
                                                          "response_bytes"))]
    assert wrong == []
    # Cut off by the agent's end: said to be so, and nothing but what was seen.
    cut = [span for span in spans if span.outcome is not None]
    assert {span.outcome for span in cut} <= {"unknown"}
    assert [span for span in cut if span.status not in (None, lines[span.path]["status"])] == []
