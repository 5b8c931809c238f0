# SPDX-License-Identifier: Apache-2.0
"""Each system call that can carry bytes, on both ends."""
import pytest

from harness import peers
from harness.oracle import check

pytestmark = pytest.mark.needs("io_variants")


def run(agent, receive, send):
    program = peers.program("io_variants")
    service = peers.listening(agent.start(program, "server", receive, send))
    asking = agent.run(program, "client", receive, send, service.port, 50)
    assert service.wait() == 0
    spans = agent.finish()
    assert len(spans) == 100
    check(spans, service, asking)


@pytest.mark.parametrize("receive", ["read", "readv", "recv", "recvfrom", "recvmsg", "recvmmsg",
                                     "peek"])
def test_receive(agent, receive):
    run(agent, receive, "write")


@pytest.mark.parametrize("send", ["write", "writev", "send", "more", "sendto", "sendmsg",
                                  "sendmmsg", "sendfile", "splice"])
def test_send(agent, send):
    run(agent, "read", send)
