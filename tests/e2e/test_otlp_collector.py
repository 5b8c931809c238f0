# SPDX-License-Identifier: Apache-2.0
"""A real OpenTelemetry Collector receives traces and metrics over both transports."""
import subprocess

import pytest

from harness import peers
from harness.collector import Collector
from harness.oracle import check

pytestmark = pytest.mark.needs("collector")


def send(tacit, endpoint, protocol, env=None):
    agent = tacit.exec("--otlp-endpoint", endpoint, "--otlp-protocol", protocol, env=env)
    service = peers.uvicorn(agent)
    client = peers.http_client(agent, service, library="httpx-async", requests=200, concurrency=10)
    assert agent.finish() == []  # a destination is configured: nothing on standard error
    return service, client


def check_metrics(collector, service):
    """The last export of each metric has every request."""
    durations = [(resource, metric) for resource, metric in collector.metrics()
                 if metric["name"] == "http.server.request.duration"]
    assert durations
    last = {}
    for resource, metric in durations:
        assert metric["unit"] == "s"
        assert metric["histogram"]["aggregationTemporality"] == 2  # cumulative
        for point in metric["histogram"]["dataPoints"]:
            key = (resource["service.name"], str(sorted(map(str, point["attributes"]))))
            last[key] = int(point["count"])
    assert sum(last.values()) == len(service.requests())


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_traces_and_metrics(tacit, host, tmp_path, protocol, compression):
    collector = Collector(host, tmp_path)
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    service, client = send(tacit, f"http://127.0.0.1:{port}", protocol,
                           {"OTEL_EXPORTER_OTLP_COMPRESSION": compression,
                            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=e2e"})
    collector.stop()
    spans = collector.spans()
    assert len(spans) == 400
    check(spans, service, client)
    assert {span.resource["deployment.environment.name"] for span in spans} == {"e2e"}
    check_metrics(collector, service)


@pytest.fixture
def certificate(tmp_path):
    path, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                    path], check=True, capture_output=True)
    return path, key


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_tls(tacit, host, tmp_path, certificate, protocol):
    path, key = certificate
    collector = Collector(host, tmp_path, path, key)
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    service, client = send(tacit, f"https://localhost:{port}", protocol,
                           {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(path)})
    collector.stop()
    check(collector.spans(), service, client)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_tls_with_an_unknown_authority_sends_nothing(tacit, host, tmp_path, certificate, protocol):
    path, key = certificate
    collector = Collector(host, tmp_path, path, key)
    port = collector.grpc_port if protocol == "grpc" else collector.http_port
    send(tacit, f"https://localhost:{port}", protocol)
    collector.stop()
    assert collector.spans() == []
