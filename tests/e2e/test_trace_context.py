# SPDX-License-Identifier: Apache-2.0
"""traceparent and tracestate in a request are honoured; a malformed one is not believed."""
import pytest

from harness import peers

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def spans_of(agent, *headers):
    service = peers.threading_server(agent)
    options = [part for header in headers for part in ("--header", header)]
    peers.http_client(agent, service, *options, library="http.client", requests=3, method="GET")
    spans = agent.finish()
    assert len(spans) == 6
    return spans


def test_honoured(agent):
    spans = spans_of(agent, f"traceparent: 00-{TRACE}-{PARENT}-01", "tracestate: vendor=1,other=2")
    assert {span.trace_id for span in spans} == {TRACE}
    servers = [span for span in spans if span.kind == "SERVER"]
    assert {span.parent_span_id for span in servers} == {PARENT}
    assert len({span.span_id for span in spans} - {PARENT}) == 6


def test_not_sampled_by_the_caller(tacit):
    """The default sampler follows the parent: flag 00 gives no span."""
    agent = tacit.exec("--console", "json")
    service = peers.threading_server(agent)
    peers.http_client(agent, service, "--header", f"traceparent: 00-{TRACE}-{PARENT}-00",
                      library="http.client", requests=3)
    assert agent.finish() == []


@pytest.mark.parametrize("value", [
    f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{PARENT}-01",
    f"00-{TRACE[:-1]}-{PARENT}-01", f"00-{TRACE.upper()}-{PARENT}-01", "nonsense",
    f"00-{TRACE}-{PARENT}-01-more"])
def test_malformed(agent, value):
    spans = spans_of(agent, f"traceparent: {value}")
    assert TRACE not in {span.trace_id for span in spans}
    servers = [span for span in spans if span.kind == "SERVER"]
    assert PARENT not in {span.parent_span_id for span in servers}
    assert all(len(span.trace_id) == 32 and span.trace_id != "0" * 32 for span in spans)


def test_only_the_hop_that_carries_it(agent):
    """The hop that carries traceparent is in its trace."""
    worker = peers.uvicorn(agent)
    front = peers.uvicorn(agent, env={"NEXT_URL": worker.url()})
    peers.http_client(agent, front, "--header", f"traceparent: 00-{TRACE}-{PARENT}-01",
                      library="httpx", path="/call/{i}", method="GET", requests=1)
    spans = agent.finish()
    assert len(spans) == 4
    received = [span for span in spans if span["url.path"] == "/call/0"]
    assert {span.trace_id for span in received} == {TRACE}
