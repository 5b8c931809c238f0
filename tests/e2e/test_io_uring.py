# SPDX-License-Identifier: Apache-2.0
"""Traffic through io_uring cannot be seen at the syscalls: counted and said, never half a span."""
import pytest

from harness import peers
from harness.metrics_page import Page
from harness.oracle import check, client
from harness.processes import free_port

pytestmark = pytest.mark.needs("uring_server")


def test_counted_not_invented(tacit):
    port = free_port()
    agent = tacit.exec("--console", "json", f"--prometheus=127.0.0.1:{port}")
    service = peers.listening(agent.start(peers.program("uring_server"), 10))
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    steps = [step for i in range(10)
             for step in (["send", f"GET /items/{i} HTTP/1.1\r\nHost: raw\r\n\r\n"],
                          ["read", len(answer)])]
    peers.raw_client(agent, service, steps)
    assert service.wait() == 0
    page = Page(port).until("http_client_request_duration_seconds_count", 10)
    # Ten receives and ten sends.
    page.until("tacit_unseen_io_uring_operations_total", 20)
    assert page.total("tacit_unseen_io_uring_operations_total") == 20
    check(agent.finish(), expected=[client("GET", f"/items/{i}", status=200, response_bytes=2)
                                    for i in range(10)])
