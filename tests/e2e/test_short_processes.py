# SPDX-License-Identifier: Apache-2.0
"""Processes that live for one request, some for less than 10 ms: each is seen, once."""
import shutil
import sys

import pytest

from harness import peers
from harness.oracle import check, client

# Starts the command 200 times, one after the other, from one shell.
LOOP = 'i=0; while [ $i -lt 200 ]; do "$@" /items/s$i || exit 1; i=$((i+1)); done'


def expected(port, **fields):
    return [client("GET", f"/items/s{i}", status=200, outcome=None, server_port=port, **fields)
            for i in range(200)]


@pytest.mark.needs("short_client")
def test_static_program(agent, tmp_path):
    program = tmp_path / "short_client"
    shutil.copy(peers.program("short_client"), program)
    service = peers.threading_server(agent)
    agent.run("sh", "-c", LOOP, "sh", program, service.port)
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, service, expected=expected(service.port, response_bytes=5, service="short_client"))


@pytest.mark.needs("curl")
def test_curl(agent):
    service = peers.threading_server(agent)
    loop = LOOP.replace('"$@" /items', '"$@"/items')
    agent.run("sh", "-c", loop, "sh", "curl", "-sS", service.url())
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, service, expected=expected(service.port, response_bytes=0, service="curl"))


def test_python(agent):
    """An interpreter that knows nothing but sockets; 200 of them at once in four shells."""
    service = peers.threading_server(agent)
    program = ("import sys, socket\n"
               "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
               "s.send(b'GET %s HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n'"
               " % sys.argv[2].encode())\n"
               "while s.recv(4096): pass\n")
    quarter = LOOP.replace("200", "50")
    shells = [agent.start("sh", "-c", quarter.replace("/items/s", f"/items/{n}-"), "sh",
                          sys.executable, "-S", "-c", program, service.port) for n in range(4)]
    for shell in shells:
        assert shell.wait(50) == 0
    spans = agent.finish()
    assert len(spans) == 400
    check(spans, service, expected=[
        client("GET", f"/items/{n}-{i}", status=200, outcome=None, server_port=service.port)
        for n in range(4) for i in range(50)])
