# SPDX-License-Identifier: Apache-2.0
"""Connections that do not come about are CLIENT spans with the errno's name and the peer."""
import pytest

from harness import peers
from harness.processes import free_port


@pytest.mark.parametrize("mode", ["blocking", "nonblocking", "asyncio"])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.77", "::1"])
def test_refused(agent, mode, address):
    if mode == "nonblocking" and address == "::1":
        pytest.skip("this mode of the workload is for IPv4")
    port = free_port()
    process = agent.run_python("failing_connect.py", mode, address, port)
    assert process.stdout() == "failed ECONNREFUSED\n"
    span, = agent.finish()
    assert (span.name, span.kind, span.status_code, span.error_type) == (
        "connect", "CLIENT", "ERROR", "ECONNREFUSED")
    assert (span["network.peer.address"], span["network.peer.port"]) == (address, port)
    assert (span["server.address"], span["server.port"]) == (address, port)
    assert span.end_ns - span.start_ns < 1_000_000_000


def test_each_attempt_once(agent):
    port = free_port()
    for _ in range(20):
        agent.run_python("failing_connect.py", "nonblocking", "127.0.0.1", port)
    spans = agent.finish()
    assert [(s.name, s.error_type, s["network.peer.port"]) for s in spans] == [
        ("connect", "ECONNREFUSED", port)] * 20


def test_given_up(agent, host):
    """A listener whose queue is full answers nothing; the client gives up after 0.3 s."""
    port = peers.listening(host.python("full_backlog.py")).port
    process = agent.run_python("failing_connect.py", "timeout", "127.0.0.1", port)
    assert process.stdout() == "failed ETIMEDOUT\n"
    span, = agent.finish()
    assert (span.name, span.kind, span.status_code) == ("connect", "CLIENT", "ERROR")
    assert (span["network.peer.address"], span["network.peer.port"]) == ("127.0.0.1", port)
    assert span.error_type == "connect_aborted"
    assert 250_000_000 < span.end_ns - span.start_ns < 5_000_000_000


@pytest.mark.parametrize("library", ["http.client", "requests", "httpx", "httpx-async", "aiohttp"])
def test_library(agent, library):
    port = free_port()
    process = agent.python("http_client.py", "--library", library, "--requests", 1, "--url",
                           f"http://127.0.0.1:{port}")
    assert process.wait() == 1
    spans = agent.finish()
    assert [(s.name, s.kind, s.error_type, s["network.peer.port"]) for s in spans] == [
        ("connect", "CLIENT", "ECONNREFUSED", port)]
