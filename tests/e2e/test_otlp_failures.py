# SPDX-License-Identifier: Apache-2.0
"""Destinations that fail: retried, waited for as they ask, or given up; each loss is counted."""
import time

import grpc
import pytest

from harness import peers
from harness.metrics_page import Page
from harness.oracle import check
from harness.otlp_receiver import GrpcReceiver, HttpReceiver
from harness.processes import free_port, listening_ports, wait_until

REQUESTS = 40  # so 80 spans


@pytest.fixture
def receivers():
    made = []

    def make(kind, *plan, **options):
        made.append(kind(*plan, **options))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


def observed(tacit, receiver, env=None):
    port = free_port()
    protocol = "grpc" if isinstance(receiver, GrpcReceiver) else "http/protobuf"
    agent = tacit.exec("--otlp-endpoint", receiver.url, "--otlp-protocol", protocol,
                       f"--prometheus=127.0.0.1:{port}", env=env)
    wait_until(lambda: port in listening_ports(), "the metrics page")
    return agent, Page(port)


def load(agent):
    service = peers.threading_server(agent)
    client = peers.http_client(agent, service, library="http.client", requests=REQUESTS)
    return service, client


PASSING = {
    "http-503": (HttpReceiver, [("http", 503, {})] * 2),
    "http-429": (HttpReceiver, [("http", 429, {})]),
    "http-502": (HttpReceiver, [("http", 502, {})]),
    "grpc-unavailable": (GrpcReceiver, [("grpc", grpc.StatusCode.UNAVAILABLE, None)] * 2),
    "grpc-deadline": (GrpcReceiver, [("grpc", grpc.StatusCode.DEADLINE_EXCEEDED, None)]),
}


@pytest.mark.parametrize("kind", PASSING)
def test_passing_failure_loses_nothing(tacit, receivers, kind):
    receiver = receivers(PASSING[kind][0], *PASSING[kind][1])
    agent, _ = observed(tacit, receiver)
    service, client = load(agent)
    wait_until(lambda: len(receiver.accepted) == 2 * REQUESTS, "all spans", 30)
    agent.finish()
    check(receiver.accepted, service, client)


@pytest.mark.parametrize("kind, answer", [
    (HttpReceiver, ("http", 503, {"Retry-After": "3"})),
    (HttpReceiver, ("http", 429, {"Retry-After": "3"})),
    (GrpcReceiver, ("grpc", grpc.StatusCode.UNAVAILABLE, 3)),
])
def test_waits_as_asked(tacit, receivers, kind, answer):
    receiver = receivers(kind, answer)
    agent, _ = observed(tacit, receiver)
    service, client = load(agent)
    wait_until(lambda: len(receiver.accepted) == 2 * REQUESTS, "all spans", 30)
    agent.finish()
    assert 2.9 <= receiver.times[1] - receiver.times[0] < 8
    check(receiver.accepted, service, client)


@pytest.mark.parametrize("kind, answer", [
    (HttpReceiver, ("http", 400, {})), (HttpReceiver, ("http", 401, {})),
    (HttpReceiver, ("http", 404, {})),
    (GrpcReceiver, ("grpc", grpc.StatusCode.INVALID_ARGUMENT, None)),
    (GrpcReceiver, ("grpc", grpc.StatusCode.UNAUTHENTICATED, None)),
])
def test_permanent_failure_is_counted_and_not_retried(tacit, receivers, kind, answer):
    receiver = receivers(kind, *[answer] * 1000)
    agent, page = observed(tacit, receiver)
    load(agent)
    spans = 2 * REQUESTS + 1  # and the client, which is a program
    page.until("tacit_exporter_failed_total", spans, destination="otlp-spans")
    assert page.total("tacit_exporter_failed_total", destination="otlp-spans") == spans
    assert page.total("tacit_exporter_exported_total", destination="otlp-spans") == 0
    agent.finish()
    # Each span was sent once.
    assert (receiver.refused, receiver.accepted) == (2 * REQUESTS, [])  # without programs


def test_slow_destination_does_not_slow_the_target(tacit, receivers):
    receiver = receivers(HttpReceiver, ("sleep", 4))
    agent, _ = observed(tacit, receiver)
    began = time.monotonic()
    service, client = load(agent)
    assert time.monotonic() - began < 4
    agent.finish()
    check(receiver.accepted, service, client)


def test_down_at_exit(tacit):
    """Nobody listens: the agent ends within its deadline, with the command's status."""
    agent = tacit.exec("--otlp-endpoint", f"http://127.0.0.1:{free_port()}", "--otlp-protocol",
                       "http/protobuf")
    load(agent)
    began = time.monotonic()
    agent.finish()
    assert time.monotonic() - began < 15


def test_comes_up_later(tacit, receivers):
    """The destination starts after the spans were made."""
    port = free_port()
    agent = tacit.exec("--otlp-endpoint", f"http://127.0.0.1:{port}", "--otlp-protocol",
                       "http/protobuf")
    service, client = load(agent)
    receiver = receivers(HttpReceiver, port=port)
    wait_until(lambda: len(receiver.accepted) == 2 * REQUESTS, "all spans", 30)
    agent.finish()
    check(receiver.accepted, service, client)


@pytest.mark.parametrize("kind", [HttpReceiver, GrpcReceiver])
def test_headers_are_sent_and_not_shown(tacit, receivers, kind):
    receiver = receivers(kind)
    agent, _ = observed(tacit, receiver, env={
        "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=planted-key-5512,x-tenant=t%201",
        "OTEL_LOG_LEVEL": "debug"})
    load(agent)
    wait_until(lambda: len(receiver.accepted) == 2 * REQUESTS, "all spans", 30)
    agent.finish()
    sent = {name.lower(): value for name, value in receiver.headers[0].items()}
    assert (sent["x-api-key"], sent["x-tenant"]) == ("planted-key-5512", "t 1")
    assert "planted-key-5512" not in agent.output.text()


@pytest.mark.parametrize("kind", [HttpReceiver, GrpcReceiver])
def test_metrics_by_otlp(tacit, receivers, kind):
    """Exported at the interval and once more at the end: the last export has everything."""
    receiver = receivers(kind)
    agent, _ = observed(tacit, receiver, env={"OTEL_METRIC_EXPORT_INTERVAL": "1000"})
    load(agent)
    wait_until(lambda: len(receiver.metric_exports) >= 2, "two exports", 20)
    agent.finish()
    count = 0
    for group in receiver.metric_exports[-1].resource_metrics:
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                if metric.name == "http.server.request.duration":
                    count += sum(point.count for point in metric.histogram.data_points)
    assert count == REQUESTS
