# SPDX-License-Identifier: Apache-2.0
"""A real OpenTelemetry Collector (harness/collector/, built by prepare-peers.sh) whose file
exporter shows what arrived."""
import json

from harness import peers
from harness.processes import free_port, listening_ports, wait_until
from harness.spans import Span, split

CONFIG = """
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:{grpc}"{tls}}}
      http: {{endpoint: "127.0.0.1:{http}"{tls}}}
exporters:
  file/traces: {{path: {place}/traces.jsonl}}
  file/metrics: {{path: {place}/metrics.jsonl}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file/traces]}}
    metrics: {{receivers: [otlp], exporters: [file/metrics]}}
"""
KINDS = {1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}
CODES = {0: "UNSET", 1: "OK", 2: "ERROR"}


def _value(value):
    (kind, content), = value.items() if value else (("none", None),)
    if kind == "intValue":
        return int(content)
    if kind == "arrayValue":
        return [_value(item) for item in content.get("values", [])]
    return content


def _attributes(pairs):
    return {pair["key"]: _value(pair["value"]) for pair in pairs or []}


class Collector:
    def __init__(self, host, place, certificate=None, key=None):
        self.place = place
        self.grpc_port, self.http_port = free_port(), free_port()
        tls = f', tls: {{cert_file: "{certificate}", key_file: "{key}"}}' if certificate else ""
        (place / "collector.yaml").write_text(CONFIG.format(
            grpc=self.grpc_port, http=self.http_port, place=place, tls=tls))
        self.process = host.start(peers.program("collector"), "--config", place / "collector.yaml")
        wait_until(lambda: {self.grpc_port, self.http_port} <= listening_ports(), "the collector")

    def stop(self):
        assert self.process.stop() == 0, self.process.stderr()

    def _lines(self, name):
        with open(self.place / name) as file:
            return [json.loads(line) for line in file]

    def spans(self):
        """Spans of all requests that arrived. The file is complete once the collector has stopped."""
        return split(self.all_spans())[0]

    def all_spans(self):
        return [Span(name=span["name"], kind=KINDS.get(span["kind"], str(span["kind"])),
                     trace_id=span["traceId"], span_id=span["spanId"],
                     parent_span_id=span.get("parentSpanId", ""),
                     start_ns=int(span["startTimeUnixNano"]), end_ns=int(span["endTimeUnixNano"]),
                     status_code=CODES[span.get("status", {}).get("code", 0)],
                     status_message=span.get("status", {}).get("message", ""),
                     attributes=_attributes(span.get("attributes")),
                     resource=_attributes(group["resource"].get("attributes")))
                for line in self._lines("traces.jsonl") for group in line["resourceSpans"]
                for scope in group["scopeSpans"] for span in scope["spans"]]

    def metrics(self):
        """[(resource, metric)] of all exports, in order of arrival."""
        return [(_attributes(group["resource"].get("attributes")), metric)
                for line in self._lines("metrics.jsonl") for group in line["resourceMetrics"]
                for scope in group["scopeMetrics"] for metric in scope["metrics"]]
