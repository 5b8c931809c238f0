# SPDX-License-Identifier: Apache-2.0
"""curl, by its own account (--write-out '%{json}')."""
import json
import os

import pytest

from harness import peers
from harness.oracle import check, client

pytestmark = pytest.mark.needs("curl")


def curl(agent, *arguments, status=0):
    process = agent.run("curl", "-sS", "-o", "/dev/null", "-w", "%{json}\n", *arguments,
                        status=status)
    return [json.loads(line) for line in process.stdout().splitlines()]


def test_its_own_figures(agent):
    service = peers.uvicorn(agent)
    wanted = []
    for i, (status, size) in enumerate([(200, 10), (404, 0), (500, 4321), (201, 100_000)]):
        report, = curl(agent, f"{service.url()}/items/c{i}", "-H", f"X-Reply-Status: {status}",
                       "-H", f"X-Reply-Bytes: {size}", "--data-binary", "d" * (i * 10 + 1))
        assert (report["http_code"], report["size_download"]) == (status, size)
        wanted.append(client("POST", f"/items/c{i}", status=report["http_code"],
                             request_bytes=report["size_upload"],
                             response_bytes=report["size_download"],
                             server_port=report["remote_port"]))
    spans = agent.finish()
    check(spans, service, expected=wanted)
    ours = {span["client.port"] for span in spans if span.kind == "SERVER"}
    assert len(ours) == 4
    assert {span["user_agent.original"].split("/")[0] for span in spans} == {"curl"}


def test_one_connection_many_urls(agent):
    service = peers.uvicorn(agent)
    reports = curl(agent, *[f"{service.url()}/items/m{i}" for i in range(20)])
    assert {report["num_connects"] for report in reports} == {0, 1}
    check(agent.finish(), service, expected=[
        client("GET", f"/items/m{i}", status=200, request_bytes=0, response_bytes=0)
        for i in range(20)])


def test_upload_with_expect_continue(agent):
    """curl waits for 100 Continue before it sends the body."""
    service = peers.threading_server(agent)
    curl(agent, f"{service.url()}/items/big", "-T", "/bin/bash", "-H", "Expect: 100-continue",
         "-H", "X-Reply-Bytes: 3")
    spans = agent.finish()
    size = os.path.getsize("/bin/bash")
    check(spans, service, expected=[
        client("PUT", "/items/big", status=200, request_bytes=size, response_bytes=3)])


def test_chunked_upload(agent):
    service = peers.threading_server(agent)
    curl(agent, f"{service.url()}/items/up", "-T", "/bin/bash", "-H",
         "Transfer-Encoding: chunked", "-H", "X-Reply-Bytes: 70000", "-H", "X-Reply-Chunked: 1")
    size = os.path.getsize("/bin/bash")
    check(agent.finish(), service, expected=[
        client("PUT", "/items/up", status=200, request_bytes=size, response_bytes=70_000)])
