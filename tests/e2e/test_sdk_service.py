# SPDX-License-Identifier: Apache-2.0
"""A service in the middle of a chain has an OpenTelemetry SDK of its own: its spans are the ones
that count, the agent adds none beside them, and the trace goes on through it."""
import pathlib
import sys

import pytest

from harness import chain
from harness.otlp_receiver import HttpReceiver
from harness.parents import ENVIRONMENT, token_of
from harness.peers import listening
from harness.processes import WORKLOADS, wait_until

pytestmark = [pytest.mark.needs("go_chain"), pytest.mark.timeout(120)]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
REQUESTS = 20


@pytest.fixture
def receiver():
    made = HttpReceiver()
    yield made
    made.close()


def sdk_service(starter, next_server, receiver):
    instrument = pathlib.Path(sys.executable).parent / "opentelemetry-instrument"
    return listening(starter.start(
        sys.executable, instrument, sys.executable, WORKLOADS / "sdk_app.py",
        env=chain.environment(
            next_server, OTEL_SERVICE_NAME="middle", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_BSP_SCHEDULE_DELAY="200",
            OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")))


class Ran:
    """SDK's and agent's spans of so many requests to the service in the middle."""

    def __init__(self, tacit, receiver, send):
        agent = tacit.exec("--console", "json", env=ENVIRONMENT)
        self.service = sdk_service(agent, chain.backend(agent), receiver)
        send(agent, self.service)
        # Each request: a server span and two calls (and two that tell of the answer's parts).
        wait_until(lambda: len(self.sdk(receiver, "CLIENT")) == 2 * REQUESTS
                   and len(self.sdk(receiver, "SERVER")) == REQUESTS, "the SDK's spans", 30)
        self.agent_spans = agent.finish()
        self.servers = self.sdk(receiver, "SERVER")
        self.clients = self.sdk(receiver, "CLIENT")

    @staticmethod
    def sdk(receiver, kind):
        with receiver.lock:
            return [span for span in receiver.accepted if span.kind == kind]

    def check(self):
        """No span of the agent's for the SDK's service; the worker's hang on the SDK's calls."""
        doubles = [f"{span.kind} {span.name} {token_of(span)}" for span in self.agent_spans
                   if span.service == "middle"]
        assert not doubles, f"{len(doubles)} spans beside the SDK's own: {sorted(doubles)[:5]} …"
        arrivals = [span for span in self.agent_spans
                    if span.kind == "SERVER" and span["url.path"] in ("/fast", "/slow")]
        assert len(arrivals) == 2 * REQUESTS
        assert ({(span.trace_id, span.parent_span_id) for span in arrivals}
                == {(span.trace_id, span.span_id) for span in self.clients})


def test_called_without_a_header(tacit, host, receiver):
    def send(agent, service):
        chain.load(host, service, ["/seq"], REQUESTS / chain.SCALE, 4, "s")
    ran = Ran(tacit, receiver, send)
    ran.check()
    assert len({span.trace_id for span in ran.servers}) == REQUESTS


def test_called_with_a_header(tacit, host, receiver):
    """The caller's trace goes on through the SDK's spans to the worker behind."""
    def send(agent, service):
        for number in range(REQUESTS):
            host.run("curl", "-sS", "-H", f"X-Token: s-{number}", "-H",
                     f"traceparent: 00-{TRACE}-{PARENT}-01", service.url() + "/seq")
    ran = Ran(tacit, receiver, send)
    ran.check()
    spans = ran.servers + ran.clients + ran.agent_spans
    assert {span.trace_id for span in spans if span.service != "launcher"} == {TRACE}


def test_service_in_front_without_an_sdk(tacit, host, receiver):
    """An observed service calls the one with the SDK: it keeps its own spans."""
    def send(agent, service):
        front = chain.flask(agent, service)
        host.run(sys.executable, "-c", "import sys, urllib.request\n"
                 "for i in range(10):\n"
                 "    urllib.request.urlopen(urllib.request.Request(sys.argv[1],\n"
                 "        headers={'X-Token': f'f-{i}'})).read()", front.url() + "/relay")
    ran = Ran(tacit, receiver, send)
    ran.check()
    own = [span for span in ran.agent_spans if span.service == "thread_chain"]
    servers = {span.span_id: span for span in own if span.kind == "SERVER"}
    calls = [span for span in own if span.kind == "CLIENT"]
    assert (len(servers), len(calls)) == (10, 20)
    for call in calls:
        assert token_of(call).startswith(token_of(servers[call.parent_span_id]) + ".")
