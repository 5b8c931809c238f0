# SPDX-License-Identifier: Apache-2.0
"""Connections that change hands: each request exactly once, whoever reads and whoever answers."""
import pytest

from harness import peers
from harness.oracle import check


@pytest.mark.parametrize("mode", ["fork", "prefork", "dup", "scm_rights", "midway", "reuse"])
def test_handover(agent, mode):
    service = peers.listening(agent.python("handover_server.py", mode))
    asking = peers.http_client(
        agent, service, *(["--close"] if mode == "reuse" else []), library="http.client",
        method="GET", status=200, requests=100,
        concurrency=4 if mode in ("fork", "prefork") else 1)
    service.stop()
    spans = agent.finish()
    assert len(spans) == 200
    check(spans, service, asking)
